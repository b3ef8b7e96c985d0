use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use thiserror::Error;
use zeroize::Zeroizing;

/// The size of an Ed25519 signature in bytes (RFC 8032, 5.1.6).
pub const SIGNATURE_BYTES: usize = 64;

/// A secret seed of 32 random bytes, from which a key pair is derived (RFC 8032, 5.1.5). It is
/// wiped when dropped.
pub type Seed = Zeroizing<[u8; 32]>;

/// An Ed25519 key pair. The secret is wiped when dropped, and `Debug` never shows it.
pub struct KeyPair(SigningKey);

impl KeyPair {
    /// Derives the key pair of a seed. The seed must come from a cryptographically secure source;
    /// this room has none.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed, for a key file.
    #[must_use]
    pub fn seed(&self) -> Seed {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs bytes. Ed25519 is deterministic (RFC 8032, 5.1.6), so signing needs no randomness.
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

/// An Ed25519 public key: a point on the curve that isn't of small order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// The bytes aren't a usable public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("these bytes aren't an Ed25519 public key")]
pub struct PublicKeyError;

/// The signature isn't valid for these bytes and this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature isn't valid for this key and these bytes")]
pub struct Unsigned;

impl PublicKey {
    /// Decodes a key (RFC 8032, 5.1.2).
    ///
    /// # Errors
    /// The bytes aren't a point on the curve, or are one of small order, under which one signature
    /// would be valid for many messages.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, PublicKeyError> {
        match VerifyingKey::from_bytes(bytes) {
            Ok(key) if !key.is_weak() => Ok(Self(key)),
            _ => Err(PublicKeyError),
        }
    }

    /// The encoded key.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Verifies a signature, strictly: nobody can turn a valid signature into a second one without
    /// the secret.
    ///
    /// # Errors
    /// The signature isn't valid for these bytes and this key.
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

/// An encoded Ed25519 signature (RFC 8032, 5.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; SIGNATURE_BYTES]);

#[cfg(test)]
mod tests;
