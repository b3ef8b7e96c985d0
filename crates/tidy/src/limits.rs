//! The page of limits, generated from the constants in the rooms' `limits.rs`.

use std::fmt::Write as _;

use crate::{Finding, Page, Token, Tree, tokens};

/// The generated page.
pub const PAGE: &str = "docs/reference/limits.md";

const HEAD: &str = "# Limits

Every limit with its value, its unit and its reason. Generated from the source by \
`cargo run -q -p muster-tidy --example limits > docs/reference/limits.md`; change it there.
";

/// The expected text of the page.
#[must_use]
pub fn page(tree: &Tree) -> String {
    let mut text = HEAD.to_owned();
    for page in tree.ending("limits.rs").filter(|page| page.path.starts_with("crates/")) {
        let rows = rows(page);
        if page.path.starts_with("crates/tidy/") || rows.is_empty() {
            continue;
        }
        let place = page.path.trim_start_matches("crates/").replace("/src", "");
        let _ = write!(
            text,
            "\n## {}\n\n| limit | value | what and why |\n|---|---:|---|\n{rows}",
            place.trim_end_matches("/limits.rs")
        );
    }
    text
}

/// Whether the page differs from the expected text.
#[must_use]
pub fn check(tree: &Tree) -> Option<Finding> {
    (tree.text(PAGE) != Some(&page(tree))).then(|| {
        let what = "outdated: generate it again, as its second line says";
        Finding::of(PAGE, what)
    })
}

/// One row for each public constant whose value is a product of numbers.
fn rows(page: &Page) -> String {
    let all = tokens(&page.text);
    let mut rows = String::new();
    for at in 0..all.len() {
        if !(all[at].text == "pub" && all.get(at + 1).is_some_and(|token| token.text == "const")) {
            continue;
        }
        let Some(value) = value(&all[at..]) else { continue };
        let comments = all[..at].iter().rev().take_while(|token| token.text.starts_with("///"));
        let mut lines: Vec<&str> =
            comments.map(|token| token.text.trim_start_matches('/').trim()).collect();
        lines.reverse();
        let why = lines.join(" ").replace('|', "\\|");
        let _ = writeln!(rows, "| `{}` | {} | {why} |", all[at + 2].text, separated(value));
    }
    rows
}

/// The product after `=`.
fn value(item: &[Token<'_>]) -> Option<u128> {
    let start = item.iter().position(|token| token.text == "=")? + 1;
    let end = item.iter().position(|token| token.text == ";")?;
    let mut product = 1;
    for (index, token) in item.get(start..end)?.iter().enumerate() {
        if index % 2 == 1 {
            (token.text == "*").then_some(())?;
        } else {
            product *= token.text.replace('_', "").parse::<u128>().ok()?;
        }
    }
    Some(product)
}

fn separated(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_a_row_of_a_constant_and_its_comment() {
        let text = "//! Top.\n\n/// Bytes of it:\n/// enough.\npub const A_MAX: usize = 8 * 1_024;\n\
            /// Not a number.\npub const B: &str = \"b\";\n/// Ours.\nconst C: u8 = 1;";
        let page = Page { path: "crates/words/src/limits.rs".into(), text: text.into() };
        assert_eq!(rows(&page), "| `A_MAX` | 8,192 | Bytes of it: enough. |\n");
    }

    #[test]
    fn notices_a_page_that_is_behind() {
        let page = |path: &str, text: &str| Page { path: path.into(), text: text.into() };
        let source = page("crates/words/src/limits.rs", "/// A.\npub const A: u8 = 1;");
        let mut tree = Tree { root: ".".into(), pages: vec![source] };
        assert!(check(&tree).is_some(), "no page");
        let made = super::page(&tree);
        tree.pages.push(page(PAGE, &made));
        assert_eq!(check(&tree), None);
        tree.pages[0].text = "/// A.\npub const A: u8 = 2;".into();
        assert!(check(&tree).is_some(), "another value");
    }
}
