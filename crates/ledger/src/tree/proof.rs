use std::ops::Range;

use muster_words::Digest;
use thiserror::Error;

use super::{MerkleTree, node};
use crate::Head;

/// The maximum number of hashes in a proof: a path of at most 64 levels, and one more if a
/// consistency proof begins with the old tree's last full subtree.
const PROOF_HASHES_MAX: usize = 65;

/// Why a proof is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The tree has no such leaf, or is smaller than the older tree.
    #[error("{index} lies outside a tree of {size} leaves")]
    Outside {
        /// The leaf's index, or the older tree's size.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The proof has the wrong number of hashes.
    #[error("the proof has {hashes} hashes, which is not the number that it needs")]
    Length {
        /// Its number of hashes.
        hashes: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Proves that a leaf is in the tree with `size` leaves (RFC 6962, 2.1.1). `subtree` returns the
/// root of a range of leaves; [`subtrees`] does so for leaves in memory.
///
/// # Errors
/// There is no such leaf, or an error of `subtree`.
pub fn inclusion_proof<E: From<ProofError>>(
    index: u64,
    size: u64,
    mut subtree: impl FnMut(Range<u64>) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    if index >= size {
        return Err(ProofError::Outside { index, size }.into());
    }
    let mut proof = Vec::new();
    let mut range = 0..size;
    while range.end - range.start > 1 {
        let split = range.start + split(range.end - range.start);
        let (left, right) = (range.start..split, split..range.end);
        let (inside, beside) = if index < split { (left, right) } else { (right, left) };
        proof.push(subtree(beside)?);
        range = inside;
    }
    proof.reverse();
    Ok(proof)
}

/// Proves that the tree with `size` leaves begins with the tree with `old` leaves (RFC 6962,
/// 2.1.2). `subtree` returns the root of a range of leaves.
///
/// # Errors
/// The older tree is larger, or an error of `subtree`.
pub fn consistency_proof<E: From<ProofError>>(
    old: u64,
    size: u64,
    mut subtree: impl FnMut(Range<u64>) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    if old > size {
        return Err(ProofError::Outside { index: old, size }.into());
    }
    let mut proof = Vec::new();
    if old == 0 || old == size {
        return Ok(proof);
    }
    let mut range = 0..size;
    while range.end != old {
        let split = range.start + split(range.end - range.start);
        let (left, right) = (range.start..split, split..range.end);
        let (inside, beside) = if old <= split { (left, right) } else { (right, left) };
        proof.push(subtree(beside)?);
        range = inside;
    }
    // The verifier knows the old root. If that is the last subtree, it isn't sent.
    if range.start != 0 {
        proof.push(subtree(range)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The roots of ranges of these leaves, for [`inclusion_proof`] and [`consistency_proof`].
pub fn subtrees(leaves: &[Digest]) -> impl Fn(Range<u64>) -> Result<Digest, ProofError> {
    move |range| {
        let outside = ProofError::Outside { index: range.end, size: leaves.len() as u64 };
        let start = usize::try_from(range.start).map_err(|_| outside)?;
        let end = usize::try_from(range.end).map_err(|_| outside)?;
        leaves.get(start..end).map(|leaves| MerkleTree::of(leaves).root()).ok_or(outside)
    }
}

/// Verifies that the leaf is in the tree with `size` leaves and this root.
///
/// # Errors
/// There is no such leaf, or the proof is invalid.
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    root: &Digest,
    proof: &[Digest],
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Outside { index, size });
    }
    // Below the level where the paths of this leaf and of the last one meet, every step has a
    // sibling; above it, only steps from the right have one.
    let inner = 64 - (index ^ (size - 1)).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    let Some((inner_hashes, border_hashes)) = exactly(proof, inner, border) else {
        return Err(ProofError::Length { hashes: proof.len() });
    };
    let found = climb(*leaf, index, inner_hashes);
    let found = border_hashes.iter().fold(found, |right, left| node(left, &right));
    if found == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Verifies that the tree with `size` leaves and root `root` begins with the tree with `old` leaves
/// and root `old_root`.
///
/// # Errors
/// The older tree is larger, or the proof is invalid.
pub fn verify_consistency(
    old: u64,
    old_root: &Digest,
    size: u64,
    root: &Digest,
    proof: &[Digest],
) -> Result<(), ProofError> {
    if old > size {
        return Err(ProofError::Outside { index: old, size });
    }
    if old == 0 || old == size {
        let known = if old == 0 { &Head::EMPTY.hash } else { root };
        return match proof.len() {
            0 if old_root == known => Ok(()),
            0 => Err(ProofError::Root),
            hashes => Err(ProofError::Length { hashes }),
        };
    }
    let level = old.trailing_zeros();
    // The last full subtree of the old tree. If it is the whole old tree, the proof leaves its root
    // out, because the verifier knows it.
    let (seed, rest) = match proof.split_first() {
        _ if old.is_power_of_two() => (*old_root, proof),
        Some((seed, rest)) => (*seed, rest),
        None => return Err(ProofError::Length { hashes: 0 }),
    };
    let index = (old - 1) >> level;
    let inner = 64 - (index ^ ((size - 1) >> level)).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    let Some((inner_hashes, border_hashes)) = exactly(rest, inner, border) else {
        return Err(ProofError::Length { hashes: proof.len() });
    };
    let old_found = climb_right(seed, index, inner_hashes);
    let old_found = border_hashes.iter().fold(old_found, |right, left| node(left, &right));
    let found = climb(seed, index, inner_hashes);
    let found = border_hashes.iter().fold(found, |right, left| node(left, &right));
    if found == *root && old_found == *old_root { Ok(()) } else { Err(ProofError::Root) }
}

/// The largest power of two below the size of a tree with more than one leaf.
pub(super) fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// Splits the proof, if it has exactly the right number of hashes.
fn exactly(proof: &[Digest], inner: u32, border: u32) -> Option<(&[Digest], &[Digest])> {
    let (inner, border) = (usize::try_from(inner).ok()?, usize::try_from(border).ok()?);
    if proof.len() > PROOF_HASHES_MAX || proof.len() != inner + border {
        return None;
    }
    proof.split_at_checked(inner)
}

/// Hashes upwards from a node, with a sibling on each level; the index tells its side.
fn climb(from: Digest, index: u64, siblings: &[Digest]) -> Digest {
    siblings.iter().enumerate().fold(from, |found, (level, sibling)| {
        if index >> level & 1 == 0 { node(&found, sibling) } else { node(sibling, &found) }
    })
}

/// Hashes upwards as in the older tree, which had nothing on the right.
fn climb_right(from: Digest, index: u64, siblings: &[Digest]) -> Digest {
    siblings.iter().enumerate().fold(from, |found, (level, sibling)| {
        if index >> level & 1 == 0 { found } else { node(sibling, &found) }
    })
}
