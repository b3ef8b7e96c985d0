//! Prints the page of limits: `cargo run -q -p muster-tidy --example limits > docs/reference/limits.md`.

#![expect(clippy::print_stdout, reason = "the page is what it prints")]

use std::io;

use muster_tidy::{Tree, limits};

fn main() -> io::Result<()> {
    print!("{}", limits::page(&Tree::read()?));
    Ok(())
}
