//! Which room may use which, as ARCHITECTURE.md's table says: dependencies run one way.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Finding, supply::Graph};

/// The page whose table is the rule.
pub const PAGE: &str = "ARCHITECTURE.md";

/// Crates that are no rooms. Nothing depends on them, and they may use every room.
const BESIDE: &[&str] = &["tidy", "bench", "bench-schemas", "sim", "fuzz", "e2e"];

/// The rooms that each room may use, by its name.
pub type Table = BTreeMap<String, BTreeSet<String>>;

/// Reads the table of rooms: rows of the form ``| `room` | what it is | `may`, `use` |``, where
/// `every room` stands for all of them.
#[must_use]
pub fn table(page: &str) -> Table {
    let rows: Vec<Vec<&str>> = page
        .lines()
        .skip_while(|line| !(line.starts_with("| room") && line.contains("may use")))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let ticked = |cell: &str| -> Vec<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let rooms: BTreeSet<String> =
        rows.iter().filter_map(|row| ticked(row.first()?).into_iter().next()).collect();
    rows.iter()
        .filter_map(|row| {
            let room = ticked(row.first()?).into_iter().next()?;
            let last = row.last()?;
            let named: BTreeSet<String> = ticked(last).into_iter().collect();
            let uses = if last.starts_with("every room but") {
                rooms
                    .iter()
                    .filter(|other| **other != room && !named.contains(*other))
                    .cloned()
                    .collect()
            } else if last.starts_with("every room") {
                rooms.iter().filter(|other| **other != room).cloned().collect()
            } else {
                named
            };
            Some((room, uses))
        })
        .collect()
}

/// Dependencies between rooms that the table doesn't allow, rooms that it doesn't list, and listed
/// rooms that don't exist. Dependencies of tests are free.
#[must_use]
pub fn check(table: &Table, graph: &Graph) -> Vec<Finding> {
    let mut found = Vec::new();
    for member in graph.members() {
        let room = member.room();
        if BESIDE.contains(&room) {
            continue;
        }
        let Some(may_use) = table.get(room) else {
            found.push(Finding::of(PAGE, format!("the table of rooms lacks `{room}`")));
            continue;
        };
        for used in member.uses.iter().filter_map(|name| name.strip_prefix("muster-")) {
            if !may_use.contains(used) {
                let what = format!("`{room}` may not use `{used}` ({PAGE}, the rooms)");
                found.push(Finding::of(&format!("crates/{room}/Cargo.toml"), what));
            }
        }
    }
    for room in table.keys() {
        if !graph.members().any(|member| member.room() == room) {
            found.push(Finding::of(
                PAGE,
                format!("the table of rooms has `{room}`, which isn't there"),
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_TEXT: &str = "text\n\n| room | what it is | may use |\n|---|---|---|\n\
        | `words` | Names. | nothing |\n| `seal` | Signatures: `sign`. | `words` |\n\
        | `stores` | Files. | `words` |\n| `http` | The door. | every room but `stores` |\n\
        | `muster` | All. | every room |\n\ntext";

    fn graph(uses: &[(&str, &[&str])]) -> Graph {
        let package = |(name, uses): &(&str, &[&str])| {
            let uses: Vec<String> =
                uses.iter().map(|used| format!(r#"{{"name":"{used}","kind":null}}"#)).collect();
            format!(
                r#"{{"name":"{name}","version":"1.0.0","id":"{name}","source":null,
                "license":null,"manifest_path":"/r/{name}/Cargo.toml","dependencies":[{}]}}"#,
                uses.join(",")
            )
        };
        let packages: Vec<String> = uses.iter().map(package).collect();
        let text = format!(r#"{{"packages":[{}],"resolve":{{"nodes":[]}}}}"#, packages.join(","));
        Graph::parse(&text).unwrap_or_default()
    }

    #[test]
    fn reads_the_table() {
        let table = table(PAGE_TEXT);
        for (room, expect) in [
            ("words", vec![]),
            ("seal", vec!["words"]),
            ("http", vec!["muster", "seal", "words"]),
            ("muster", vec!["http", "seal", "stores", "words"]),
        ] {
            let uses: Vec<&str> = table[room].iter().map(String::as_str).collect();
            assert_eq!(uses, expect, "{room}");
        }
    }

    #[test]
    fn names_a_dependency_against_the_grain_and_a_room_without_a_row() {
        let rooms: &[(&str, &[&str])] = &[
            ("muster-words", &["muster-seal", "serde"]),
            ("muster-seal", &["muster-words"]),
            ("muster-stores", &[]),
            ("muster-http", &["muster-stores"]),
            ("muster-lodge", &[]),
            ("muster-tidy", &["muster-http"]),
        ];
        let found: Vec<String> =
            check(&table(PAGE_TEXT), &graph(rooms)).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "crates/http/Cargo.toml: `http` may not use `stores` (ARCHITECTURE.md, the rooms)",
                "ARCHITECTURE.md: the table of rooms lacks `lodge`",
                "crates/words/Cargo.toml: `words` may not use `seal` (ARCHITECTURE.md, the rooms)",
                "ARCHITECTURE.md: the table of rooms has `muster`, which isn't there",
            ]
        );
    }
}
