//! Checkpoints (C2SP tlog-checkpoint): a signed note that says how long a ledger was and what its
//! root hash was then.
//!
//! | line | what                                                     |
//! |------|----------------------------------------------------------|
//! | 1    | the ledger's origin: `<registry id>/<name of the ledger>` |
//! | 2    | how many entries it had, in decimal                      |
//! | 3    | the root hash of its tree, in base64                     |
//!
//! The specification lets further lines follow. Ours have none, and a line that this program
//! doesn't understand is refused rather than passed over.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_seal::note::{self, KeyName, NameError, NoteError, Signer, TextError, Verifier};
use muster_words::{Digest, Id};
use thiserror::Error;

use crate::MerkleTree;

/// What a ledger was at some length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger; also the name of the key that signs.
    pub origin: KeyName,
    /// How many entries it had: the position of the last one.
    pub size: u64,
    /// The root hash of its tree.
    pub root: Digest,
}

/// The origin of a ledger: what its checkpoints begin with, and what its key is called.
///
/// # Errors
/// The ledger's name can't stand in the name of a key.
pub fn origin(registry: &Id, ledger: &str) -> Result<KeyName, NameError> {
    format!("{registry}/{ledger}").parse()
}

/// Why a checkpoint can't be signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// The key is another ledger's.
    #[error("the key is that of {signer}, not of {origin}")]
    Origin {
        /// The checkpoint's origin.
        origin: KeyName,
        /// The key's name.
        signer: KeyName,
    },
    /// The origin can't stand in a note.
    #[error(transparent)]
    Text(#[from] TextError),
}

/// Why bytes are not taken as a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// They are no note that this key has signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note's text is no checkpoint: not three lines, or a size or a root not in its one form.
    #[error("line {line} of the checkpoint is malformed")]
    Line {
        /// Which line, from 1.
        line: usize,
    },
    /// The checkpoint is another ledger's.
    #[error("the checkpoint is that of {found}, not of {expected}")]
    Origin {
        /// The name of the key that it was checked with.
        expected: KeyName,
        /// The origin that it names.
        found: KeyName,
    },
}

impl Checkpoint {
    /// What this tree is now.
    #[must_use]
    pub fn of(origin: KeyName, tree: &MerkleTree) -> Self {
        Self { origin, size: tree.size(), root: tree.root() }
    }

    /// The checkpoint as a note, signed with its ledger's key.
    ///
    /// # Errors
    /// The key is another ledger's.
    pub fn sign(&self, signer: &Signer) -> Result<String, SignError> {
        let name = signer.verifier().name();
        if *name != self.origin {
            let (origin, signer) = (self.origin.clone(), name.clone());
            return Err(SignError::Origin { origin, signer });
        }
        Ok(signer.sign(&self.to_string())?)
    }

    /// Reads a note that this ledger's key has signed; the key's name is the ledger's origin.
    ///
    /// # Errors
    /// The note isn't signed by this key, its text is no checkpoint, or it is another ledger's.
    pub fn open(note: &[u8], verifier: &Verifier) -> Result<Self, CheckpointError> {
        let checkpoint = Self::read(note::open(note, std::slice::from_ref(verifier))?)?;
        if checkpoint.origin != *verifier.name() {
            let (expected, found) = (verifier.name().clone(), checkpoint.origin);
            return Err(CheckpointError::Origin { expected, found });
        }
        Ok(checkpoint)
    }

    /// Reads a note's text.
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

/// Writes the text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root.0))
    }
}

/// A number in decimal digits, without a sign and without zeroes before it.
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
