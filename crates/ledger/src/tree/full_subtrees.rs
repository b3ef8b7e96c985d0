use std::ops::Range;

use muster_words::Digest;

use crate::tile::{TILE_HEIGHT, TILE_WIDTH};

/// The roots of all full subtrees from the height of a tile on. With them the root of any range of
/// leaves takes as many steps as the tree is high, and the leaves of at most two tiles.
///
/// It grows by 64 bytes for each 256 entries, a thousandth of what a catalog keeps of them: a
/// million entries take 250 KB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FullSubtrees {
    /// The roots by height, from [`TILE_HEIGHT`] on.
    levels: Vec<Vec<Digest>>,
}

impl FullSubtrees {
    /// Keeps the root of the next full subtree of a height; smaller ones are ignored. Called by
    /// [`MerkleTree::append_noting`](crate::MerkleTree::append_noting).
    pub fn note(&mut self, height: u32, root: Digest) {
        let Some(level) = height.checked_sub(TILE_HEIGHT) else { return };
        let Ok(level) = usize::try_from(level) else { return };
        while self.levels.len() <= level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(root);
    }

    /// The root of a range of leaves, if it is a full subtree that was noted.
    #[must_use]
    pub fn root(&self, range: &Range<u64>) -> Option<Digest> {
        let leaves = range.end.checked_sub(range.start)?;
        if !leaves.is_power_of_two() || leaves < TILE_WIDTH || !range.start.is_multiple_of(leaves) {
            return None;
        }
        let level = usize::try_from(leaves.trailing_zeros() - TILE_HEIGHT).ok()?;
        let index = usize::try_from(range.start / leaves).ok()?;
        self.levels.get(level)?.get(index).copied()
    }

    /// Whether these are all full subtrees of a tree of this size. They aren't if it was continued
    /// from a tree whose own subtrees nobody noted.
    #[must_use]
    pub fn are_all_of(&self, size: u64) -> bool {
        let tiles = self.levels.first().map_or(0, Vec::len);
        tiles as u64 == size / TILE_WIDTH
    }
}
