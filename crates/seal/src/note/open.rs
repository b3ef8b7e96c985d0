use base64::{Engine as _, engine::general_purpose::STANDARD};
use thiserror::Error;

use super::{KeyId, KeyName, SIGNATURE_PREFIX, Verifier, has_control};
use crate::{SIGNATURE_BYTES, Signature};

/// Bytes of a note: a checkpoint with all its witnesses' signatures has a few thousand.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// Signatures of a note, so that nobody makes us check them forever.
pub const SIGNATURES_MAX: usize = 100;

/// Why a note was not opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// The bytes are no signed note.
    #[error("this is not a signed note")]
    Malformed,
    /// It is longer than any that we read.
    #[error("a note has at most {NOTE_BYTES_MAX} bytes; this one has {bytes}")]
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A line names one of the known keys, and its signature is wrong.
    #[error("the signature of {name} ({id}) does not fit the note")]
    Signature {
        /// The key's name.
        name: KeyName,
        /// The key's id.
        id: KeyId,
    },
    /// No line names one of the known keys.
    #[error("none of the known keys has signed this note")]
    Unknown,
}

/// The text of a note that at least one of the known keys has signed. Signatures by others are
/// passed over; a wrong one in a known key's name refuses the note, even if others hold.
///
/// # Errors
/// The note is malformed or too large, a known key's signature is wrong, or none is there.
pub fn open<'a>(note: &'a [u8], known: &[Verifier]) -> Result<&'a str, NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(NoteError::TooLarge { bytes: note.len() });
    }
    let note = std::str::from_utf8(note).map_err(|_| NoteError::Malformed)?;
    let split = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, signatures) = (&note[..=split], &note[split + 2..]);
    let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Malformed)?;
    if has_control(note) {
        return Err(NoteError::Malformed);
    }
    let mut signed = false;
    for (index, line) in signatures.split('\n').enumerate() {
        let line = Line::parse(line).filter(|_| index < SIGNATURES_MAX);
        signed |= line.ok_or(NoteError::Malformed)?.check(text, known)?;
    }
    if signed { Ok(text) } else { Err(NoteError::Unknown) }
}

/// One signature line.
struct Line {
    name: KeyName,
    id: KeyId,
    signature: Vec<u8>,
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let (name, sealed) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        let sealed = STANDARD.decode(sealed).ok()?;
        let (id, signature) = sealed.split_first_chunk::<4>()?;
        if signature.is_empty() {
            return None;
        }
        Some(Self { name: name.parse().ok()?, id: KeyId(*id), signature: signature.to_vec() })
    }

    /// Whether a known key has signed; a wrong signature in a known key's name is an error.
    fn check(self, text: &str, known: &[Verifier]) -> Result<bool, NoteError> {
        let mut named =
            known.iter().filter(|key| *key.name() == self.name && key.id() == self.id).peekable();
        if named.peek().is_none() {
            return Ok(false);
        }
        let signature = <[u8; SIGNATURE_BYTES]>::try_from(self.signature).map(Signature);
        let holds = signature.is_ok_and(|s| named.any(|key| key.verify(text, &s).is_ok()));
        if holds {
            return Ok(true);
        }
        Err(NoteError::Signature { name: self.name, id: self.id })
    }
}
