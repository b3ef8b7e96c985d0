//! Literals as programs write them: JSON, Python and TypeScript, and the files that hold them.
//!
//! What is no literal, such as a call, isn't evaluated. It is kept as its text with its place, so
//! that everything around it is read.

mod cursor;
mod number;
mod skipping;
mod tables;
mod text;
mod value;

#[cfg(test)]
mod tests;

use muster_words::json::Number;
pub use tables::{SourceTable, SourceTables, read_tables};
use thiserror::Error;

/// The most bytes of a file: with its values in memory about ten times as much.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The deepest nesting of values: as deep as a document may be that a registry accepts, and a
/// fraction of a thread's stack.
const DEPTH_MAX: usize = 100;

/// The most values in a file, each with up to a hundred bytes of its own.
const VALUES_MAX: usize = 4_000_000;

/// The language of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// JSON. Comments and commas at the end of a list are read as well.
    Json,
    /// Python.
    Python,
    /// TypeScript and JavaScript.
    TypeScript,
}

/// A value with the offset of its first byte.
#[derive(Clone, Debug, PartialEq)]
pub struct LiteralNode {
    /// The offset in the file.
    pub at: usize,
    /// The value.
    pub value: Literal,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null` or `None`.
    Null,
    /// `undefined`.
    Absent,
    /// A boolean.
    Bool(bool),
    /// A number, with all its digits.
    Number(Number),
    /// A text.
    Text(String),
    /// A list, a tuple or a set, in the order of writing.
    List(Vec<LiteralNode>),
    /// An object or a dictionary.
    Object(Vec<Member>),
    /// The beginning of an expression that isn't a literal.
    Foreign(String),
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The offset of its name.
    pub at: usize,
    /// Its name; none if that isn't a literal, or if it is what another object holds (`...other`).
    pub name: Option<String>,
    /// Its value.
    pub node: LiteralNode,
}

/// A place in a file, for people: both numbers begin with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilePlace {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// The places of a file's offsets.
#[derive(Clone, Debug)]
pub struct PlaceIndex {
    /// The offset of each line's first byte.
    lines: Vec<usize>,
    /// The characters before each block of bytes, because a file may be one long line.
    characters: Vec<usize>,
}

/// Bytes of a block.
const BLOCK_BYTES: usize = 1024;

impl PlaceIndex {
    /// The index of a file.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        let mut counted = vec![0];
        for block in text.as_bytes().chunks(BLOCK_BYTES) {
            let before = counted.last().copied().unwrap_or_default();
            counted.push(before + characters(block));
        }
        Self { lines, characters: counted }
    }

    /// The place of an offset.
    #[must_use]
    pub fn place(&self, text: &str, at: usize) -> FilePlace {
        let at = at.min(text.len());
        let line = self.lines.partition_point(|begin| *begin <= at);
        let begin = line.checked_sub(1).and_then(|line| self.lines.get(line)).copied();
        let before = |at: usize| {
            let block = at / BLOCK_BYTES;
            let rest = text.as_bytes().get(block * BLOCK_BYTES..at).unwrap_or_default();
            self.characters.get(block).copied().unwrap_or_default() + characters(rest)
        };
        let column = before(at).saturating_sub(before(begin.unwrap_or_default())) + 1;
        FilePlace { line: line.max(1), column }
    }
}

/// How many characters begin in these bytes.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// Why a file can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{fault}")]
pub struct LiteralError {
    /// The offset of the fault.
    pub at: usize,
    /// The fault.
    pub fault: LiteralFault,
}

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LiteralFault {
    /// Something else belongs here.
    #[error("{found} isn't expected here")]
    Unexpected {
        /// What is here.
        found: String,
    },
    /// A bracket isn't closed.
    #[error("the bracket {0} isn't closed")]
    Unclosed(char),
    /// A text isn't ended.
    #[error("the text that begins here isn't ended")]
    OpenText,
    /// A comment isn't ended.
    #[error("the comment that begins here isn't ended")]
    OpenComment,
    /// An escape sequence has no meaning.
    #[error("the escape sequence has no meaning")]
    Escape,
    /// A number isn't well-formed.
    #[error("the number isn't well-formed")]
    Number,
    /// The file is nested too deeply.
    #[error("brackets are nested more than {DEPTH_MAX} deep")]
    TooDeep,
    /// The file has too many values.
    #[error("the file has more than {VALUES_MAX} values")]
    TooMany,
}
