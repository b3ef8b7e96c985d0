use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Where an entry stands in a ledger. The first entry has position 1; 0 is the head of an empty
/// ledger, so "after position 0" means "from the beginning".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// The head of an empty ledger.
    pub const ZERO: Self = Self(0);

    /// The position that follows this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names a content: the bytes that were stored beside the entry at `position` and have `digest`.
///
/// The position is part of the name because contents are shared only along one entity's states:
/// equal bytes that two entities sent are two contents, so that purging one leaves the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentRef {
    /// The entry beside which the bytes lie.
    pub position: Position,
    /// SHA-256 of the bytes.
    pub digest: Digest,
}
