//! How a crate's first file must begin: with what the room is, and what it is not.

use crate::{Finding, Page};

/// Whether a `lib.rs` lacks these two paragraphs.
#[must_use]
pub fn check(page: &Page) -> Option<Finding> {
    let inner: Vec<&str> = page
        .text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .map(|line| line.trim_start_matches("//!").trim())
        .collect();
    let paragraphs = inner.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()).count();
    (paragraphs < 2).then(|| {
        let what = "opens with one paragraph on what it is and one on what it is not";
        Finding::of(&page.path, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wants_two_paragraphs_at_the_top() {
        for (text, lacks) in [
            ("//! What it is.\n//!\n//! What it is not.\nmod a;", false),
            ("//! What it is,\n//! on two lines.\nmod a;", true),
            ("mod a;\n//! Late.\n//!\n//! Later.", true),
            ("", true),
        ] {
            let page = Page { path: "lib.rs".into(), text: text.into() };
            assert_eq!(check(&page).is_some(), lacks, "{text}");
        }
    }
}
