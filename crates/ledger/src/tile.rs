//! Tiles (C2SP tlog-tiles): the tree and the entries of a ledger as files that never change.
//!
//! | path below `/tlog`       | bytes                                                        |
//! |--------------------------|--------------------------------------------------------------|
//! | `tile/<L>/<N>`           | 256 hashes of 32 bytes: at level 0 leaf hashes, above it the roots of full tiles of the level below |
//! | `tile/<L>/<N>.p/<W>`     | the first W of them, 1 to 255                                |
//! | `tile/entries/<N>`       | 256 entries, each after its length as 16 bits, big-endian    |
//! | `tile/entries/<N>.p/<W>` | the first W of them                                          |
//!
//! `<N>` is written in groups of three digits, each but the last with an `x` before it: tile
//! 1234067 is `x001/x234/067`.

mod bundle;
mod check;

use std::{
    fmt,
    ops::{Range, RangeInclusive},
};

pub use bundle::{BundleError, bundle, entries_in};
pub use check::{TileFault, check_tiles};

/// The height of a tile in levels of the tree.
pub const TILE_HEIGHT: u32 = 8;

/// The number of hashes or entries in a full tile.
pub const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;

/// The highest level that a path may name (C2SP tlog-tiles).
const LEVEL_MAX: u8 = 63;

/// The longest path of a tile: the index of the last of 2⁶⁴ leaves has seven groups.
const PATH_BYTES_MAX: usize = 64;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// The hashes of a level; 0 are the leaves.
    Hashes(u8),
    /// Whole entries.
    Entries,
}

/// A tile, named by its place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it holds.
    pub kind: TileKind,
    /// Its index within the level.
    pub index: u64,
    /// The number of its hashes or entries: 256, or fewer in a partial tile.
    pub width: u16,
}

impl Tile {
    /// Parses a path below `tile/`, in its only form; none for any other text.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        if path.len() > PATH_BYTES_MAX {
            return None;
        }
        let (kind, rest) = path.split_once('/')?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => {
                (index, width.parse().ok().filter(|width| WIDTHS.contains(width))?)
            }
            None => (rest, 256),
        };
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(level.parse().ok().filter(|level| *level <= LEVEL_MAX)?),
        };
        let index = index.split('/').try_fold(0_u64, |index, group| {
            let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
            index.checked_mul(1_000)?.checked_add(digits)
        })?;
        let tile = Self { kind, index, width };
        // A tile has one path: with these zeros, groups and signs, and no others.
        (tile.to_string() == path).then_some(tile)
    }

    /// The tiles of hashes and the bundles of entries of a tree with this many leaves.
    pub fn of_tree(size: u64) -> impl Iterator<Item = Self> {
        let levels = (0_u8..8).map(TileKind::Hashes);
        let kinds = levels.chain([TileKind::Entries]);
        kinds.flat_map(move |kind| {
            let count = count(kind, size);
            (0..count.div_ceil(TILE_WIDTH)).map(move |index| {
                let left = count - index * TILE_WIDTH;
                let width = u16::try_from(left.min(TILE_WIDTH)).unwrap_or(0);
                Self { kind, index, width }
            })
        })
    }

    /// Whether a tree with this many leaves has all of its hashes or entries.
    #[must_use]
    pub fn is_in(&self, size: u64) -> bool {
        let end = self.index.checked_mul(TILE_WIDTH);
        let end = end.and_then(|start| start.checked_add(u64::from(self.width)));
        WIDTHS.contains(&self.width) && end.is_some_and(|end| end <= count(self.kind, size))
    }

    /// Whether it has all 256 hashes or entries.
    #[must_use]
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// The leaves that each of its hashes or entries stands for, in order. Empty beyond 2⁶⁴ leaves.
    pub fn spans(&self) -> impl Iterator<Item = Range<u64>> {
        let height = match self.kind {
            TileKind::Hashes(level) => TILE_HEIGHT * u32::from(level),
            TileKind::Entries => 0,
        };
        let leaves = 1_u64.checked_shl(height);
        let first = self.index.checked_mul(TILE_WIDTH);
        (0..u64::from(self.width)).map_while(move |number| {
            let start = first?.checked_add(number)?.checked_mul(leaves?)?;
            Some(start..start.checked_add(leaves?)?)
        })
    }
}

/// The widths that a tile may have.
const WIDTHS: RangeInclusive<u16> = 1..=256;

/// How many hashes or entries of a kind a tree of this size has.
fn count(kind: TileKind, size: u64) -> u64 {
    match kind {
        TileKind::Entries => size,
        TileKind::Hashes(level) => size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0),
    }
}

/// Writes the path below `tile/`.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "{level}/")?,
            TileKind::Entries => f.write_str("entries/")?,
        }
        let mut groups = vec![self.index % 1_000];
        let mut left = self.index / 1_000;
        while left > 0 {
            groups.push(left % 1_000);
            left /= 1_000;
        }
        while let Some(group) = groups.pop() {
            match groups.is_empty() {
                true => write!(f, "{group:03}")?,
                false => write!(f, "x{group:03}/")?,
            }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

#[cfg(test)]
mod tests;
