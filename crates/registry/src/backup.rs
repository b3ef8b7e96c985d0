//! Backups: a whole ledger as one stream of bytes that proves itself.
//!
//! A backup begins with the line `muster backup 1`. Then come frames, each with a letter for its
//! kind, the length of its payload (32 bits, big-endian) and the payload:
//!
//! | kind | payload |
//! |---|---|
//! | `H`  | the header ([`BackupHeader`] as one line of JSON), as a note signed by the ledger's key; first, and once |
//! | `E`  | the bytes of the next entry, as they were hashed |
//! | `C`  | a content that the last entry stores: its digest (32 bytes) and its bytes |
//! | `X`  | why the backup ends here, incomplete, as text; last |
//! | `Z`  | the signed checkpoint of all entries, as a note; last |
//!
//! A backup doesn't depend on the engine that stores the ledger, and holds no private key. Its
//! entries are chained, its contents are named by their digests, and the checkpoint signs all of
//! it. So whoever has the ledger's public key can verify it without a registry. A content that was
//! purged isn't in it.

mod check;
mod frames;
mod restore;
mod write;

pub use check::{BackupCheck, BackupItem, CheckedBackup};
pub use frames::{BackupFrame, BackupFrames};
use muster_ledger::{ChainFault, checkpoint::CheckpointError};
use muster_words::{Digest, Position};
pub use restore::{BackupRestoration, RestoreError};
use serde::{Deserialize, Serialize};
use thiserror::Error;
pub use write::BackupStream;

/// What stands before everything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupHeader {
    /// The registry's id.
    pub registry: String,
    /// The verifier of the key that signs the backup; its name is the ledger's origin.
    pub key: String,
    /// Whether the registry has no built-in model.
    pub bare: bool,
    /// How many entries the ledger had when the backup began; there may be a few more in it.
    pub entries: u64,
}

/// Why a backup isn't valid.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The bytes aren't a backup.
    #[error("it isn't a backup of a registry")]
    Foreign,
    /// A later release made it.
    #[error("a later release of muster made it, in format {0}")]
    Newer(String),
    /// It ends before its checkpoint.
    #[error("it ends after position {after}, before its checkpoint: it isn't complete")]
    Truncated {
        /// The position of the last entry.
        after: Position,
    },
    /// The server couldn't complete it.
    #[error("it ends after position {after}: {why}")]
    Failed {
        /// The position of the last entry.
        after: Position,
        /// Why.
        why: String,
    },
    /// A frame isn't where it may be, or isn't what it should be.
    #[error("it is damaged after position {after}: {what}")]
    Damaged {
        /// The position of the last entry.
        after: Position,
        /// What is wrong.
        what: &'static str,
    },
    /// The chain is broken.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// A content isn't the one that its entry names.
    #[error("the content {digest} of position {position} isn't what its entry names")]
    Content {
        /// The entry.
        position: Position,
        /// The digest beside the bytes.
        digest: Digest,
    },
    /// A content isn't there although no entry purges it.
    #[error("{xid} has lost a content of position {position}: {digest} isn't in it")]
    ContentMissing {
        /// The entry.
        position: Position,
        /// The digest that it names.
        digest: Digest,
        /// The entity that it belongs to.
        xid: String,
    },
    /// The header's key or the checkpoint's signature isn't valid.
    #[error("its checkpoint isn't valid")]
    Checkpoint(#[from] CheckpointError),
    /// The key isn't one.
    #[error("{0:?} isn't the public key of a ledger")]
    Key(String),
    /// Another key signed it.
    #[error("{found} signed it, not {expected}")]
    OtherKey {
        /// The key that was asked for.
        expected: String,
        /// The key in the backup.
        found: String,
    },
    /// The entries aren't those that the checkpoint signs.
    #[error("its entries aren't those that its checkpoint signs")]
    Forked,
}
