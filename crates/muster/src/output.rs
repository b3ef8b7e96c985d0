//! The presentation of results, errors and progress: on a terminal for people, elsewhere for
//! programs.

pub mod differences;
pub mod findings;
mod indented;
pub mod numbers;
pub mod progress;
mod screen;
pub mod table;
pub mod times;
pub mod yaml;

pub use findings::Finding;
pub use indented::indented;
pub use screen::{ColorChoice, Format, Screen, Style, escaped, sanitized};
pub use table::Table;
