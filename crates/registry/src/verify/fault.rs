use std::fmt;

use muster_journal::{Corrupt, Damage};
use muster_ledger::ChainFault;
use muster_words::{Digest, Id, Moment, Position, Xid};
use thiserror::Error;

use crate::{CheckpointFileError, FetchError, OpenError};

/// The first thing that is wrong with a ledger.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The chain doesn't hold.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// The store itself finds that an entry isn't what was appended.
    #[error("position {}: {}", .0.position, .0.damage)]
    Entry(Corrupt),
    /// A content isn't what its entry says.
    #[error("{0}")]
    ContentChanged(Box<ContentFault>),
    /// A content is gone that nobody erased.
    #[error("{0}")]
    ContentMissing(Box<ContentFault>),
    /// The entries can't be folded.
    #[error("{0}")]
    Fold(OpenError),
    /// The fold gives another catalog than the one that is served.
    #[error("the fold of the ledger differs from the catalog that is served, at {0}")]
    Catalog(String),
    /// The checkpoint doesn't agree.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointFileError),
    /// The ledger can't be read.
    #[error(transparent)]
    Read(#[from] FetchError),
}

/// A content that isn't what its entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentFault {
    /// The entry that named it first.
    pub position: Position,
    /// The entry's moment.
    pub moment: Moment,
    /// The entity that it belongs to: of a document, the version.
    pub xid: Xid,
    /// What of the entity it is.
    pub part: ContentRole,
    /// The digest that the entry says.
    pub expected: Digest,
    /// What there is instead.
    pub found: FoundContent,
}

/// What stands where a content should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundContent {
    /// Nothing.
    Nothing,
    /// Bytes of another digest.
    Other(Digest),
    /// Bytes that the store can't read.
    Unreadable,
}

/// What a content is of its entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentRole {
    /// A version's document.
    Document,
    /// What clients set on an entity.
    Attributes,
    /// The model's source.
    Model,
    /// The capabilities.
    Capabilities,
    /// The record of a key.
    Key(Id),
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
            ContentRole::Key(id) => write!(f, "the record of the key {id}")?,
        }
        match self.found {
            FoundContent::Nothing => {
                write!(f, " is missing, and nobody erased it; the entry says {expected}")
            }
            FoundContent::Other(found) => write!(f, " is {found} now; the entry says {expected}"),
            FoundContent::Unreadable => write!(f, " can't be read; the entry says {expected}"),
        }
    }
}

/// What kind of thing is wrong with a ledger, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// An entry doesn't follow the one before it, or doesn't decode.
    ChainBroken,
    /// The store can't read something.
    Unreadable,
    /// A content isn't what its entry says.
    ContentChanged,
    /// A content is gone that nobody erased.
    ContentMissing,
    /// A newer release wrote the ledger.
    FormatNewer,
    /// The entries can't be folded.
    FoldFailed,
    /// The fold gives another catalog than the one that is served.
    FoldDiffers,
    /// The ledger ends before its checkpoint.
    TailMissing,
    /// The checkpoint doesn't agree.
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
    /// What kind of thing is wrong.
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

    /// The first position at which something is wrong: every entry before it holds, with its
    /// contents. None where no position can be named: of a checkpoint that signed other entries,
    /// any of them may be another.
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

    /// The content that is wrong, where it is one.
    #[must_use]
    pub fn content(&self) -> Option<&ContentFault> {
        match self {
            Self::ContentChanged(fault) | Self::ContentMissing(fault) => Some(fault),
            _ => None,
        }
    }
}
