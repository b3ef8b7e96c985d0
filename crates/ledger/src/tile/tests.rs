#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use std::collections::BTreeMap;

use bytes::Bytes;
use muster_words::{Digest, Position};
use proptest::prelude::*;

use super::*;
use crate::{MerkleTree, tree::FullSubtrees};

/// A tree's tiles and bundles as files, with its root.
struct Exported {
    size: u64,
    root: Digest,
    files: BTreeMap<Tile, Bytes>,
}

impl Exported {
    /// A log of small entries that differ from each other.
    fn of(size: u64) -> Self {
        let entries: Vec<Vec<u8>> =
            (0..size).map(|n| [&n.to_be_bytes()[..], &vec![7; n as usize % 5]].concat()).collect();
        let leaves: Vec<Digest> =
            entries.iter().map(|entry| Digest::of_parts(&[&[0], entry])).collect();
        let (mut tree, mut subtrees) = (MerkleTree::default(), FullSubtrees::default());
        leaves.iter().for_each(|leaf| tree.append_noting(*leaf, |h, root| subtrees.note(h, root)));
        let file = |tile: Tile| match tile.kind {
            TileKind::Entries => {
                let spans = tile.spans().map(|range| &entries[range.start as usize][..]);
                bundle(spans).unwrap()
            }
            TileKind::Hashes(_) => {
                let hash = |range: Range<u64>| match range.end - range.start {
                    1 => leaves[range.start as usize],
                    _ => subtrees.root(&range).unwrap(),
                };
                tile.spans().flat_map(|range| hash(range).0).collect::<Vec<u8>>().into()
            }
        };
        let files = Tile::of_tree(size).map(|tile| (tile, file(tile))).collect();
        Self { size, root: tree.root(), files }
    }

    fn check(&self) -> Result<(), TileFault> {
        check_tiles(self.size, &self.root, |tile| self.files.get(&tile).cloned())
    }

    /// Changes one byte of a tile.
    fn flip(&mut self, tile: Tile, at: usize) {
        let mut bytes = self.files[&tile].to_vec();
        bytes[at] ^= 1;
        self.files.insert(tile, bytes.into());
    }
}

#[test]
fn has_one_path_for_each_tile() {
    let hashes = |level, index, width| Tile { kind: TileKind::Hashes(level), index, width };
    let entries = |index, width| Tile { kind: TileKind::Entries, index, width };
    for (tile, path) in [
        (hashes(0, 0, 256), "0/000"),
        (hashes(0, 67, 256), "0/067"),
        (hashes(1, 1_234_067, 256), "1/x001/x234/067"),
        (hashes(63, 1_000, 8), "63/x001/000.p/8"),
        (entries(0, 1), "entries/000.p/1"),
        (entries(999, 255), "entries/999.p/255"),
        (entries(u64::MAX, 256), "entries/x018/x446/x744/x073/x709/x551/615"),
    ] {
        assert_eq!(tile.to_string(), path);
        assert_eq!(Tile::parse(path), Some(tile), "{path}");
    }
}

#[test]
fn takes_no_other_path() {
    for path in [
        "",
        "0",
        "0/",
        "0/0",
        "0/0000",
        "0/1000",
        "0/x000/067",
        "0/001/067",
        "0/x001/x067",
        "00/000",
        "+1/000",
        "64/000",
        "-1/000",
        "entry/000",
        "entries/000.p/0",
        "entries/000.p/01",
        "entries/000.p/256",
        "entries/000.p/257",
        "entries/000.p/",
        "entries/000.p",
        "entries/+00",
        "entries/000/",
        "/0/000",
        "0/000.p/8.p/8",
        "entries/x018/x446/x744/x073/x709/x551/616",
        "entries/x018/x446/x744/x073/x709/x551/x018/x446/x744/x073/x709/x551/615",
    ] {
        assert_eq!(Tile::parse(path), None, "{path}");
    }
}

#[test]
fn has_the_tiles_that_the_specification_counts() {
    let names = |size, kind| {
        let of_kind = Tile::of_tree(size).filter(move |tile| tile.kind == kind);
        of_kind.map(|tile| tile.to_string()).collect::<Vec<_>>()
    };
    // The example of C2SP tlog-tiles: a tree of 70,000 leaves.
    let leaves = names(70_000, TileKind::Hashes(0));
    assert_eq!(leaves.len(), 274);
    assert_eq!(leaves.last().unwrap(), "0/273.p/112");
    assert_eq!(names(70_000, TileKind::Hashes(1)), ["1/000", "1/001.p/17"]);
    assert_eq!(names(70_000, TileKind::Hashes(2)), ["2/000.p/1"]);
    assert_eq!(names(256, TileKind::Hashes(1)), ["1/000.p/1"]);
    assert_eq!(Tile::of_tree(0).count(), 0);
}

