use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_words::Digest;
use thiserror::Error;

use crate::{
    Checkpoint, Verifier,
    checkpoint::CheckpointError,
    tree::{ProofError, verify_inclusion},
};

/// The first line of a proof.
pub const TLOG_PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The most hashes of a path: the height of a tree with 2⁶⁴ leaves.
const HASHES_MAX: usize = 64;

/// The longest extra data in a file, in characters of base64: an entry of 65,535 bytes, once more
/// in base64 within JSON, and the digests of what it names.
const EXTRA_CHARACTERS_MAX: usize = 512 * 1024;

/// A proof that an entry is in a ledger (C2SP tlog-proof), which can be verified offline.
///
/// | line              | what                                                              |
/// |-------------------|-------------------------------------------------------------------|
/// | 1                 | `c2sp.org/tlog-proof@v1`                                          |
/// | `extra …`         | extra data in base64, if any; nothing proves it                   |
/// | `index …`         | the index of the entry's leaf, in decimal: its position − 1       |
/// | one for each hash | the path from the leaf to the root, in base64                     |
/// | an empty line     |                                                                   |
/// | the rest          | the signed checkpoint                                             |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Data that helps to verify, such as the entry. Nothing proves it.
    pub extra: Option<Vec<u8>>,
    /// The index of the leaf.
    pub index: u64,
    /// The path from the leaf to the root.
    pub hashes: Vec<Digest>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// Why a text isn't a proof, or doesn't prove an entry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TlogProofError {
    /// A line isn't in its only form.
    #[error("line {line} of the proof is malformed")]
    Line {
        /// The number of the line, from 1.
        line: usize,
    },
    /// The checkpoint isn't signed by this key, or isn't one.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The path doesn't lead from the entry to the checkpoint's root.
    #[error(transparent)]
    Path(#[from] ProofError),
}

impl TlogProof {
    /// Parses a proof.
    ///
    /// # Errors
    /// A line is malformed.
    pub fn parse(text: &str) -> Result<Self, TlogProofError> {
        // An empty line ends the path; the checkpoint has one of its own.
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(TlogProofError::Line { line: text.lines().count() })?;
        let mut lines = (1..).zip(head.split('\n')).peekable();
        let malformed = |line| TlogProofError::Line { line };
        lines.next().filter(|(_, line)| *line == TLOG_PROOF_HEADER).ok_or(malformed(1))?;
        let extra = lines.next_if(|(_, line)| line.starts_with("extra "));
        let extra = extra.map(|(number, line)| {
            let text = line.get(6..).filter(|text| text.len() <= EXTRA_CHARACTERS_MAX);
            text.and_then(|text| STANDARD.decode(text).ok()).ok_or(malformed(number))
        });
        let extra = extra.transpose()?;
        let line = if extra.is_some() { 3 } else { 2 };
        let index = lines.next().and_then(|(_, line)| line.strip_prefix("index "));
        let index = index.and_then(decimal).ok_or(malformed(line))?;
        let hashes = lines.map(|(number, line)| {
            let hash = STANDARD.decode(line).ok().and_then(|bytes| bytes.try_into().ok());
            hash.map(Digest).filter(|_| number <= line_max()).ok_or(malformed(number))
        });
        let hashes = hashes.collect::<Result<_, _>>()?;
        Ok(Self { extra, index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// Verifies that the entry with this leaf hash is in the ledger whose key has signed the
    /// checkpoint. Returns the checkpoint.
    ///
    /// # Errors
    /// The checkpoint isn't signed by the key, or the path doesn't lead to its root.
    pub fn verify(&self, leaf: &Digest, key: &Verifier) -> Result<Checkpoint, TlogProofError> {
        let checkpoint = Checkpoint::open(self.checkpoint.as_bytes(), key)?;
        verify_inclusion(leaf, self.index, checkpoint.size, &checkpoint.root, &self.hashes)?;
        Ok(checkpoint)
    }
}

/// The last line that may hold a hash.
const fn line_max() -> usize {
    HASHES_MAX + 3
}

/// Parses a decimal number without a sign and without leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TLOG_PROOF_HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", STANDARD.encode(hash.0))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests;
