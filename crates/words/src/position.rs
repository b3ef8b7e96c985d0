use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// The position of an entry in a ledger. The first entry has position 1. 0 is the head of an empty
/// ledger, so "after position 0" means "from the beginning".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// The head of an empty ledger.
    pub const ZERO: Self = Self(0);

    /// The next position.
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

/// The name of a content: the bytes with this `digest` that are stored with the entry at
/// `position`.
///
/// The position is part of the name, because contents are shared only between the states of one
/// entity. Equal bytes of two entities are two contents, so that a purge of one leaves the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentRef {
    /// The position of the entry that stores the bytes.
    pub position: Position,
    /// SHA-256 of the bytes.
    pub digest: Digest,
}
