//! Words that must not be published: places on somebody's machine.

use crate::{Finding, Kind, Page, tokens};

/// Pieces of text that other readers can't follow, each with what to do instead. They are written
/// in halves, so that this file passes its own rule.
const PLACES: &[(&str, &str)] = &[
    (concat!("/wo", "rk/"), "a folder of one machine"),
    (concat!("/ro", "ot/"), "a folder of one machine"),
    (concat!("static.", "crates.io"), "a registry's host"),
    (concat!("index.", "crates.io"), "a registry's host"),
    (concat!("proxy.", "golang.org"), "a registry's host"),
    (concat!("files.", "pythonhosted.org"), "a registry's host"),
];

/// The default folder of the data for optional tests, next to the clone.
const BESIDE: &str = concat!("../sha", "red/");

/// Places on somebody's machine, and the folder beside the clone where the file doesn't say which
/// setting names it.
#[must_use]
pub fn places(page: &Page) -> Vec<Finding> {
    let explains =
        page.text.contains("MUSTER_TEST_DATA") || page.text.contains("MUSTER_TEST_TOOLS");
    let mut found = Vec::new();
    for (index, line) in page.text.lines().enumerate() {
        for (place, what) in PLACES {
            if line.contains(place) {
                found.push(Finding::at(&page.path, index + 1, format!("`{place}`: {what}")));
            }
        }
        if line.contains(BESIDE) && !explains {
            let what = format!("`{BESIDE}`: name MUSTER_TEST_DATA, which it is the default of");
            found.push(Finding::at(&page.path, index + 1, what));
        }
    }
    found
}

/// Remarks on how the work was done, on pages and in comments: history belongs to git.
#[must_use]
pub fn talk(page: &Page) -> Vec<Finding> {
    let prose: Vec<(usize, &str)> = if page.path.ends_with(".md") {
        page.text.lines().enumerate().map(|(index, line)| (index + 1, line)).collect()
    } else {
        let comments = tokens(&page.text).into_iter().filter(|token| token.kind == Kind::Comment);
        comments.map(|comment| (comment.line, comment.text)).collect()
    };
    let word = concat!("sess", "ion");
    // People who signed in, assistants and links have some too; what they have isn't numbered or
    // earlier.
    let remarks = ["one", "two", "last", "next", "previous", "earlier", "another", "which"]
        .map(|before| format!("{before} {word}"))
        .into_iter()
        .chain([format!("{word}s before"), format!("{word}s ago")]);
    let remarks: Vec<String> = remarks.collect();
    prose
        .into_iter()
        .filter(|(_, text)| {
            let text = text.to_lowercase();
            remarks.iter().any(|remark| text.contains(remark))
        })
        .map(|(line, _)| {
            Finding::at(&page.path, line, format!("`{word}`: say what is, not how it came"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_places_that_nobody_else_has() {
        let at = |half: &str, rest: &str| format!("open {half}{rest}");
        for (text, expect) in [
            (at("/wo", "rk/main"), 1),
            (at("../sha", "red/data"), 1),
            (at("../sha", "red/data, or where MUSTER_TEST_DATA says"), 0),
            (at("crates/", "words"), 0),
        ] {
            let page = Page { path: "a.md".into(), text: text.clone() };
            assert_eq!(places(&page).len(), expect, "{text}");
        }
    }

    #[test]
    fn names_talk_about_the_work_and_not_code() {
        let word = concat!("sess", "ion");
        for (path, text, expect) in [
            ("a.md", format!("Made in one {word}."), 1),
            ("a.rs", format!("// made in two {word}s"), 1),
            ("a.rs", format!("let {word} = 1;"), 0),
            ("a.md", format!("ob{word}"), 0),
            ("a.md", format!("`/propagation/{word}s` lists them"), 0),
            ("a.md", format!("as in the {word}s before"), 1),
            ("a.rs", format!("// The {word}s of people who signed in."), 0),
        ] {
            let page = Page { path: path.into(), text };
            assert_eq!(talk(&page).len(), expect, "{}", page.text);
        }
    }
}
