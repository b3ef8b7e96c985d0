//! The chain: entry layout, hash rule, Merkle tree and checkpoints.
