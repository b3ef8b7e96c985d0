//! The help pages as people read them. `docs/reference/commands.md` shows each of them; it is what
//! was last agreed on, so that a change of their voice is seen where they are read.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use clap::ColorChoice;

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/commands.md");

/// Every command with the words that lead to it, as help pages.
fn pages() -> Vec<(String, String)> {
    let mut root = muster::command(ColorChoice::Never).term_width(100);
    root.build();
    let mut pages = Vec::new();
    let mut left = vec![(String::from("muster"), root)];
    while let Some((name, mut command)) = left.pop() {
        pages.push((name.clone(), command.render_help().to_string()));
        let below =
            command.get_subcommands().filter(|one| one.get_name() != "help" && !one.is_hide_set());
        left.extend(below.map(|one| (format!("{name} {}", one.get_name()), one.clone())));
    }
    pages
}

#[test]
fn the_reference_shows_each_help_page_as_it_is() {
    let reference = std::fs::read_to_string(REFERENCE).unwrap();
    let all = pages();
    assert!(all.len() > 20, "{}", all.len());
    for (name, page) in &all {
        let shown = format!("```text\n{}\n```\n", page.trim_end());
        assert!(
            reference.contains(&shown),
            "{name}: tests/pages target/debug/muster --write writes the reference anew\n{page}"
        );
    }
    // The first is `muster help`; each of the others has a heading.
    let headings =
        reference.lines().filter(|line| line.trim_start_matches('#').starts_with(" `muster "));
    assert_eq!(headings.count() + 1, all.len(), "a page that no command has any more");
}

#[test]
fn pages_fit_a_terminal_and_end_no_line_with_white_space() {
    for (name, page) in pages() {
        for line in page.lines() {
            assert!(line.chars().count() <= 100, "{name}: {line}");
            assert_eq!(line, line.trim_end(), "{name}");
        }
    }
}
