//! Muster's JSON (RFC 8259): strict parsing and canonical writing.
//!
//! The parser refuses what parsers disagree about, so that a document means the same to every
//! reader: duplicate keys, lone surrogates, a byte order mark, and nesting beyond
//! [`JSON_DEPTH_MAX`](crate::limits::JSON_DEPTH_MAX). Numbers keep their digits.

mod canonical;
mod check;
mod parse;
mod select;

pub use canonical::to_canonical;
pub use check::is_json;
pub use parse::{JsonError, JsonFault, parse, parse_with_places};
pub use select::{ValuePath, select, select_each};
pub use serde_json::{Map, Number, Value};

/// Escapes one step of a JSON Pointer (RFC 6901): `~` as `~0`, `/` as `~1`.
#[must_use]
pub fn escape_pointer(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
pub(crate) mod tests;
