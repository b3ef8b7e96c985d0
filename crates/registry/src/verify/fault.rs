use std::fmt;

use muster_journal::{Corrupt, Damage};
use muster_ledger::ChainFault;
use muster_words::{Digest, Id, Moment, Position, Xid};
use thiserror::Error;

use crate::{CheckpointFileError, FetchError, OpenError};

/// The first fault in a ledger.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The chain is broken.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// The store reports that an entry has changed.
    #[error("position {}: {}", .0.position, .0.damage)]
    Entry(Corrupt),
    /// A content doesn't match its entry.
    #[error("{0}")]
    ContentChanged(Box<ContentFault>),
    /// A content is missing, but wasn't purged.
    #[error("{0}")]
    ContentMissing(Box<ContentFault>),
    /// The entries can't be folded.
    #[error("{0}")]
    Fold(OpenError),
    /// The fold gives a different catalog than the served one.
    #[error("a replay of the ledger differs from the served catalog, at {0}")]
    Catalog(String),
    /// The checkpoint disagrees.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointFileError),
    /// The ledger can't be read.
    #[error(transparent)]
    Read(#[from] FetchError),
}

/// A content that doesn't match its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentFault {
    /// The first entry that names it.
    pub position: Position,
    /// The entry's moment.
    pub moment: Moment,
    /// The entity that it belongs to; for a document, the version.
    pub xid: Xid,
    /// Which part of the entity it is.
    pub part: ContentRole,
    /// The digest in the entry.
    pub expected: Digest,
    /// The stored content.
    pub found: FoundContent,
}

/// What the store has instead of the right content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundContent {
    /// Nothing.
    Nothing,
    /// Bytes with another digest.
    Other(Digest),
    /// Bytes that the store can't read.
    Unreadable,
}

/// Which part of its entity a content is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentRole {
    /// A version's document.
    Document,
    /// The attributes that clients set.
    Attributes,
    /// The model's source.
    Model,
    /// The capabilities.
    Capabilities,
    /// The record of a key.
    Key(Id),
    /// Why a command was given.
    Message,
}

impl fmt::Display for ContentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, moment, xid, expected, .. } = self;
        write!(f, "position {position}, {moment}: ")?;
        match &self.part {
            ContentRole::Document => write!(f, "the document of {xid}")?,
            ContentRole::Attributes => write!(f, "the attributes of {xid}")?,
            ContentRole::Model => write!(f, "the model")?,
            ContentRole::Capabilities => write!(f, "the list of capabilities")?,
            ContentRole::Message => write!(f, "the message of a command")?,
            ContentRole::Key(id) => write!(f, "the record of the key {id}")?,
        }
        match self.found {
            FoundContent::Nothing => {
                write!(f, " is missing, but wasn't purged; the entry says {expected}")
            }
            FoundContent::Other(found) => {
                write!(f, ": its digest is {found}; the entry says {expected}")
            }
            FoundContent::Unreadable => write!(f, " can't be read; the entry says {expected}"),
        }
    }
}

/// The kind of a fault, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// An entry doesn't follow the one before it, or can't be decoded.
    ChainBroken,
    /// The store can't read something.
    Unreadable,
    /// A content doesn't match its entry.
    ContentChanged,
    /// A content is missing, but wasn't purged.
    ContentMissing,
    /// A newer release wrote the ledger.
    FormatNewer,
    /// The entries can't be folded.
    FoldFailed,
    /// The fold gives a different catalog than the served one.
    FoldDiffers,
    /// The ledger ends before its checkpoint.
    TailMissing,
    /// The checkpoint disagrees.
    CheckpointBroken,
}

impl FaultKind {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ChainBroken => "chain_broken",
            Self::Unreadable => "unreadable",
            Self::ContentChanged => "content_changed",
            Self::ContentMissing => "content_missing",
            Self::FormatNewer => "format_newer",
            Self::FoldFailed => "fold_failed",
            Self::FoldDiffers => "fold_differs",
            Self::TailMissing => "tail_missing",
            Self::CheckpointBroken => "checkpoint_broken",
        }
    }
}

impl VerifyError {
    /// The kind of the fault.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::Entry(Corrupt { damage: Damage::Medium(_), .. }) | Self::Read(_) => {
                FaultKind::Unreadable
            }
            Self::Chain(_) | Self::Entry(_) => FaultKind::ChainBroken,
            Self::ContentChanged(_) => FaultKind::ContentChanged,
            Self::ContentMissing(_) => FaultKind::ContentMissing,
            Self::Fold(OpenError::Format(_)) => FaultKind::FormatNewer,
            Self::Fold(_) => FaultKind::FoldFailed,
            Self::Catalog(_) => FaultKind::FoldDiffers,
            Self::Checkpoint(CheckpointFileError::TailMissing { .. }) => FaultKind::TailMissing,
            Self::Checkpoint(_) => FaultKind::CheckpointBroken,
        }
    }

    /// The first faulty position; all entries before it are sound, with their contents. None if no
    /// position can be named: if the checkpoint covers other entries, any of them may be different.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Chain(fault) | Self::Fold(OpenError::Chain(fault)) => Some(fault.position()),
            Self::Entry(corrupt) => Some(corrupt.position),
            Self::ContentChanged(fault) | Self::ContentMissing(fault) => Some(fault.position),
            Self::Fold(OpenError::Change { position, .. })
            | Self::Read(FetchError::Corrupt(position)) => Some(*position),
            Self::Fold(OpenError::Apply(error)) => Some(error.position),
            Self::Checkpoint(CheckpointFileError::TailMissing { head, .. }) => Some(head.next()),
            _ => None,
        }
    }

    /// The faulty content, if it is a content.
    #[must_use]
    pub fn content(&self) -> Option<&ContentFault> {
        match self {
            Self::ContentChanged(fault) | Self::ContentMissing(fault) => Some(fault),
            _ => None,
        }
    }
}
