use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use thiserror::Error;
use zeroize::Zeroizing;

/// Bytes of an Ed25519 signature (RFC 8032, 5.1.6).
pub const SIGNATURE_BYTES: usize = 64;

/// A secret of 32 random bytes from which a key pair follows (RFC 8032, 5.1.5). It is wiped when
/// dropped.
pub type Seed = Zeroizing<[u8; 32]>;

/// An Ed25519 key pair. Its secret is wiped when it is dropped, and never shows in `Debug`.
pub struct KeyPair(SigningKey);

impl KeyPair {
    /// The pair that follows from this seed. The seed must come from a source of randomness that
    /// is fit for keys; this room has none.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed again, to be written to a key file.
    #[must_use]
    pub fn seed(&self) -> Seed {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The half that may be known to all.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs bytes. The same bytes always give the same signature (RFC 8032, 5.1.6), so signing
    /// needs no randomness.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(bytes).to_bytes())
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public()).finish_non_exhaustive()
    }
}

/// An Ed25519 public key: a point of the curve that is not of small order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// The bytes are no public key that could have signed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("these bytes are no Ed25519 public key")]
pub struct PublicKeyError;

/// The signature is not this key's over these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature is not this key's over these bytes")]
pub struct Unsigned;

impl PublicKey {
    /// The key with this encoding (RFC 8032, 5.1.2).
    ///
    /// # Errors
    /// The bytes are no point of the curve, or one of small order, under which one signature
    /// would hold for many messages.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, PublicKeyError> {
        match VerifyingKey::from_bytes(bytes) {
            Ok(key) if !key.is_weak() => Ok(Self(key)),
            _ => Err(PublicKeyError),
        }
    }

    /// The key's encoding.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Checks a signature, strictly: a signature has one form, and nobody can make a second one
    /// from it without the secret.
    ///
    /// # Errors
    /// The signature is not this key's over these bytes.
    pub fn verify(&self, bytes: &[u8], signature: &Signature) -> Result<(), Unsigned> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(bytes, &signature).map_err(|_| Unsigned)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey(")?;
        self.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, ")")
    }
}

/// An Ed25519 signature as it is encoded (RFC 8032, 5.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; SIGNATURE_BYTES]);

#[cfg(test)]
mod tests;
