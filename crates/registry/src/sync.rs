//! Documents that come from other registries: compared with what is here, and written as a command
//! that says so. It is the one code for what is sent to this registry and for what it fetches.

mod apply;
mod conflict;
mod read;

use muster_catalog::{
    Refusal,
    sync::{ConflictPolicy, DocumentOrigin, SyncContent, SyncSides, VersionVector},
};
use muster_schema::Violation;
use muster_words::{Id, Position, Xid};
use thiserror::Error;

pub use conflict::{ConflictRecord, Resolution};
pub use muster_catalog::sync::conflict_name;

use crate::{FetchError, SubmitError};

/// The state of a document in this registry. The document may be deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentState {
    /// The newest change of the document or of its vector; zero if it never existed.
    pub position: Position,
    /// How much of the document's history it holds.
    pub vector: VersionVector,
    /// Where it was first written; none if it never existed.
    pub origin: Option<DocumentOrigin>,
    /// What it says; none if it is deleted.
    pub content: Option<SyncContent>,
    /// Whether its bytes were erased since.
    pub is_erased: bool,
}

/// A state of a document that another registry sends or shows.
#[derive(Clone, Debug, PartialEq)]
pub struct IncomingDocument {
    /// The document.
    pub xid: Xid,
    /// How much of its history the state holds.
    pub vector: VersionVector,
    /// Where it was first written.
    pub origin: DocumentOrigin,
    /// What it says; none if it is deleted.
    pub content: Option<SyncContent>,
    /// What the state here held from which the content was made; none if it wasn't made from it. If
    /// the state here holds something else by now, the content would undo that.
    pub base: Option<VersionVector>,
    /// How it comes here.
    pub way: SyncWay,
}

/// The way on which a document comes.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncWay {
    /// The id of the sync.
    pub sync: Id,
    /// The route, as its registry names it.
    pub route: Option<Xid>,
    /// The two registries, one of which is this one.
    pub sides: SyncSides,
    /// What decides conflicts.
    pub policy: ConflictPolicy,
}

impl SyncWay {
    /// The registry at the other end; none if this one is at neither or at both.
    #[must_use]
    pub fn peer(&self, own: &Id) -> Option<&Id> {
        let SyncSides { source, target } = &self.sides;
        match (source == own, target == own) {
            (true, false) => Some(target),
            (false, true) => Some(source),
            _ => None,
        }
    }
}

/// What became of a document that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncOutcome {
    /// It was held already.
    Held,
    /// It is the state here now.
    Taken,
    /// What is here stays, and is known to hold it.
    Joined,
    /// It was merged with what is here.
    Merged,
    /// It waits for somebody, in this document.
    Conflict(Xid),
}

/// A document that came, after it was compared and written.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncedDocument {
    /// What became of it.
    pub outcome: SyncOutcome,
    /// Warnings about it, if it was written.
    pub warnings: Vec<Violation>,
}

/// Why a document that came wasn't compared or written.
#[derive(Clone, Debug, Error)]
pub enum SyncError {
    /// It is about two other registries.
    #[error("neither side of the sync is this registry, {own}")]
    OtherRegistry {
        /// The id of this registry.
        own: Id,
    },
    /// More registries wrote it than a vector may name.
    #[error(transparent)]
    TooLong(#[from] muster_catalog::sync::VectorTooLong),
    /// It claims to hold more of this registry than there is, or less than it says itself.
    #[error("the vector of the document can't be true: {0}")]
    Untrue(&'static str),
    /// It brings an attribute that a registry makes itself, or that travels apart.
    #[error("{0} isn't one of the attributes that travel between registries")]
    NotSent(String),
    /// Its bytes here were erased while it was compared.
    #[error("the document was erased while it was compared")]
    Erased,
    /// The registry has no place for conflicts, because the built-in model is left out.
    #[error("the registry has no collection of conflicts")]
    NoQueue,
    /// There is no such conflict, or its document isn't one.
    #[error("{0} is no conflict")]
    NoConflict(Xid),
    /// The document was changed after the conflict was noted. It is noted anew, with the change.
    #[error("{0} was changed after the conflict about it was noted; look at the conflict again")]
    ChangedSince(Xid),
    /// The command wasn't done.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<FetchError> for SyncError {
    fn from(error: FetchError) -> Self {
        Self::Submit(error.into())
    }
}

impl From<Refusal> for SyncError {
    fn from(refusal: Refusal) -> Self {
        Self::Submit(refusal.into())
    }
}