#[test]
fn a_tile_is_in_a_tree_that_has_all_of_it() {
    for (path, size, expect) in [
        ("0/000.p/1", 0, false),
        ("0/000.p/1", 1, true),
        ("0/000", 255, false),
        ("0/000", 256, true),
        ("1/000.p/1", 255, false),
        ("1/000.p/1", 256, true),
        ("entries/001.p/3", 258, false),
        ("entries/001.p/3", 259, true),
        ("8/000.p/1", u64::MAX, false),
        ("63/000.p/1", u64::MAX, false),
        ("0/x018/x446/x744/x073/x709/x551/615", u64::MAX, false),
    ] {
        assert_eq!(Tile::parse(path).unwrap().is_in(size), expect, "{path} in {size}");
    }
}

#[test]
fn a_bundle_gives_back_its_entries_or_names_where_it_breaks() {
    let long = vec![9; 65_535];
    let entries: [&[u8]; 4] = [b"a", b"", b"bc", &long];
    let bytes = bundle(entries).unwrap();
    assert_eq!(&bytes[..8], b"\0\x01a\0\0\0\x02b");
    assert_eq!(entries_in(&bytes).unwrap(), entries);
    assert_eq!(bundle([&vec![9; 65_536][..]]), Err(BundleError::TooLarge { bytes: 65_536 }));
    for (end, at) in [(1, 0), (2, 0), (4, 3), (8, 5), (bytes.len() - 1, 9)] {
        assert_eq!(entries_in(&bytes.slice(..end)), Err(BundleError::Short { at }), "{end}");
    }
}

#[test]
fn the_tiles_of_a_log_hold_together() {
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 1_000, 65_537] {
        assert_eq!(Exported::of(size).check(), Ok(()), "{size}");
    }
}

#[test]
fn names_the_tile_that_is_missing_or_cut() {
    let whole = Exported::of(1_000);
    for path in ["0/002", "0/003.p/232", "1/000.p/3", "entries/000", "entries/003.p/232"] {
        let tile = Tile::parse(path).unwrap();
        for cut in [true, false] {
            let mut log = Exported { files: whole.files.clone(), ..whole };
            let bytes = log.files.remove(&tile).unwrap();
            if cut {
                log.files.insert(tile, bytes.slice(..bytes.len() - 1));
            }
            assert_eq!(log.check(), Err(TileFault::Missing { tile }), "{path}");
        }
    }
}

#[test]
fn tells_another_log_from_a_damaged_one() {
    let mut log = Exported::of(700);
    log.root = Digest::of(b"another");
    assert_eq!(log.check(), Err(TileFault::Root));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever byte of whatever tile is changed, the tile is named, and what is wrong in it.
    #[test]
    fn names_the_byte_that_was_changed(tile in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        static LOG: std::sync::LazyLock<Exported> = std::sync::LazyLock::new(|| Exported::of(600));
        let mut log = Exported { files: LOG.files.clone(), ..*LOG };
        let tiles: Vec<Tile> = log.files.keys().copied().collect();
        let tile = *tile.get(&tiles);
        let at = at.index(log.files[&tile].len());
        log.flip(tile, at);
        let fault = log.check().unwrap_err();
        match (tile.kind, fault) {
            (TileKind::Hashes(_), TileFault::Hash { tile: named, number }) => {
                prop_assert_eq!((named, usize::from(number)), (tile, at / 32));
            }
            // A changed length shifts what follows.
            (TileKind::Entries, TileFault::Missing { tile: named }) => prop_assert_eq!(named, tile),
            (TileKind::Entries, TileFault::Entry { tile: named, position }) => {
                prop_assert_eq!(named, tile);
                prop_assert!(position > Position(tile.index * 256));
            }
            (kind, fault) => prop_assert!(false, "{kind:?}: {fault}"),
        }
    }

    #[test]
    fn reads_any_text_without_harm(path in ".{0,80}") {
        if let Some(tile) = Tile::parse(&path) {
            prop_assert_eq!(tile.to_string(), path);
        }
    }

    #[test]
    fn reads_any_bytes_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let bytes = Bytes::from(bytes);
        if let Ok(entries) = entries_in(&bytes) {
            prop_assert_eq!(bundle(entries.iter().map(|entry| &entry[..])).unwrap(), bytes);
        }
    }
}
