//! The chain: how an entry is laid out as bytes, how entries are hashed to each other and into a
//! Merkle tree, and what a checkpoint says about it. All of it is pure: bytes in, facts out.
//!
//! It is not where entries are kept (that is `journal` and `stores`), it does not know what a
//! change means (that is `catalog`), and it neither reads a clock nor draws a command id.

mod cbor;
pub mod chain;
pub mod checkpoint;
mod codec;
mod entry;
mod head;
pub mod tree;

pub use chain::{ChainFault, ChainWalk};
pub use checkpoint::Checkpoint;
pub use codec::{DecodeError, EncodeError, Field};
pub use entry::{
    ACTOR_BYTES_MAX, CommandId, CommandIdError, Entry, EntryBytes, Idempotency, PARTS_MAX,
    POSITION_MAX, REQUEST_BYTES_MAX, Record, TRACE_BYTES_MAX,
};
pub use head::Head;
pub use muster_seal::note::{KeyName, Signer, Verifier};
pub use tree::MerkleTree;
