//! The rules of STYLE.md and ARCHITECTURE.md as a test: `cargo test -p muster-tidy` reads every
//! file of the repository and the dependency graph, and names each place that breaks a rule.
//!
//! This is no linter for Rust: what clippy and rustc can say is left to them. It is no part of the
//! program either: nothing depends on it, and it never changes a file.

pub mod calls;
mod finding;
pub mod lengths;
mod lexer;
pub mod limits;
pub mod names;
pub mod openings;
pub mod pages;
pub mod rooms;
pub mod same_names;
mod source;
pub mod supply;
mod tree;
pub mod workplace;

pub use finding::{Finding, report};
pub use lexer::{Kind, Token, tokens};
pub use source::Source;
pub use tree::{Page, Tree};
