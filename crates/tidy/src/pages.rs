//! Whether the pages are still right: links have targets, and every page can be found.

use std::path::{Component, Path, PathBuf};

use crate::{Finding, Kind, Page, Source, Tree};

/// Links in Markdown whose file or heading doesn't exist.
#[must_use]
pub fn links(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for page in tree.ending(".md") {
        for (line, target) in targets(&page.text) {
            if let Some(what) = broken(tree, page, &target) {
                found.push(Finding::at(&page.path, line, what));
            }
        }
    }
    found
}

/// Pages under `docs/` that its index doesn't name.
#[must_use]
pub fn index(tree: &Tree) -> Vec<Finding> {
    let named: Vec<String> = tree
        .text("docs/README.md")
        .map(targets)
        .unwrap_or_default()
        .into_iter()
        .map(|(_, target)| resolve("docs/README.md", target.split('#').next().unwrap_or("")))
        .collect();
    tree.ending(".md")
        .filter(|page| page.path.starts_with("docs/") && page.path != "docs/README.md")
        .filter(|page| !named.contains(&page.path))
        .map(|page| Finding::of(&page.path, "docs/README.md doesn't name this page"))
        .collect()
}

/// How the program's texts name a page, after its title.
const TITLED: &str = "\\\" in Muster's documentation";

/// Texts of the program that name a page by its file, which whoever has the program alone can't
/// open, or by a title that no page has.
#[must_use]
pub fn messages(tree: &Tree) -> Vec<Finding> {
    let pages = tree.ending(".md").filter(|page| page.path.starts_with("docs/"));
    let titles: Vec<&str> =
        pages.filter_map(|page| page.text.lines().next()?.strip_prefix("# ")).collect();
    let mut found = Vec::new();
    for source in Source::all(tree) {
        let texts = source.code.iter().enumerate();
        for (at, text) in texts.filter(|(_, token)| token.kind == Kind::Literal) {
            if source.in_test(at) {
                continue;
            }
            let is_file = text.text.contains("docs/") && text.text.contains(".md");
            if is_file && !text.text.contains("../") {
                let what = "name the page by its title: \\\"TITLE\\\" in Muster's documentation";
                found.push(Finding::at(source.path, text.line, what));
            }
            let named = text.text.split(TITLED).collect::<Vec<_>>();
            for before in &named[..named.len() - 1] {
                let title = before.rsplit_once("\\\"").map_or(*before, |(_, title)| title);
                if !titles.contains(&title) {
                    let what = format!("no page has the title {title}");
                    found.push(Finding::at(source.path, text.line, what));
                }
            }
        }
    }
    found
}

/// Tables that occur in the source and on a page: the page must have each row of the source.
const DRAWN: &[(&str, &str)] =
    &[("crates/catalog/src/changes.rs", "docs/reference/ledger-format.md")];

/// Rows of such a table that begin with a number and are missing on the page.
#[must_use]
pub fn drawn(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (source, page) in DRAWN {
        let text = tree.text(page).unwrap_or_default();
        let rows = tree.text(source).unwrap_or_default().lines();
        let rows = rows.filter_map(|line| line.strip_prefix("//! "));
        for row in
            rows.filter(|row| row.starts_with("| ") && row[2..].starts_with(char::is_numeric))
        {
            if !text.lines().any(|line| line == row) {
                found.push(Finding::of(page, format!("lacks a row of {source}: {row}")));
            }
        }
    }
    found
}

fn broken(tree: &Tree, page: &Page, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { page.path.clone() } else { resolve(&page.path, file) };
    if !tree.has(&path) && tree.text(&path).is_none() {
        return Some(format!("the link to {target} leads nowhere"));
    }
    let text = tree.text(&path)?;
    let lacks = !anchor.is_empty() && !headings(text).iter().any(|slug| slug == anchor);
    lacks.then(|| format!("{path} has no heading for #{anchor}"))
}

/// Every target of a link in Markdown, with its line, outside code.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for rest in prose.split("](").skip(1) {
            if let Some((target, _)) = rest.split_once(')') {
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

/// The anchors of a page's headings, as common viewers generate them.
fn headings(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

/// A path as written on a page, relative to the root.
fn resolve(page: &str, target: &str) -> String {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let mut path = PathBuf::new();
    for part in folder.join(target).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(pages: &[(&str, &str)]) -> Tree {
        let page =
            |(path, text): &(&str, &str)| Page { path: (*path).into(), text: (*text).into() };
        Tree { root: "/nowhere".into(), pages: pages.iter().map(page).collect() }
    }

    #[test]
    fn names_links_that_lead_nowhere() {
        for (text, expect) in [
            ("[a](docs/a.md)", 0),
            ("[a](docs/a.md#two-words)", 0),
            ("[a](docs/a.md#three)", 1),
            ("# Here\n[a](#here) [b](#there)", 1),
            ("[a](docs/gone.md) [b](gone.md)", 2),
            ("[a](https://example.com/gone)", 0),
            ("`[a](gone.md)`\n```\n[a](gone.md)\n```", 0),
        ] {
            let tree = tree(&[("README.md", text), ("docs/a.md", "# One\n## Two words\n")]);
            assert_eq!(links(&tree).len(), expect, "{text}");
        }
    }

    #[test]
    fn names_a_row_that_the_page_lacks() {
        for (page, expect) in [("| kind |\n| 1 | opened |", 0), ("| 1 | closed |", 1), ("", 1)] {
            let source = "//! | kind |\n//! | 1 | opened |\n";
            let tree = tree(&[(DRAWN[0].0, source), (DRAWN[0].1, page)]);
            assert_eq!(drawn(&tree).len(), expect, "{page}");
        }
    }

    #[test]
    fn names_pages_that_the_index_forgot() {
        let tree = tree(&[
            ("docs/README.md", "[a](how-to/a.md) [c](../STYLE.md)"),
            ("docs/how-to/a.md", ""),
            ("docs/how-to/b.md", ""),
            ("STYLE.md", ""),
        ]);
        let paths: Vec<String> = index(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["docs/how-to/b.md"]);
    }

    #[test]
    fn names_texts_of_the_program_that_lead_to_a_file_or_to_no_page() {
        for (text, expect) in [
            (r#"const A: &str = "see docs/how-to/a.md";"#, 1),
            (r#"const A: &str = include_str!("../../../docs/how-to/a.md");"#, 0),
            (r#"// see docs/how-to/a.md"#, 0),
            (r#"const A: &str = "see \"Do it\" in Muster's documentation";"#, 0),
            (r#"const A: &str = "\"a\", then \"Do it\" in Muster's documentation";"#, 0),
            (r#"const A: &str = "see \"Do that\" in Muster's documentation";"#, 1),
        ] {
            let tree = tree(&[("crates/a/src/b.rs", text), ("docs/how-to/a.md", "# Do it\n")]);
            assert_eq!(messages(&tree).len(), expect, "{text}");
        }
    }
}
