//! Documents that several registries write: what each of them knew, and what becomes of two states
//! that meet.
//!
//! Everything here is a function of two states, so two registries that see the same states decide
//! the same, without asking each other.

mod comparison;
mod conflicts;
mod content;
mod merge;
mod policy;
mod semantic_version;
mod state;
mod vector;

pub use comparison::{ComparedSide, SyncDecision, SyncSides, compare};
pub use conflicts::{CONFLICTS, conflict_name};
pub use content::SyncContent;
pub use merge::{merged, merged_preferring};
pub use policy::{ConflictPolicy, UnknownPolicy};
pub use state::{DocumentOrigin, SyncMark, SyncedState};
pub use vector::{
    Causality, VECTOR_REGISTRIES_MAX, VectorTooLong, VersionVector, writer_after_restore,
};

#[cfg(test)]
mod tests;
