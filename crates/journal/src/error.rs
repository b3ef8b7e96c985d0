use std::{error::Error, sync::Arc};

use muster_ledger::Head;
use muster_words::{Digest, Position};
use thiserror::Error;

use crate::MalformedBatch;

/// The cause of an error, for the log and never for a client. It is shared, because one failed
/// append is the answer to every command of its batch.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why a read failed.
#[derive(Clone, Debug, Error)]
pub enum ReadError {
    /// The store can't be reached, is closed, or couldn't read now; a retry may succeed.
    #[error("the ledger can't be read now")]
    Unavailable(#[source] Cause),
    /// The stored bytes aren't those that were appended.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

/// Why an append wasn't carried out, or perhaps wasn't.
///
/// After any error except [`AppendError::InDoubt`], nothing of the batch is or will be stored.
#[derive(Clone, Debug, Error)]
pub enum AppendError {
    /// The head is different, because another writer has appended.
    #[error("the ledger's head is at position {}", .0.position)]
    Moved(Head),
    /// The batch is larger than the store accepts in one append.
    #[error("the batch is larger than the ledger accepts")]
    TooLarge,
    /// The store is full. The same append can succeed when there is room.
    #[error("the disk of the ledger is full")]
    Full,
    /// The store can't be reached, is closed, or couldn't write now; a retry may succeed.
    #[error("the ledger can't be written now")]
    Unavailable(#[source] Cause),
    /// The append may have happened, or may still happen. Repeating the same append until the
    /// answer is different resolves the doubt.
    #[error("it isn't known yet whether the ledger was written")]
    InDoubt(#[source] Cause),
    /// While writing, the store found that stored bytes aren't those that were appended.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The batch is invalid in itself or after this head: a mistake of the caller.
    #[error(transparent)]
    Malformed(#[from] MalformedBatch),
}

/// Damage of a ledger, and its position.
#[derive(Clone, Debug, Error)]
#[error("the ledger is damaged at position {position}: {damage}")]
pub struct Corrupt {
    /// The position of the damaged entry, or of the entry with the damaged content. If the damage
    /// has no position, the first requested one.
    pub position: Position,
    /// The damage.
    #[source]
    pub damage: Damage,
}

/// The kinds of damage.
#[derive(Clone, Debug, Error)]
pub enum Damage {
    /// An entry below the head is missing.
    #[error("the entry is missing")]
    EntryMissing,
    /// An entry's bytes don't match their stored hash.
    #[error("the entry has changed")]
    EntryChanged,
    /// A content's bytes don't match their stored digest.
    #[error("the content {expected} has become {found}")]
    ContentChanged {
        /// The stored digest.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// The store reports damage, or its medium fails when it is read.
    #[error("the store can't read it")]
    Medium(#[source] Cause),
}
