//! The Merkle tree over a ledger's entries (RFC 6962, 2.1), and proofs about it.
//!
//! | hash        | over                                     |
//! |-------------|------------------------------------------|
//! | empty tree  | nothing                                  |
//! | leaf        | 0x00 ‖ the entry's canonical bytes       |
//! | inner node  | 0x01 ‖ left hash ‖ right hash            |
//!
//! Leaf *i* is the entry at position *i* + 1. A tree of *n* leaves splits at the largest power of
//! two below *n*, so full subtrees on the left never change: one hash for each bit set in *n* is
//! enough to continue.

mod full_subtrees;
mod known_hashes;
mod proof;

pub use full_subtrees::FullSubtrees;
pub use known_hashes::{HashError, KnownHashes};
pub use proof::{
    ProofError, consistency_proof, inclusion_proof, subtrees, verify_consistency, verify_inclusion,
};

use muster_words::Digest;

use crate::Head;

/// A Merkle tree that keeps only the roots of its full subtrees: at most 64 hashes for any size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MerkleTree {
    size: u64,
    /// The roots of the full subtrees, largest and leftmost first: one for each bit set in `size`.
    peaks: Vec<Digest>,
}

impl MerkleTree {
    /// The tree with these leaf hashes.
    #[must_use]
    pub fn of(leaves: &[Digest]) -> Self {
        let mut tree = Self::default();
        leaves.iter().for_each(|leaf| tree.append(*leaf));
        tree
    }

    /// The number of leaves, which is the position of the last entry.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf hash on the right, and hashes each subtree that it completes: on average one
    /// hash per leaf.
    pub fn append(&mut self, leaf: Digest) {
        self.append_noting(leaf, |_, _| {});
    }

    /// As [`MerkleTree::append`]. Each subtree that the leaf completes is noted with its height,
    /// lowest first, so that [`FullSubtrees`] can keep its root without hashing it again.
    pub fn append_noting(&mut self, leaf: Digest, mut note: impl FnMut(u32, Digest)) {
        let mut root = leaf;
        for height in 1..=self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            root = node(&left, &root);
            note(height, root);
        }
        self.peaks.push(root);
        self.size += 1;
    }

    /// The root hash; for the empty tree, the hash of no bytes.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            Some(last) => peaks.fold(*last, |right, left| node(left, &right)),
            None => Head::EMPTY.hash,
        }
    }
}

/// The hash of an inner node.
fn node(left: &Digest, right: &Digest) -> Digest {
    Digest::of_parts(&[&[1], &left.0, &right.0])
}

#[cfg(test)]
mod tests;
