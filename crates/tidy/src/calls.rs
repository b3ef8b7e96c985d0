//! Calls that a room may not make, and code that nobody may write.

use crate::{Finding, Kind, Source, Token, source::matching};

/// Rooms without I/O, clock or randomness (ARCHITECTURE.md, invariant 6).
pub const PURE_ROOMS: &[&str] =
    &["words", "seal", "ledger", "schema", "rules", "model", "catalog", "history"];

/// The beginnings of the paths that a pure room may not use.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net",
    "std::os",
    "std::process",
    "std::thread::sleep",
    "std::time::Instant",
    "std::time::SystemTime",
    "chrono::Local",
    "chrono::Utc",
    "getrandom",
    "hyper",
    "rand",
    "reqwest",
    "rusqlite",
    "tokio",
];

/// Clocks and waiting, by their imported names.
const CLOCKS: &[&str] = &[
    "Instant::now",
    "OffsetDateTime::now_utc",
    "OffsetDateTime::now_local",
    "SystemTime::now",
    "Utc::now",
    "thread::sleep",
];

/// Macros for unfinished work and for debugging.
const UNFINISHED: &[&str] = &["todo", "unimplemented", "dbg"];

/// I/O, clocks and randomness in a pure room, and uses of the environment outside the program.
#[must_use]
pub fn rooms(source: &Source<'_>) -> Vec<Finding> {
    let Some(room) = source.room() else { return Vec::new() };
    let pure = PURE_ROOMS.contains(&room);
    let mut found = Vec::new();
    for (at, path) in paths(&source.code) {
        if source.in_test(at) {
            continue;
        }
        let begins = |with: &&&str| path == **with || path.starts_with(&format!("{with}::"));
        let line = source.code[at].line;
        let impure = IMPURE.iter().find(begins).or_else(|| CLOCKS.iter().find(|c| path == **c));
        if pure && impure.is_some() {
            let what = format!("`{path}` in `{room}`, which is pure: let the caller pass it in");
            found.push(Finding::at(source.path, line, what));
        } else if room != "muster" && path.starts_with("std::env::") {
            let what = format!("`{path}`: only `muster` reads the environment and the arguments");
            found.push(Finding::at(source.path, line, what));
        }
    }
    found
}

/// The rooms that may read changes: one defines their meaning, one describes them, and one writes
/// them. All others use views and what `history` offers.
const CHANGE_ROOMS: &[&str] = &["catalog", "history", "registry"];

