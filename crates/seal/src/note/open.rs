use base64::{Engine as _, engine::general_purpose::STANDARD};
use thiserror::Error;

use super::{KeyId, KeyName, SIGNATURE_PREFIX, Verifier, has_control};
use crate::{SIGNATURE_BYTES, Signature};

/// The maximum size of a note, in bytes. A checkpoint with the signatures of all witnesses has a
/// few thousand.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// The maximum number of signatures, so that verification can't take for ever.
pub const SIGNATURES_MAX: usize = 100;

/// Why a note can't be opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// The bytes aren't a signed note.
    #[error("the text isn't a signed note")]
    Malformed,
    /// It is too long.
    #[error("a note has at most {NOTE_BYTES_MAX} bytes; this one has {bytes}")]
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A line names a known key, but its signature is wrong.
    #[error("the signature of {name} ({id}) is wrong")]
    Signature {
        /// The key's name.
        name: KeyName,
        /// The key's id.
        id: KeyId,
    },
    /// No line names a known key.
    #[error("none of the known keys has signed this note")]
    Unknown,
}

/// The text of a note that at least one of the known keys has signed. Signatures of other keys are
/// ignored; a wrong signature in the name of a known key is an error, even if others are valid.
///
/// # Errors
/// The note is malformed or too large, a known key's signature is wrong, or there is none.
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

    /// Whether a known key has signed; a wrong signature in the name of a known key is an error.
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
