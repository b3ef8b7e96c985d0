use std::{fmt, str::FromStr};

use thiserror::Error;

/// What decides between two states of a document of which neither knew the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConflictPolicy {
    /// Somebody decides.
    #[default]
    Manual,
    /// Both changes are joined; what both changed differently somebody decides.
    Merge,
    /// The registry that has the route wins.
    SourceWins,
    /// The registry that the route leads to wins.
    TargetWins,
    /// The state that was written later wins.
    LastWriter,
    /// The state with the higher version wins.
    HighestVersion,
}

/// A text that names no policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no policy for conflicts")]
pub struct UnknownPolicy(pub String);

impl ConflictPolicy {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Manual,
        Self::Merge,
        Self::SourceWins,
        Self::TargetWins,
        Self::LastWriter,
        Self::HighestVersion,
    ];

    /// Its name in documents and requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Merge => "merge",
            Self::SourceWins => "source-wins",
            Self::TargetWins => "target-wins",
            Self::LastWriter => "last-writer",
            Self::HighestVersion => "highest-version",
        }
    }
}

impl fmt::Display for ConflictPolicy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for ConflictPolicy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        let found = Self::ALL.into_iter().find(|policy| policy.name() == text);
        found.ok_or_else(|| UnknownPolicy(text.chars().take(40).collect()))
    }
}
