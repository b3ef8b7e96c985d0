use std::collections::BTreeSet;

use crate::{Kind, Page, Token, Tree, tokens};

/// A Rust file, cut into tokens, with the parts that are only compiled for tests.
#[derive(Debug)]
pub struct Source<'a> {
    /// Its path from the root.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Its tokens without comments.
    pub code: Vec<Token<'a>>,
    /// Its comments.
    pub comments: Vec<Token<'a>>,
    /// The whole file is a test.
    pub is_test: bool,
    test_spans: Vec<(usize, usize)>,
}

impl<'a> Source<'a> {
    /// Cuts one file.
    #[must_use]
    pub fn new(path: &'a str, text: &'a str) -> Self {
        let (comments, code): (Vec<_>, Vec<_>) =
            tokens(text).into_iter().partition(|token| token.kind == Kind::Comment);
        let test_spans = test_spans(&code);
        let is_test = path
            .split('/')
            .any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples" | "fuzz"))
            || path.starts_with("bench/")
            || path.starts_with("crates/tidy/");
        Self { path, text, code, comments, is_test, test_spans }
    }

    /// Every Rust file of the repository. A file that another one includes by `#[cfg(test)] mod x;`
    /// is a test too.
    #[must_use]
    pub fn all(tree: &'a Tree) -> Vec<Self> {
        let mut all: Vec<Self> = tree.ending(".rs").map(Self::from).collect();
        let included: BTreeSet<String> = all.iter().flat_map(Self::test_files).collect();
        for source in &mut all {
            let folder = |name: &String| source.path.starts_with(&format!("{name}/"));
            let file = |name: &String| *source.path == format!("{name}.rs");
            source.is_test |= included.iter().any(|name| folder(name) || file(name));
        }
        all
    }

    /// The crate's folder name, such as `words`; `None` for a file outside `crates/`.
    #[must_use]
    pub fn room(&self) -> Option<&'a str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Whether the token at that place is only compiled for tests.
    #[must_use]
    pub fn in_test(&self, at: usize) -> bool {
        self.is_test || self.test_spans.iter().any(|(from, to)| (*from..=*to).contains(&at))
    }

    /// Whether this sequence of tokens starts at that place.
    #[must_use]
    pub fn stands(&self, at: usize, row: &[&str]) -> bool {
        self.code.get(at..at + row.len()).is_some_and(|found| {
            found
                .iter()
                .zip(row)
                .all(|(token, text)| token.text == *text && token.kind != Kind::Literal)
        })
    }

    /// Paths, without extension, of the modules that this file includes for tests only.
    fn test_files(&self) -> Vec<String> {
        let stem = self.path.trim_end_matches(".rs");
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let folder = if matches!(name, "lib" | "main" | "mod") { folder } else { stem };
        let row = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
        (0..self.code.len())
            .filter(|at| self.stands(*at, &row) && self.stands(at + row.len() + 1, &[";"]))
            .map(|at| format!("{folder}/{}", self.code[at + row.len()].text))
            .collect()
    }
}

impl<'a> From<&'a Page> for Source<'a> {
    fn from(page: &'a Page) -> Self {
        Self::new(&page.path, &page.text)
    }
}

/// The contents of the braces after `#[cfg(test)]` or `#[test]` (and tokio's), as ranges of tokens.
fn test_spans(code: &[Token<'_>]) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    for at in 0..code.len() {
        if code[at].text != "#" || code.get(at + 1).is_none_or(|token| token.text != "[") {
            continue;
        }
        let close = matching(code, at + 1);
        let inside: Vec<&str> = code[at + 2..close].iter().map(|token| token.text).collect();
        let is_test = inside == ["cfg", "(", "test", ")"]
            || inside.first() == Some(&"test")
            || inside.ends_with(&[":", "test"])
            || inside.starts_with(&["tokio", ":", ":", "test"]);
        if is_test && let Some(open) = body(code, close + 1) {
            spans.push((at, matching(code, open)));
        }
    }
    spans
}

/// The first `{` after a place, unless the item ends before one.
pub(crate) fn body(code: &[Token<'_>], from: usize) -> Option<usize> {
    let mut at = from;
    while at < code.len() {
        match code[at].text {
            "{" if code[at].kind == Kind::Mark => return Some(at),
            ";" if code[at].kind == Kind::Mark => return None,
            "(" | "[" if code[at].kind == Kind::Mark => at = matching(code, at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The place of the bracket that closes the one at `open`, or the end of the file.
pub(crate) fn matching(code: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in code.iter().enumerate().skip(open) {
        match (token.kind, token.text) {
            (Kind::Mark, "(" | "[" | "{") => depth += 1,
            (Kind::Mark, ")" | "]" | "}") => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at;
        }
    }
    code.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_only_there_for_tests() {
        let text = "fn ships() {} #[cfg(test)] mod tests { fn helps() {} } #[test] fn t() { x() }";
        let source = Source::new("crates/words/src/id.rs", text);
        let tested = |name| {
            source.in_test(source.code.iter().position(|token| token.text == name).unwrap_or(0))
        };
        for (name, expect) in [("ships", false), ("helps", true), ("x", true)] {
            assert_eq!(tested(name), expect, "{name}");
        }
        assert!(Source::new("crates/words/src/json/tests.rs", "").is_test);
        assert!(Source::new("crates/http/tests/door.rs", "").is_test);
    }

    #[test]
    fn follows_a_module_that_is_included_for_tests() {
        let page = |path: &str, text: &str| Page { path: path.into(), text: text.into() };
        let tree = Tree {
            root: ".".into(),
            pages: vec![
                page("crates/a/src/lib.rs", "#[cfg(test)] mod laws; mod ships;"),
                page("crates/a/src/laws.rs", ""),
                page("crates/a/src/ships.rs", "#[cfg(test)] mod checks;"),
                page("crates/a/src/ships/checks.rs", ""),
            ],
        };
        let tests: Vec<&str> =
            Source::all(&tree).iter().filter(|s| s.is_test).map(|s| s.path).collect();
        assert_eq!(tests, ["crates/a/src/laws.rs", "crates/a/src/ships/checks.rs"]);
    }
}
