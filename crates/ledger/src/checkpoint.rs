//! Checkpoints (C2SP tlog-checkpoint): a signed note with the size of a ledger and its
//! root hash.
//!
//! | line | what                                                     |
//! |------|----------------------------------------------------------|
//! | 1    | the ledger's origin: `<registry id>/<name of the ledger>` |
//! | 2    | how many entries it had, in decimal                      |
//! | 3    | the root hash of its tree, in base64                     |
//!
//! The specification allows further lines. Ours have none, and a line that this program
//! doesn't know is refused.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_seal::note::{self, KeyName, NameError, NoteError, Signer, TextError, Verifier};
use muster_words::{Digest, Id};
use thiserror::Error;

use crate::MerkleTree;

/// The size and the root hash of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The ledger's origin, which is also the name of its signing key.
    pub origin: KeyName,
    /// The number of entries, which is the position of the last one.
    pub size: u64,
    /// The root hash of its tree.
    pub root: Digest,
}

/// The origin of a ledger: the first line of its checkpoints and the name of its key.
///
/// # Errors
/// The ledger's name can't be part of a key's name.
pub fn origin(registry: &Id, ledger: &str) -> Result<KeyName, NameError> {
    format!("{registry}/{ledger}").parse()
}

/// Why a checkpoint can't be signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// The key belongs to another ledger.
    #[error("the key belongs to {signer}, not to {origin}")]
    Origin {
        /// The checkpoint's origin.
        origin: KeyName,
        /// The key's name.
        signer: KeyName,
    },
    /// The origin can't be part of a note.
    #[error(transparent)]
    Text(#[from] TextError),
}

/// Why bytes aren't a valid checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// They aren't a note with a signature of this key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note's text isn't a checkpoint: it doesn't have three lines, or the size or the root
    /// isn't in its only form.
    #[error("line {line} of the checkpoint is malformed")]
    Line {
        /// The number of the line, from 1.
        line: usize,
    },
    /// The checkpoint belongs to another ledger.
    #[error("the checkpoint belongs to {found}, not to {expected}")]
    Origin {
        /// The name of the key that verified it.
        expected: KeyName,
        /// The origin in the checkpoint.
        found: KeyName,
    },
}

impl Checkpoint {
    /// The checkpoint of a tree.
    #[must_use]
    pub fn of(origin: KeyName, tree: &MerkleTree) -> Self {
        Self { origin, size: tree.size(), root: tree.root() }
    }

    /// The checkpoint as a note, signed with its ledger's key.
    ///
    /// # Errors
    /// The key belongs to another ledger.
    pub fn sign(&self, signer: &Signer) -> Result<String, SignError> {
        let name = signer.verifier().name();
        if *name != self.origin {
            let (origin, signer) = (self.origin.clone(), name.clone());
            return Err(SignError::Origin { origin, signer });
        }
        Ok(signer.sign(&self.to_string())?)
    }

    /// Opens a note that this ledger's key has signed; the key's name must be the ledger's origin.
    ///
    /// # Errors
    /// The note isn't signed by this key, its text isn't a checkpoint, or it belongs to another
    /// ledger.
    pub fn open(note: &[u8], verifier: &Verifier) -> Result<Self, CheckpointError> {
        let checkpoint = Self::read(note::open(note, std::slice::from_ref(verifier))?)?;
        if checkpoint.origin != *verifier.name() {
            let (expected, found) = (verifier.name().clone(), checkpoint.origin);
            return Err(CheckpointError::Origin { expected, found });
        }
        Ok(checkpoint)
    }

    /// Parses a note's text.
    fn read(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let mut line = |line| lines.next().ok_or(CheckpointError::Line { line });
        let (origin, size, root) = (line(1)?, line(2)?, line(3)?);
        if line(4).is_ok() {
            return Err(CheckpointError::Line { line: 4 });
        }
        Ok(Self {
            origin: origin.parse().map_err(|NameError| CheckpointError::Line { line: 1 })?,
            size: decimal(size).ok_or(CheckpointError::Line { line: 2 })?,
            root: digest(root).ok_or(CheckpointError::Line { line: 3 })?,
        })
    }
}

/// Writes the text to sign.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root.0))
    }
}

/// Parses a decimal number without a sign and without leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    let plain = !text.starts_with('+') && (text == "0" || !text.starts_with('0'));
    plain.then_some(number)
}

fn digest(text: &str) -> Option<Digest> {
    STANDARD.decode(text).ok()?.try_into().ok().map(Digest)
}

#[cfg(test)]
mod tests;
