//! One name, one meaning: a public type's name is defined in one room.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Finding, Kind, Source};

/// The names that two rooms may define because they mean the same thing in both, each with its
/// reason. A listed name that two rooms no longer define is a finding.
const ALLOWED: &[(&str, &str)] = &[
    ("FailingDocuments", "`wire` has the form of `registry`'s in which it travels"),
    ("Plan", "a folder's plan in `muster` becomes one plan of `catalog` a request"),
    ("RefusedPart", "`wire` has the form of `registry`'s in which it travels"),
    ("RollbackStep", "`wire` has the form of `registry`'s in which it travels"),
    ("Severity", "`wire` has the form of `schema`'s in which it travels"),
    ("Violation", "`wire` has the form of `schema`'s in which it travels"),
];

/// The file of the list.
const LIST: &str = "crates/tidy/src/same_names.rs";

/// Crates that nothing depends on: their types can't meet other rooms' types.
const BESIDE: &[&str] = &["tidy"];

/// Every public type whose name another room defines as well, except the listed ones.
#[must_use]
pub fn check(sources: &[Source<'_>]) -> Vec<Finding> {
    check_but(sources, ALLOWED)
}

fn check_but(sources: &[Source<'_>], allowed: &[(&str, &str)]) -> Vec<Finding> {
    let mut defined: BTreeMap<&str, Vec<(&str, &Source<'_>, usize)>> = BTreeMap::new();
    for source in sources {
        let Some(room) = source.room().filter(|room| !BESIDE.contains(room)) else { continue };
        for (name, line) in public_types(source) {
            defined.entry(name).or_default().push((room, source, line));
        }
    }
    defined.retain(|_, places| {
        places.iter().map(|(room, ..)| *room).collect::<BTreeSet<_>>().len() > 1
    });
    let is_allowed = |name: &str| allowed.iter().any(|(allowed, _)| *allowed == name);
    let places = defined.iter().filter(|(name, _)| !is_allowed(name));
    let twice = places.flat_map(|(name, places)| {
        places.iter().map(move |(_, source, line)| {
            let what = format!("`{name}` is defined in another room too: one name, one meaning");
            Finding::at(source.path, *line, what)
        })
    });
    let unneeded =
        allowed.iter().filter(|(name, _)| !defined.contains_key(name)).map(|(name, _)| {
            Finding::of(LIST, format!("`{name}` is allowed twice, and no two rooms define it"))
        });
    twice.chain(unneeded).collect()
}

/// The names of `pub struct`, `pub enum`, `pub trait`, `pub type` and `pub union`, each with its
/// line.
fn public_types<'a>(source: &Source<'a>) -> Vec<(&'a str, usize)> {
    source
        .code
        .windows(3)
        .enumerate()
        .filter(|(at, window)| {
            let [visibility, keyword, name] = window else { return false };
            visibility.text == "pub"
                && matches!(keyword.text, "struct" | "enum" | "trait" | "type" | "union")
                && name.kind == Kind::Word
                && !source.in_test(*at)
        })
        .map(|(_, window)| (window[2].text, window[2].line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_type_that_two_rooms_define() {
        let sources = [
            Source::new("crates/a/src/x.rs", "pub struct One;\npub struct Two; struct Three;"),
            Source::new(
                "crates/b/src/y.rs",
                "pub enum One {} pub(crate) struct Two; struct Three;",
            ),
            Source::new("crates/b/src/z.rs", "#[cfg(test)] mod t { pub struct Two; }"),
            Source::new("crates/tidy/src/z.rs", "pub struct Two;"),
        ];
        let places = ["crates/a/src/x.rs", "crates/b/src/y.rs"];
        for (allowed, expect) in [
            (&[][..], places.to_vec()),
            (&[("One", "a reason")], vec![]),
            (&[("One", "a reason"), ("Two", "a reason")], vec![LIST]),
            (&[("Three", "a reason")], vec![places[0], places[1], LIST]),
        ] {
            let found = check_but(&sources, allowed);
            let found: Vec<&str> = found.iter().map(|finding| finding.path.as_str()).collect();
            assert_eq!(found, expect, "{allowed:?}");
        }
    }
}
