#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::BTreeSet, fs, path::Path};

use muster_registry::FaultKind;

use super::*;

const CRATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The program's sources without their tests: the part of each file before its test module.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["tests", "target", "examples"].contains(&&*name) {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).unwrap();
            found.push(text.split("\nmod tests {").next().unwrap().to_owned());
        }
    }
}

/// Whether the sources construct a code: `ErrorKind::Name` for a registry's errors.
fn makes(sources: &[String], value: &str) -> bool {
    let stands_alone = |(at, _): (usize, &str), text: &String| {
        !text[at + value.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_')
    };
    sources.iter().any(|text| text.match_indices(value).any(|found| stands_alone(found, text)))
}

#[test]
fn every_code_that_is_listed_is_one_that_can_happen() {
    let mut found = Vec::new();
    let is_table =
        |text: &String| text.contains("codes! { ErrorCode") || text.contains("own_codes! {");
    sources(Path::new(CRATES), &mut found);
    found.retain(|text| !is_table(text));
    assert!(found.len() > 300, "{}", found.len());
    for code in ErrorCode::all() {
        let made = [format!("ErrorKind::{code:?}"), format!("Kind::{code:?}")];
        assert!(made.iter().any(|made| makes(&found, made)), "nothing answers with {code}");
    }
    let faults: BTreeSet<_> = FAULTS.map(|kind| OwnCode::from(kind).name()).into();
    for code in OwnCode::ALL {
        let is_made = makes(&found, &format!("OwnCode::{code:?}")) || faults.contains(code.name());
        assert!(is_made, "no command fails with {}", code.name());
    }
    assert!(!makes(&found, "ErrorKind::NoSuchCode"));
}

const FAULTS: [FaultKind; 9] = [
    FaultKind::ChainBroken,
    FaultKind::Unreadable,
    FaultKind::ContentChanged,
    FaultKind::ContentMissing,
    FaultKind::FormatNewer,
    FaultKind::FoldFailed,
    FaultKind::FoldDiffers,
    FaultKind::TailMissing,
    FaultKind::CheckpointBroken,
];

#[test]
fn what_a_verification_finds_is_listed_under_its_code() {
    for kind in FAULTS {
        assert_eq!(OwnCode::from(kind).name(), kind.code());
    }
}

#[test]
fn a_name_is_listed_once_with_whole_sentences_and_says_what_to_do() {
    let mut names = BTreeSet::new();
    for code in all() {
        assert!(names.insert(code.name().to_owned()), "{code} is listed twice");
        assert_eq!(FailureCode::named(code.name()), code);
    }
    assert!(OwnCode::ALL.is_sorted_by_key(|code| code.name()));
    for code in OwnCode::ALL {
        for sentence in [code.meaning(), code.help()] {
            assert!(sentence.ends_with('.'), "{}: {sentence}", code.name());
        }
    }
    for name in ["no_server", "in_use", "partly_applied"] {
        assert!(matches!(FailureCode::named(name), FailureCode::Own(_)), "{name}");
    }
}

#[test]
fn the_page_of_the_reference_is_what_the_program_lists() {
    let path = format!("{CRATES}/../docs/reference/errors.md");
    assert!(
        fs::read_to_string(path).unwrap() == page::page(),
        "docs/reference/errors.md is outdated: tests/pages target/debug/muster --write"
    );
}
