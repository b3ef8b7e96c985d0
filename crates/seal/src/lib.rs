//! Signatures: Ed25519 key pairs from a seed, signed notes, the text format of a log's checkpoints,
//! detached JSON Web Signatures, and Amazon's signatures of requests.
//!
//! It draws no random numbers and reads no key files. The caller decides what is signed and which
//! keys are trusted.

pub mod aws;
mod ed25519;
pub mod jws;
pub mod note;

pub use ed25519::{KeyPair, PublicKey, PublicKeyError, SIGNATURE_BYTES, Seed, Signature, Unsigned};
