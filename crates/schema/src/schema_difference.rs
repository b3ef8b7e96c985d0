//! The difference between two versions of a schema, as people read it: what was added, changed,
//! removed or deprecated. Each format finds differences in a module of its own.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What happened at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It says something else.
    Modified,
    /// It is gone.
    Removed,
    /// It is marked as deprecated now.
    Deprecated,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangedPart {
    /// A field, property, symbol or type as a whole.
    Member,
    /// The type of a value.
    Type,
    /// A bound or another condition on a value.
    Constraint,
    /// Whether a value must be there.
    Required,
    /// The value that is taken if there is none.
    Default,
    /// Text for people, examples, and other things that don't change what is valid.
    Documentation,
}

/// How much a change matters to those who read or write data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeClass {
    /// Readers or writers of the old version can fail.
    Breaking,
    /// Data may differ, but nobody fails.
    NonBreaking,
    /// Only what people read has changed.
    Patch,
}

/// One difference between two versions of a schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SchemaChange {
    /// What happened.
    pub kind: ChangeKind,
    /// What it is about.
    pub part: ChangedPart,
    /// The place in the schema: a JSON Pointer, or for Protobuf a full name.
    pub path: String,
    /// What the old version says there, as a short text.
    pub was: Option<String>,
    /// What the new version says there, as a short text.
    pub is: Option<String>,
    /// How much it matters.
    pub class: ChangeClass,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Removed => "removed",
            Self::Deprecated => "deprecated",
        })
    }
}

impl fmt::Display for ChangedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Member => "member",
            Self::Type => "type",
            Self::Constraint => "constraint",
            Self::Required => "required",
            Self::Default => "default",
            Self::Documentation => "documentation",
        })
    }
}

impl fmt::Display for ChangeClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Breaking => "breaking",
            Self::NonBreaking => "non-breaking",
            Self::Patch => "patch",
        })
    }
}
