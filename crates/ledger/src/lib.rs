//! The chain: the byte layout of entries, their hash chain and Merkle tree with its tiles and
//! proofs, and checkpoints. All of it is pure.
//!
//! It doesn't store entries (see `journal` and `stores`), doesn't know the meaning of a change (see
//! `catalog`), and neither reads a clock nor draws a command id.

pub mod chain;
pub mod checkpoint;
mod codec;
mod entry;
mod head;
pub mod tile;
mod tlog_proof;
pub mod tree;

pub use chain::{ChainFault, ChainWalk};
pub use checkpoint::Checkpoint;
pub use codec::{DecodeError, EncodeError, Field};
pub use entry::{
    ACTOR_BYTES_MAX, CommandId, CommandIdError, Entry, EntryBytes, Idempotency, PARTS_MAX,
    POSITION_MAX, REQUEST_BYTES_MAX, Record, TRACE_BYTES_MAX,
};
pub use head::Head;
pub use muster_seal::note::{self, KeyName, Signer, Verifier};
pub use tile::Tile;
pub use tlog_proof::{TLOG_PROOF_HEADER, TlogProof, TlogProofError};
pub use tree::MerkleTree;
