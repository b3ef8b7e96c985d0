//! Signatures over bytes: Ed25519 and signed notes.
