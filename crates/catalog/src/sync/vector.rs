use std::{cmp::Reverse, collections::BTreeMap, iter::once};

use muster_words::{Id, Position, limits::ID_LENGTH_MAX};
use thiserror::Error;

use crate::state::CommandTag;

/// The number of registries in a vector. Each that ever wrote a document stays in its vector, and
/// more than a few dozen that write the same documents are a mistake rather than a company.
pub const VECTOR_REGISTRIES_MAX: usize = 64;

/// How much of a document's history a state holds: for each registry the position of the newest
/// change there that is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionVector(BTreeMap<Id, Position>);

/// How two vectors stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Causality {
    /// They are equal.
    Same,
    /// The first one holds less.
    Before,
    /// The first one holds more.
    After,
    /// Each holds something that the other lacks.
    Concurrent,
}

/// More registries than a vector may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a vector names at most {VECTOR_REGISTRIES_MAX} registries")]
pub struct VectorTooLong;

/// The name in vectors of what a registry writes after it was restored from a backup by a command
/// with this tag. Positions after the backup are used twice: what was lost and what came instead
/// must not look the same.
#[must_use]
pub fn writer_after_restore(registry: &Id, tag: CommandTag) -> Id {
    let end = format!("~{:08x}", u32::from_be_bytes(tag));
    let begin: String = registry.as_str().chars().take(ID_LENGTH_MAX - end.len()).collect();
    format!("{begin}{end}").parse().unwrap_or_else(|_| registry.clone())
}

impl VersionVector {
    /// A vector of these registries; a later position replaces an earlier one.
    ///
    /// # Errors
    /// There are too many of them.
    pub fn new(all: impl IntoIterator<Item = (Id, Position)>) -> Result<Self, VectorTooLong> {
        all.into_iter().try_fold(Self::default(), |vector, (registry, position)| {
            vector.with(&registry, position)
        })
    }

    /// The registries with their positions, sorted by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Id, Position)> {
        self.0.iter().map(|(registry, position)| (registry, *position))
    }

    /// The number of registries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds nothing: the document never existed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The position of a registry; zero if it is none of them.
    #[must_use]
    pub fn of(&self, registry: &Id) -> Position {
        self.0.get(registry).copied().unwrap_or(Position::ZERO)
    }

    /// With at least this position of a registry.
    ///
    /// # Errors
    /// There would be too many registries.
    pub fn with(mut self, registry: &Id, position: Position) -> Result<Self, VectorTooLong> {
        if position == Position::ZERO {
            return Ok(self);
        }
        let known = self.of(registry);
        if known == Position::ZERO && self.0.len() >= VECTOR_REGISTRIES_MAX {
            return Err(VectorTooLong);
        }
        if position > known {
            self.0.insert(registry.clone(), position);
        }
        Ok(self)
    }

    /// Whether a position of this registry is in it or can be added.
    #[must_use]
    pub fn has_place_for(&self, registry: &Id) -> bool {
        self.0.len() < VECTOR_REGISTRIES_MAX || self.0.contains_key(registry)
    }

    /// With this position of a registry, also where there is no place for it: the registries with the
    /// smallest positions make room. It claims less than is held, so the worst that follows is a
    /// conflict that is none.
    #[must_use]
    pub fn cut_with(&self, registry: &Id, position: Position) -> Self {
        let mut all: Vec<_> = self.iter().filter(|(id, _)| *id != registry).collect();
        all.sort_unstable_by_key(|(id, position)| (Reverse(*position), *id));
        all.truncate(VECTOR_REGISTRIES_MAX.saturating_sub(1));
        let all = all.into_iter().chain(once((registry, position)));
        Self(all.map(|(id, position)| (id.clone(), position)).collect())
    }

    /// Everything that one of both holds.
    ///
    /// # Errors
    /// There would be too many registries.
    pub fn join(&self, other: &Self) -> Result<Self, VectorTooLong> {
        other
            .iter()
            .try_fold(self.clone(), |joined, (registry, position)| joined.with(registry, position))
    }

    /// Whether it holds nothing that the other one lacks.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.iter().all(|(registry, position)| position <= other.of(registry))
    }

    /// How it stands to another one.
    #[must_use]
    pub fn stands_to(&self, other: &Self) -> Causality {
        match (self.is_within(other), other.is_within(self)) {
            (true, true) => Causality::Same,
            (true, false) => Causality::Before,
            (false, true) => Causality::After,
            (false, false) => Causality::Concurrent,
        }
    }
}
