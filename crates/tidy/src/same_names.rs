//! One name, one meaning: a public type's name is defined in one room.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Finding, Kind, Source};

/// The page with the most names that may be defined twice.
pub const RATCHETS: &str = "crates/tidy/ratchets.toml";

/// Crates that nothing depends on: their types meet nobody else's.
const BESIDE: &[&str] = &["tidy"];

/// Every public type whose name another room defines as well, if there are more such names than
/// the ratchet `names_in_two_rooms` allows.
#[must_use]
pub fn check(sources: &[Source<'_>], ratchets: &str) -> Vec<Finding> {
    let table: toml::Table = ratchets.parse().unwrap_or_default();
    let most = table.get("names_in_two_rooms").and_then(toml::Value::as_integer).unwrap_or(0);
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
    if usize::try_from(most).is_ok_and(|most| defined.len() <= most) {
        return Vec::new();
    }
    let count = defined.len();
    let over = format!("names_in_two_rooms: {count}, more than {most}");
    let places = defined.iter().flat_map(|(name, places)| {
        places.iter().map(move |(_, source, line)| {
            let what = format!("`{name}` is defined in another room too: one name, one meaning");
            Finding::at(source.path, *line, what)
        })
    });
    std::iter::once(Finding::of(RATCHETS, over)).chain(places).collect()
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
        for (ratchets, expect) in [
            ("", vec![RATCHETS, places[0], places[1]]),
            ("names_in_two_rooms = 0", vec![RATCHETS, places[0], places[1]]),
            ("names_in_two_rooms = 1", vec![]),
        ] {
            let found = check(&sources, ratchets);
            let found: Vec<&str> = found.iter().map(|finding| finding.path.as_str()).collect();
            assert_eq!(found, expect, "{ratchets}");
        }
    }
}
