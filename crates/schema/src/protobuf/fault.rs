use std::fmt;

use muster_words::TextPlace;
use thiserror::Error;

use crate::{limits, messages};

/// Why a Protobuf schema was refused: at least one problem, at most
/// [`limits::PROTOBUF_PROBLEMS_MAX`], each with its place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", describe(problems))]
pub struct ProtobufError {
    /// The problems, in the order in which they were found.
    pub problems: Vec<ProtobufProblem>,
}

/// One problem of a Protobuf schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtobufProblem {
    /// Which kind of problem it is.
    pub fault: ProtobufFault,
    /// The import path of the file in which it is; none if it is in the schema itself.
    pub file: Option<String>,
    /// The place in that file's text, if it has one. Columns count bytes.
    pub place: Option<TextPlace>,
    /// What is wrong and what to do next, for people.
    pub message: String,
}

/// The kinds of problems. Their names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProtobufFault {
    /// The text isn't UTF-8.
    NotUtf8,
    /// There is nothing in it.
    Empty,
    /// The text isn't Protobuf.
    Syntax,
    /// It is written in an edition (`edition = "2023"`).
    Edition,
    /// The base64 isn't that of a `FileDescriptorProto`.
    Descriptor,
    /// A limit on sizes or numbers is exceeded.
    TooLarge,
    /// Something is nested too deeply.
    TooDeep,
    /// An imported file isn't among the references.
    ImportNotFound,
    /// Files import each other in a circle.
    ImportCycle,
    /// A file is imported twice, or two references have the same path.
    Duplicate,
    /// A type, an option or an import has a name that isn't defined or isn't allowed.
    Name,
    /// A number of a field or of an enum's value is used twice, reserved or out of range.
    Number,
    /// Anything else that the language doesn't allow.
    Definition,
}

impl ProtobufFault {
    /// The stable name, such as `import_not_found`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::Empty => "empty",
            Self::Syntax => "syntax",
            Self::Edition => "edition",
            Self::Descriptor => "descriptor",
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::ImportNotFound => "import_not_found",
            Self::ImportCycle => "import_cycle",
            Self::Duplicate => "duplicate",
            Self::Name => "name",
            Self::Number => "number",
            Self::Definition => "definition",
        }
    }
}

impl fmt::Display for ProtobufFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ProtobufProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.place) {
            (Some(file), Some(place)) => write!(f, "{file}:{}:{}: ", place.line, place.column)?,
            (None, Some(place)) => write!(f, "line {}, column {}: ", place.line, place.column)?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.message)
    }
}

impl ProtobufError {
    /// The error with this one problem of the schema itself.
    pub(super) fn one(fault: ProtobufFault, message: impl Into<String>) -> Self {
        Self { problems: vec![ProtobufProblem::new(fault, message)] }
    }
}

impl ProtobufProblem {
    pub(super) fn new(fault: ProtobufFault, message: impl Into<String>) -> Self {
        let message = messages::cut(message.into(), limits::MESSAGE_MAX);
        Self { fault, file: None, place: None, message }
    }

    pub(super) fn at(self, place: Option<TextPlace>) -> Self {
        Self { place, ..self }
    }
}

impl From<ProtobufProblem> for ProtobufError {
    fn from(problem: ProtobufProblem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// The first problem, and how many more there are.
fn describe(problems: &[ProtobufProblem]) -> String {
    match problems {
        [] => "the schema can't be read".to_owned(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

/// The place of a byte in a text.
pub(super) fn place_of(text: &str, offset: usize) -> TextPlace {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column =
        before.len() - before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    TextPlace { line, column: column + 1 }
}
