use std::{collections::BTreeMap, ops::Range};

use muster_words::Digest;
use thiserror::Error;

use super::{FullSubtrees, MerkleTree, ProofError, node, proof::split};
use crate::tile::TILE_WIDTH;

/// The hashes from which proofs are made: the roots of full subtrees, and the leaf hashes of some
/// tiles. If a tile is missing, the error names it; the caller reads it and asks again.
#[derive(Debug)]
pub struct KnownHashes<'a> {
    subtrees: &'a FullSubtrees,
    tiles: &'a BTreeMap<u64, Vec<Digest>>,
}

/// Why the root of a range of leaves can't be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HashError {
    /// The leaf hashes of a tile are needed.
    #[error("the leaf hashes of tile {tile} are needed")]
    Missing {
        /// The index of the tile at level 0.
        tile: u64,
    },
    /// There is no such proof.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl<'a> KnownHashes<'a> {
    /// With the leaf hashes of these tiles at level 0, by their index.
    #[must_use]
    pub fn new(subtrees: &'a FullSubtrees, tiles: &'a BTreeMap<u64, Vec<Digest>>) -> Self {
        Self { subtrees, tiles }
    }

    /// The root of a range of leaves that RFC 6962 makes a subtree, for
    /// [`inclusion_proof`](super::inclusion_proof) and
    /// [`consistency_proof`](super::consistency_proof); of `0..size` the root of the whole tree.
    ///
    /// # Errors
    /// The leaf hashes of a tile are missing.
    pub fn subtree(&self, range: Range<u64>) -> Result<Digest, HashError> {
        let leaves = range.end.saturating_sub(range.start);
        if leaves == 0 {
            return Ok(MerkleTree::default().root());
        }
        if let Some(root) = self.subtrees.root(&range) {
            return Ok(root);
        }
        if leaves > TILE_WIDTH {
            let split = range.start + split(leaves);
            let (left, right) = (range.start..split, split..range.end);
            return Ok(node(&self.subtree(left)?, &self.subtree(right)?));
        }
        let tile = range.start / TILE_WIDTH;
        let first = tile * TILE_WIDTH;
        let within = |at: u64| usize::try_from(at - first).ok();
        let known = self.tiles.get(&tile).zip(within(range.start).zip(within(range.end)));
        let known = known.and_then(|(tile, (start, end))| tile.get(start..end));
        known.map(|leaves| MerkleTree::of(leaves).root()).ok_or(HashError::Missing { tile })
    }
}