/// Changes that are read in other rooms.
#[must_use]
pub fn changes(source: &Source<'_>) -> Vec<Finding> {
    if source.room().is_none_or(|room| CHANGE_ROOMS.contains(&room)) {
        return Vec::new();
    }
    let reads = |path: &str| {
        let rest = path.strip_prefix("muster_catalog::changes");
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let found =
        paths(&source.code).into_iter().filter(|(at, path)| reads(path) && !source.in_test(*at));
    let what =
        "changes are read by `catalog`, `history` and `registry`: ask `history` what they did";
    found.map(|(at, _)| Finding::at(source.path, source.code[at].line, what)).collect()
}

/// What `http` may not name: the fold, the trees that it works on, and the tests of a filter.
/// They have their one place in `catalog`, and a view or a query answers what they find.
const KEPT_FROM_HTTP: &[&str] = &[
    "muster_catalog::apply",
    "muster_catalog::state::Subtree",
    "muster_catalog::query::Comparison",
    "muster_catalog::query::FilterExpression",
    "muster_catalog::query::FilterMatch",
    "muster_catalog::query::FilterTest",
    "muster_catalog::query::TextPattern",
];

/// Meanings of the catalog in the HTTP server.
#[must_use]
pub fn meanings(source: &Source<'_>) -> Vec<Finding> {
    if source.room() != Some("http") {
        return Vec::new();
    }
    let names = |path: &str| {
        let is = |kept: &&str| {
            path.strip_prefix(*kept).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        KEPT_FROM_HTTP.iter().any(is)
    };
    let found =
        paths(&source.code).into_iter().filter(|(at, path)| names(path) && !source.in_test(*at));
    found
        .map(|(at, path)| {
            let what = format!("`{path}` in `http`: ask a view or a query of `catalog` instead");
            Finding::at(source.path, source.code[at].line, what)
        })
        .collect()
}

/// Attributes and macros that nobody may write: `allow`, `ignore`, `expect` without a reason, and
/// macros for unfinished work.
#[must_use]
pub fn escapes(source: &Source<'_>) -> Vec<Finding> {
    let code = &source.code;
    let mut found = Vec::new();
    for at in 0..code.len() {
        let line = code[at].line;
        if source.stands(at, &["#", "["]) || source.stands(at, &["#", "!", "["]) {
            let open = if code[at + 1].text == "[" { at + 1 } else { at + 2 };
            let inside = &code[open + 1..matching(code, open)];
            found.extend(attribute(inside).map(|what| Finding::at(source.path, line, what)));
        }
        if code[at].kind == Kind::Word
            && UNFINISHED.contains(&code[at].text)
            && source.stands(at + 1, &["!"])
        {
            let what = format!("`{}!`: what isn't done isn't there", code[at].text);
            found.push(Finding::at(source.path, line, what));
        }
    }
    found
}

fn attribute(inside: &[Token<'_>]) -> Option<&'static str> {
    let has = |row: [&str; 2]| {
        inside.windows(2).any(|pair| {
            pair.iter().zip(row).all(|(token, text)| token.text == text)
                && pair.iter().all(|token| token.kind != Kind::Literal)
        })
    };
    if has(["allow", "("]) {
        Some("`allow`: use `#[expect(…, reason = \"…\")]`, which tells when it is no longer needed")
    } else if has(["expect", "("]) && !has(["reason", "="]) {
        Some("`expect` without a reason")
    } else if inside.first().is_some_and(|token| token.text == "ignore")
        && !inside.last().is_some_and(|token| token.text.starts_with("\"run by "))
    {
        Some("`ignore`: a test that doesn't run is not a test, but for `\"run by …\"` another one")
    } else {
        None
    }
}

/// Sleeps in tests: a test should wait for a condition. Where the test is about time itself, a
/// comment that begins with `sleeps:`, on that line or the one above, says why. A file with
/// `start_paused` has its own clock, which a sleep moves forward.
#[must_use]
pub fn sleeps(source: &Source<'_>) -> Vec<Finding> {
    // Measurements are about time.
    if source.path.starts_with("bench/") || source.text.contains("start_paused") {
        return Vec::new();
    }
    let reasons: Vec<usize> = source
        .comments
        .iter()
        .filter(|comment| comment.text.contains("sleeps: "))
        .map(|comment| comment.line)
        .collect();
    (0..source.code.len())
        .filter(|at| source.stands(*at, &["sleep", "("]) && source.in_test(*at))
        .filter(|at| *at == 0 || source.code[*at - 1].text != "fn")
        .map(|at| source.code[at].line)
        .filter(|line| !reasons.contains(line) && !reasons.contains(&(line - 1)))
        .map(|line| {
            let what = "a sleep in a test: wait for the condition, or say why with `// sleeps: …`";
            Finding::at(source.path, line, what)
        })
        .collect()
}

/// Every path in the code with the position of its first word. A tree of `use` gives each of its
/// paths.
fn paths(code: &[Token<'_>]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in 0..code.len() {
        let continues = at >= 2 && code[at - 1].text == ":" && code[at - 2].text == ":";
        if code[at].kind == Kind::Word && !continues {
            expand(code, at, at, "", &mut found);
        }
    }
    found
}

fn expand(
    code: &[Token<'_>],
    first: usize,
    mut at: usize,
    prefix: &str,
    found: &mut Vec<(usize, String)>,
) {
    let mut path = prefix.to_owned();
    while let Some(token) = code.get(at) {
        if token.text == "{" && path.ends_with("::") {
            branches(code, at, &path, found);
            return;
        }
        if token.kind != Kind::Word {
            break;
        }
        path.push_str(token.text);
        let goes_on = code.get(at + 1).is_some_and(|mark| mark.text == ":")
            && code.get(at + 2).is_some_and(|mark| mark.text == ":");
        if !goes_on {
            break;
        }
        path.push_str("::");
        at += 3;
    }
    found.push((first, path.trim_end_matches("::").to_owned()));
}

fn branches(code: &[Token<'_>], open: usize, prefix: &str, found: &mut Vec<(usize, String)>) {
    let close = matching(code, open);
    let mut at = open + 1;
    while at < close {
        expand(code, at, at, prefix, found);
        // Continue after the next comma of this level.
        while at < close && code[at].text != "," {
            at = if code[at].text == "{" { matching(code, at) } else { at } + 1;
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_path_of_a_use_tree() {
        let source = Source::new("a.rs", "use std::{env, fs::{self, File}, io}; a::b::<C>()");
        let all: Vec<String> = paths(&source.code).into_iter().map(|(_, path)| path).collect();
        for expect in ["std::env", "std::fs::self", "std::fs::File", "std::io", "a::b"] {
            assert!(all.iter().any(|path| path == expect), "{expect} in {all:?}");
        }
    }

    #[test]
    fn keeps_clocks_files_and_chance_out_of_pure_rooms() {
        for (path, text, expect) in [
            ("crates/catalog/src/a.rs", "use std::{collections::BTreeMap, fs};", 1),
            ("crates/catalog/src/a.rs", "use std::time::Duration; fn f() { Instant::now() }", 1),
            ("crates/words/src/a.rs", "fn f() { std::time::SystemTime::now() }", 1),
            ("crates/seal/src/a.rs", "use rand::Rng;", 1),
            ("crates/seal/src/a.rs", "use random::Rng; use rand_core::Rng; // std::fs", 0),
            ("crates/ledger/src/a.rs", "#[cfg(test)] mod t { use std::fs; }", 0),
            ("crates/ledger/tests/a.rs", "use std::fs;", 0),
            ("crates/registry/src/a.rs", "use std::time::Instant;", 0),
            ("crates/registry/src/a.rs", "fn f() { std::env::var(\"A\") }", 1),
            ("crates/muster/src/a.rs", "fn f() { std::env::var(\"A\") }", 0),
        ] {
            assert_eq!(rooms(&Source::new(path, text)).len(), expect, "{path}: {text}");
        }
    }

    #[test]
    fn keeps_changes_in_their_rooms() {
        let whole = "use muster_catalog::changes;";
        let tree = "use muster_catalog::{Catalog, changes::Change};";
        for (path, text, expect) in [
            ("crates/http/src/a.rs", whole, 1),
            ("crates/http/src/a.rs", tree, 1),
            ("crates/http/src/a.rs", "fn f() { muster_catalog::changes::Change::decode(1) }", 1),
            ("crates/http/src/a.rs", "use muster_wire::changes::EventId; mod changes;", 0),
            ("crates/http/tests/a.rs", whole, 0),
            ("crates/muster/src/a.rs", tree, 1),
            ("crates/history/src/a.rs", tree, 0),
            ("crates/registry/src/a.rs", tree, 0),
        ] {
            assert_eq!(changes(&Source::new(path, text)).len(), expect, "{path}: {text}");
        }
    }

    #[test]
    fn keeps_the_fold_and_the_tests_of_filters_from_http() {
        for (path, text, expect) in [
            ("crates/http/src/a.rs", "use muster_catalog::{View, state::{Stamp, Subtree}};", 1),
            ("crates/http/src/a.rs", "use muster_catalog::apply;", 1),
            ("crates/http/src/a.rs", "fn f() { muster_catalog::apply::one(change) }", 1),
            ("crates/http/src/a.rs", "use muster_catalog::query::{Filter, FilterTest};", 1),
            ("crates/http/src/a.rs", "use muster_catalog::query::{Filter, MemberQuery};", 0),
            ("crates/http/tests/a.rs", "use muster_catalog::state::Subtree;", 0),
            ("crates/registry/src/a.rs", "use muster_catalog::state::Subtree;", 0),
        ] {
            assert_eq!(meanings(&Source::new(path, text)).len(), expect, "{path}: {text}");
        }
    }

    #[test]
    fn names_what_nobody_may_write() {
        for (text, expect) in [
            ("#[allow(dead_code)] fn f() {}", 1),
            ("#![allow(clippy::unwrap_used)]", 1),
            ("#[cfg_attr(test, allow(dead_code))] fn f() {}", 1),
            ("#[expect(dead_code)] fn f() {}", 1),
            ("#[expect(dead_code, reason = \"why\")] fn f() { allow(1) }", 0),
            ("#[test] #[ignore] fn f() {}", 1),
            ("#[ignore = \"slow\"] fn f() {}", 1),
            ("#[ignore = \"run by the test above\"] fn f() {}", 0),
            ("fn f() { todo!() }", 1),
            ("fn f() { let todo = 1; } // todo!()", 0),
        ] {
            assert_eq!(escapes(&Source::new("a.rs", text)).len(), expect, "{text}");
        }
    }

    #[test]
    fn wants_a_reason_for_a_sleep_in_a_test() {
        for (text, expect) in [
            ("thread::sleep(a);", 1),
            ("// sleeps: the lease must run out\nthread::sleep(a);", 0),
            ("time::sleep(a).await; // sleeps: the lease must run out", 0),
            ("#[tokio::test(start_paused = true)] fn f() { sleep(a).await }", 0),
            ("fn sleep() {} fn f() { sleepy() }", 0),
        ] {
            assert_eq!(sleeps(&Source::new("crates/a/tests/b.rs", text)).len(), expect, "{text}");
            assert_eq!(sleeps(&Source::new("crates/a/src/b.rs", text)), [], "{text}");
        }
    }
}
