use bytes::Bytes;
use muster_words::{Digest, Position};
use thiserror::Error;

use super::{TILE_HEIGHT, TILE_WIDTH, Tile, TileKind, entries_in};
use crate::MerkleTree;

/// The first fault among the tiles of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TileFault {
    /// A tile isn't there, or doesn't have its length.
    #[error("tile/{tile} is missing, or has the wrong length")]
    Missing {
        /// The tile.
        tile: Tile,
    },
    /// A hash in a tile isn't that of the entries.
    #[error("tile/{tile}: hash {number} isn't that of its entries")]
    Hash {
        /// The tile.
        tile: Tile,
        /// The number of the hash in the tile, from 0.
        number: u16,
    },
    /// An entry isn't the one that the checkpoint covers.
    #[error("tile/{tile}: the entry at position {position} isn't the one that was signed")]
    Entry {
        /// The bundle.
        tile: Tile,
        /// The position of the entry.
        position: Position,
    },
    /// All tiles agree with each other, but not with the checkpoint: they are of another ledger.
    #[error("the tiles agree with each other, but not with the checkpoint")]
    Root,
}

/// Checks all tiles of a tree of `size` leaves with this root, and names the first one that is
/// wrong. `read` returns a tile's bytes.
///
/// A fault is looked for in the entries and in the hashes: where the entries give the root, the
/// hashes are compared with them; where only the leaf hashes do, an entry was changed.
///
/// # Errors
/// The first fault.
pub fn check_tiles(
    size: u64,
    root: &Digest,
    mut read: impl FnMut(Tile) -> Option<Bytes>,
) -> Result<(), TileFault> {
    let mut recomputed = Recomputed::default();
    let mut fault = None;
    for tile in Tile::of_tree(size).filter(|tile| tile.kind == TileKind::Entries) {
        let missing = TileFault::Missing { tile };
        let leaves = read(tile).and_then(|bytes| leaves_of(&bytes, tile.width)).ok_or(missing);
        let kept = hashes(&mut read, Tile { kind: TileKind::Hashes(0), ..tile })?;
        // A bundle that can't be read is one that isn't as it was: the hashes tell which.
        let leaves = leaves.unwrap_or_else(|missing| {
            fault.get_or_insert(missing);
            kept.clone()
        });
        recomputed.take(tile, leaves, &kept);
    }
    if recomputed.entries.root() == *root {
        return fault.map_or(Ok(()), Err).and_then(|()| recomputed.compare(size, &mut read));
    }
    if recomputed.kept.root() == *root {
        let changed = recomputed.first_difference.map(|(tile, number)| TileFault::Entry {
            tile: Tile { kind: TileKind::Entries, ..tile },
            position: Position(tile.index * TILE_WIDTH + u64::from(number) + 1),
        });
        return Err(fault.or(changed).unwrap_or(TileFault::Root));
    }
    let differs = recomputed.first_difference;
    Err(differs.map_or(TileFault::Root, |(tile, number)| TileFault::Hash { tile, number }))
}

/// What the entries and the tiles of leaf hashes say of a tree.
#[derive(Default)]
struct Recomputed {
    entries: MerkleTree,
    /// The roots of full tiles, by level from 1.
    above: Vec<Vec<Digest>>,
    kept: MerkleTree,
    /// The first leaf hash that isn't that of its entry.
    first_difference: Option<(Tile, u16)>,
}

impl Recomputed {
    fn take(&mut self, tile: Tile, leaves: Vec<Digest>, kept: &[Digest]) {
        let tile = Tile { kind: TileKind::Hashes(0), ..tile };
        let differs = difference(&leaves, kept);
        self.first_difference = self.first_difference.or(differs.map(|number| (tile, number)));
        let Self { entries, above, .. } = self;
        for leaf in leaves {
            entries.append_noting(leaf, |height, root| {
                if height.is_multiple_of(TILE_HEIGHT) {
                    let level = (height / TILE_HEIGHT - 1) as usize;
                    if above.len() <= level {
                        above.resize(level + 1, Vec::new());
                    }
                    above[level].push(root);
                }
            });
        }
        kept.iter().for_each(|leaf| self.kept.append(*leaf));
    }

    /// Compares all tiles of hashes with the entries, which are right.
    fn compare(
        &self,
        size: u64,
        read: &mut impl FnMut(Tile) -> Option<Bytes>,
    ) -> Result<(), TileFault> {
        if let Some((tile, number)) = self.first_difference {
            return Err(TileFault::Hash { tile, number });
        }
        for tile in Tile::of_tree(size) {
            let TileKind::Hashes(level @ 1..) = tile.kind else { continue };
            let found = hashes(read, tile)?;
            let expected = self.above.get(usize::from(level) - 1).into_iter().flatten();
            let first = usize::try_from(tile.index * TILE_WIDTH).unwrap_or(usize::MAX);
            let expected: Vec<_> = expected.skip(first).take(found.len()).copied().collect();
            if let Some(number) = difference(&expected, &found) {
                return Err(TileFault::Hash { tile, number });
            }
        }
        Ok(())
    }
}

/// The number of the first hash that differs.
fn difference(these: &[Digest], those: &[Digest]) -> Option<u16> {
    let differs = these.iter().zip(those).position(|(this, that)| this != that);
    let differs = differs.or((these.len() != those.len()).then(|| these.len().min(those.len())));
    differs.map(|number| u16::try_from(number).unwrap_or(u16::MAX))
}

/// The leaf hashes of a bundle's entries; none if it doesn't hold that many.
fn leaves_of(bundle: &Bytes, width: u16) -> Option<Vec<Digest>> {
    let entries = entries_in(bundle).ok().filter(|entries| entries.len() == usize::from(width))?;
    Some(entries.iter().map(|entry| Digest::of_parts(&[&[0], entry])).collect())
}

fn hashes(
    read: &mut impl FnMut(Tile) -> Option<Bytes>,
    tile: Tile,
) -> Result<Vec<Digest>, TileFault> {
    let bytes = read(tile).filter(|bytes| bytes.len() == usize::from(tile.width) * 32);
    let bytes = bytes.ok_or(TileFault::Missing { tile })?;
    let (hashes, _) = bytes.as_chunks::<32>();
    Ok(hashes.iter().map(|hash| Digest(*hash)).collect())
}
