//! Signed notes (C2SP signed-note): text that one or more keys have signed, readable by people and
//! by the verifiers of other logs.
//!
//! | part           | form                                                              |
//! |----------------|-------------------------------------------------------------------|
//! | text           | UTF-8 without control characters, lines that end with a newline   |
//! | separator      | an empty line                                                     |
//! | each signature | `— <name> <base64(key id ‖ signature)>` and a newline             |
//!
//! A key id is the first four bytes of SHA-256(name ‖ newline ‖ 0x01 ‖ public key); 0x01 stands
//! for Ed25519. Keys are written as Go's `golang.org/x/mod/sumdb/note` writes them:
//! `<name>+<key id>+<base64(0x01 ‖ public key)>` for a verifier, and
//! `PRIVATE+KEY+<name>+<key id>+<base64(0x01 ‖ seed)>` for a signer.

mod key;
mod open;

pub use key::{KeyError, KeyId, KeyName, NameError, Signer, Verifier};
pub use open::{NOTE_BYTES_MAX, NoteError, SIGNATURES_MAX, open};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use thiserror::Error;

/// The prefix of a signature line: an em dash and a space.
const SIGNATURE_PREFIX: &str = "— ";

/// The text can't be a note: it doesn't end with a newline, or has control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the text of a note ends with a newline and has no other control characters")]
pub struct TextError;

impl Signer {
    /// The note with this key's signature.
    ///
    /// # Errors
    /// The text doesn't end with a newline, or has another control character.
    pub fn sign(&self, text: &str) -> Result<String, TextError> {
        if !text.ends_with('\n') || has_control(text) {
            return Err(TextError);
        }
        let mut sealed = Vec::with_capacity(68);
        sealed.extend_from_slice(&self.verifier().id().0);
        sealed.extend_from_slice(&self.pair().sign(text.as_bytes()).0);
        let (name, sealed) = (self.verifier().name(), STANDARD.encode(sealed));
        Ok(format!("{text}\n{SIGNATURE_PREFIX}{name} {sealed}\n"))
    }
}

/// Whether the text has control characters below the space, except newlines.
fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte < 0x20 && byte != b'\n')
}

#[cfg(test)]
mod tests;
