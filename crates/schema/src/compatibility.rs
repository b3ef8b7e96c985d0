//! What compatibility means for all formats: levels, directions, policies, and the findings of a
//! comparison. Each format compares in a module of its own.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which old versions a new version of a schema must be compatible with, and in which direction.
/// The names are Confluent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Nothing is compared.
    None,
    /// The new version reads data of the version before it.
    Backward,
    /// The new version reads data of all versions before it.
    BackwardTransitive,
    /// The version before it reads data of the new one.
    Forward,
    /// All versions before it read data of the new one.
    ForwardTransitive,
    /// Both directions, with the version before it.
    Full,
    /// Both directions, with all versions before it.
    FullTransitive,
}

/// Who reads whose data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A reader with the new schema reads data that was written with the old one.
    Backward,
    /// A reader with the old schema reads data that is written with the new one.
    Forward,
}

/// The rules that a comparison goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// What Confluent's registry answers by default.
    ConfluentStrict,
    /// What Confluent's registry answers with its lenient policy for JSON Schema. For the other
    /// formats it is the same as strict.
    ConfluentLenient,
    /// If it says compatible, then no data that is valid for the writer fails for the reader. What
    /// can't be decided is refused.
    Sound,
}

/// Whether a finding is known to break readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// It breaks readers.
    Broken,
    /// It couldn't be decided, which [`Policy::Sound`] refuses.
    Undecided,
}

/// One reason why two schemas aren't compatible in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Broken {
    /// The stable id of the rule in snake case, such as `reader_field_missing_default_value`. Each
    /// rule is a row of docs/reference/compatibility.md.
    pub rule: String,
    /// The place in the schema that the rule names, as its format names places: a JSON Pointer for
    /// JSON Schema and Avro, a full name such as `.shop.Order.total` for Protobuf.
    pub path: String,
    /// Who can't read whose data.
    pub direction: Direction,
    /// Whether it is certain.
    pub certainty: Certainty,
    /// What the old schema says there, as a short text; none if it says nothing.
    pub was: Option<String>,
    /// What the new schema says there, as a short text; none if it says nothing.
    pub is: Option<String>,
    /// Why it breaks and for whom, in one sentence for people.
    pub message: String,
    /// A change of the new schema that would pass, in one sentence, if there is one.
    pub suggestion: Option<String>,
}

impl Level {
    /// All levels.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// The directions that are compared.
    #[must_use]
    pub const fn directions(self) -> &'static [Direction] {
        match self {
            Self::None => &[],
            Self::Backward | Self::BackwardTransitive => &[Direction::Backward],
            Self::Forward | Self::ForwardTransitive => &[Direction::Forward],
            Self::Full | Self::FullTransitive => &[Direction::Backward, Direction::Forward],
        }
    }

    /// Whether all versions before the new one count, and not only the last.
    #[must_use]
    pub const fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }
}

/// A text names no level or no policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{found:?} isn't one of {known}")]
pub struct UnknownName {
    /// The text.
    pub found: String,
    /// The names that there are.
    pub known: &'static str,
}

impl UnknownName {
    pub(crate) fn new(found: &str, known: &'static str) -> Self {
        Self { found: found.chars().take(100).collect(), known }
    }
}

impl FromStr for Level {
    type Err = UnknownName;

    /// Reads a name in any case, with `_` or `-`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.to_ascii_uppercase().replace('-', "_");
        let found = Self::ALL.into_iter().find(|level| level.to_string() == name);
        found.ok_or_else(|| {
            let known = "NONE, BACKWARD, FORWARD, FULL, BACKWARD_TRANSITIVE, FORWARD_TRANSITIVE and \
                         FULL_TRANSITIVE";
            UnknownName::new(text, known)
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        })
    }
}

impl FromStr for Policy {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::ConfluentStrict, Self::ConfluentLenient, Self::Sound];
        let found = all.into_iter().find(|policy| policy.to_string() == text);
        let known = "sound, confluent-strict and confluent-lenient";
        found.ok_or_else(|| UnknownName::new(text, known))
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConfluentStrict => "confluent-strict",
            Self::ConfluentLenient => "confluent-lenient",
            Self::Sound => "sound",
        })
    }
}
