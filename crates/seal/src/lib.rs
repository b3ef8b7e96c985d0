//! Signatures over bytes: Ed25519 key pairs made from a seed, and signed notes, the text form in
//! which a log's checkpoints travel.
//!
//! It draws no random numbers and holds no key file: a seed comes in, signatures go out. What a
//! signature is over, and whether the key is to be trusted, is the caller's affair.

mod ed25519;
pub mod note;

pub use ed25519::{KeyPair, PublicKey, PublicKeyError, SIGNATURE_BYTES, Seed, Signature, Unsigned};
