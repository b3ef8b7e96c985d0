use std::{error::Error, sync::Arc};

use muster_ledger::Head;
use muster_words::{Digest, Position};
use thiserror::Error;

use crate::MalformedBatch;

/// What lies under an error, for the log and never for a client. Shared, because one failed append
/// is the answer to every command of its batch.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why a read gave nothing.
#[derive(Clone, Debug, Error)]
pub enum ReadError {
    /// The store can't be reached, is closed, or could not read now; it may be able to later.
    #[error("the ledger can't be read now")]
    Unavailable(#[source] Cause),
    /// What is stored isn't what was appended.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

/// Why an append was not carried out, or may not have been.
///
/// All but [`AppendError::InDoubt`] mean that nothing of the batch is or ever will be there.
#[derive(Clone, Debug, Error)]
pub enum AppendError {
    /// The head is another one: somebody else appended.
    #[error("the ledger's head is at position {}", .0.position)]
    Moved(Head),
    /// The batch is larger than the store takes in one append; a smaller one may pass.
    #[error("the batch is larger than the ledger takes at once")]
    TooLarge,
    /// There is no room. The same append can succeed once there is.
    #[error("there is no room for the ledger to grow")]
    Full,
    /// The store can't be reached, is closed, or could not write now; it may be able to later.
    #[error("the ledger can't be written now")]
    Unavailable(#[source] Cause),
    /// The append may have happened, or may still happen. Repeating the very same append until it
    /// answers anything else settles it.
    #[error("whether the ledger was written can't be known yet")]
    InDoubt(#[source] Cause),
    /// What is stored isn't what was appended, and the store noticed while writing.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The batch contradicts itself or the head that it was given: a mistake in the caller.
    #[error(transparent)]
    Malformed(#[from] MalformedBatch),
}

/// Damage to a ledger, and where it was found.
#[derive(Clone, Debug, Error)]
#[error("the ledger is damaged at position {position}: {damage}")]
pub struct Corrupt {
    /// The entry that is damaged, or that the damaged content lies beside; where the damage has
    /// no position of its own, the first one that was wanted.
    pub position: Position,
    /// What is wrong.
    #[source]
    pub damage: Damage,
}

/// What can be wrong with a stored ledger.
#[derive(Clone, Debug, Error)]
pub enum Damage {
    /// An entry below the head isn't there.
    #[error("the entry is missing")]
    EntryMissing,
    /// An entry's bytes don't have the hash that was stored with them.
    #[error("the entry has changed")]
    EntryChanged,
    /// A content's bytes don't have the digest that was stored with them.
    #[error("the content {expected} has become {found}")]
    ContentChanged {
        /// The digest by which it was stored.
        expected: Digest,
        /// The digest that its bytes have.
        found: Digest,
    },
    /// The store itself says that its medium is damaged, or the medium fails where it is read.
    #[error("the store can't read it")]
    Medium(#[source] Cause),
}

impl ReadError {
    /// Whether the same read may succeed later without anybody mending anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Corrupt(_) => false,
        }
    }

    /// Whether nothing was changed: of a read, always.
    #[must_use]
    pub fn has_no_side_effects(&self) -> bool {
        true
    }
}

impl AppendError {
    /// Whether the same commands may succeed later without anybody changing them: after `Moved`
    /// at another head, after `InDoubt` only as the very same append.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Moved(_) | Self::Full | Self::Unavailable(_) | Self::InDoubt(_) => true,
            Self::TooLarge | Self::Corrupt(_) | Self::Malformed(_) => false,
        }
    }

    /// Whether nothing of the batch is or ever will be there.
    #[must_use]
    pub fn has_no_side_effects(&self) -> bool {
        !matches!(self, Self::InDoubt(_))
    }
}
