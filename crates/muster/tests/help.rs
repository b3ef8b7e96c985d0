//! The help pages as people read them, so that their voice stays one. `MUSTER_BLESS=1 cargo test`
//! writes what the program says now; read it before you commit it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fs, path::Path};

use clap::ColorChoice;

/// Where the pages lie.
const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/help");

/// Every command with the words that lead to it, as help pages.
fn pages() -> Vec<(String, String)> {
    let mut root = muster::command(ColorChoice::Never).term_width(100);
    root.build();
    let mut pages = Vec::new();
    let mut left = vec![(String::from("muster"), root)];
    while let Some((name, mut command)) = left.pop() {
        pages.push((name.clone(), command.render_help().to_string()));
        let below = command.get_subcommands().filter(|one| one.get_name() != "help");
        left.extend(below.map(|one| (format!("{name}-{}", one.get_name()), one.clone())));
    }
    pages.sort();
    pages
}

#[test]
fn help_pages_read_as_they_were_last_agreed_on() {
    let bless = std::env::var_os("MUSTER_BLESS").is_some();
    let mut there: Vec<String> = Vec::new();
    for (name, page) in pages() {
        let file = Path::new(PAGES).join(format!("{name}.txt"));
        if bless {
            fs::create_dir_all(PAGES).unwrap();
            fs::write(&file, &page).unwrap();
        }
        let agreed = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(page, agreed, "{name}: MUSTER_BLESS=1 writes the pages anew");
        there.push(format!("{name}.txt"));
    }
    let mut files: Vec<String> = fs::read_dir(PAGES)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    there.sort();
    assert_eq!(files, there, "a page that no command has any more");
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
