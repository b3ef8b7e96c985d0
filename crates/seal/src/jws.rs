//! Signatures over bytes that travel apart from them: JSON Web Signatures in the compact form with
//! a detached, unencoded payload (RFC 7515, appendix F, and RFC 7797), by Ed25519 (RFC 8037).
//!
//! There is one header for each key, byte for byte, and a signature is only valid under it. So
//! nobody can name another algorithm, and no two texts are the same signature.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use muster_words::json::Value;
use thiserror::Error;

use crate::{
    Signature,
    note::{Signer, Verifier},
};

/// Why a text isn't a valid signature of these bytes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JwsError {
    /// It isn't a compact signature with a detached payload.
    #[error("the text isn't a detached signature")]
    Malformed,
    /// None of the given keys is named in it.
    #[error("none of the trusted keys has made this signature")]
    UnknownKey,
    /// A trusted key is named, but it didn't sign these bytes.
    #[error("the signature isn't valid for these bytes")]
    Invalid,
}

/// Signs bytes. The result is `<header>..<signature>`, each in Base64 for URLs.
#[must_use]
pub fn sign_detached(signer: &Signer, payload: &[u8]) -> String {
    let header = header(signer.verifier());
    let signature = signer.pair().sign(&signing_input(&header, payload));
    format!("{header}..{}", URL_SAFE_NO_PAD.encode(signature.0))
}

/// Verifies a signature of bytes by one of these keys, and returns the key.
///
/// # Errors
/// See [`JwsError`].
pub fn verify_detached<'a>(
    text: &str,
    payload: &[u8],
    keys: impl IntoIterator<Item = &'a Verifier>,
) -> Result<&'a Verifier, JwsError> {
    let (found, signature) = text.split_once("..").ok_or(JwsError::Malformed)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| JwsError::Malformed)?;
    let signature = signature.try_into().map(Signature).map_err(|_| JwsError::Malformed)?;
    let mut keys = keys.into_iter();
    let key = keys.find(|key| header(key) == found).ok_or(JwsError::UnknownKey)?;
    let verified = key.public().verify(&signing_input(found, payload), &signature);
    verified.map(|()| key).map_err(|_| JwsError::Invalid)
}

/// The only header of a key's signatures, encoded.
fn header(key: &Verifier) -> String {
    let kid = Value::from(format!("{}+{}", key.name(), key.id()));
    let json = format!(r#"{{"alg":"EdDSA","b64":false,"crit":["b64"],"kid":{kid}}}"#);
    URL_SAFE_NO_PAD.encode(json)
}

fn signing_input(header: &str, payload: &[u8]) -> Vec<u8> {
    [header.as_bytes(), b".", payload].concat()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;
    use crate::KeyPair;

    fn signer(seed: u8) -> Signer {
        Signer::new("registry.example/site".parse().unwrap(), KeyPair::from_seed(&[seed; 32]))
    }

    #[test]
    fn verifies_what_was_signed_and_names_the_key() {
        let (signer, other) = (signer(1), signer(2));
        let text = sign_detached(&signer, b"{}");
        let keys = [other.verifier().clone(), signer.verifier().clone()];
        assert_eq!(verify_detached(&text, b"{}", &keys), Ok(signer.verifier()));
        assert_eq!(verify_detached(&text, b"{ }", &keys), Err(JwsError::Invalid));
        let others = [other.verifier().clone()];
        assert_eq!(verify_detached(&text, b"{}", &others), Err(JwsError::UnknownKey));
        let header = URL_SAFE_NO_PAD.decode(text.split_once("..").unwrap().0).unwrap();
        let kid = format!("registry.example/site+{}", signer.verifier().id());
        let expect = format!(r#"{{"alg":"EdDSA","b64":false,"crit":["b64"],"kid":"{kid}"}}"#);
        assert_eq!(String::from_utf8(header).unwrap(), expect);
    }

    #[test]
    fn refuses_the_text_with_any_byte_changed() {
        let signer = signer(1);
        let keys = [signer.verifier().clone()];
        let text = sign_detached(&signer, b"bytes");
        for at in 0..text.len() {
            for bit in 0..7 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert!(verify_detached(&changed, b"bytes", &keys).is_err(), "{at}: {changed}");
            }
        }
        for broken in ["", "..", "a.b.c", &text[..text.len() - 1], &format!("{text}A")] {
            assert!(verify_detached(broken, b"bytes", &keys).is_err(), "{broken}");
        }
    }
}
