//! The tiles of the ledger's tree (C2SP tlog-tiles), made from stored entries and leaf hashes.

use std::num::NonZeroU32;

use bytes::Bytes;
use muster_ledger::{
    EntryBytes, MerkleTree,
    tile::{Tile, TileKind, bundle},
};
use muster_words::{Digest, Position};

use crate::{FetchError, Registry, tree_hashes::leaves};

impl Registry {
    /// The bytes of a tile; none if the ledger doesn't have all of it.
    ///
    /// # Errors
    /// The ledger can't be read, or its entries aren't those that were replayed.
    pub async fn tile(&self, tile: Tile) -> Result<Option<Bytes>, FetchError> {
        let size = self.view().position().0;
        if !tile.is_in(size) {
            return Ok(None);
        }
        match tile.kind {
            TileKind::Entries => self.bundle(tile).await.map(Some),
            TileKind::Hashes(0) => {
                let (first, width) = span(tile);
                let leaves = leaves(&self.inner.ledger, first, width).await?;
                self.check_tile(tile, &leaves).await?;
                Ok(Some(joined(leaves)))
            }
            TileKind::Hashes(_) => {
                let end = tile.spans().last().map_or(0, |range| range.end);
                self.inner.hashes.reach(&self.inner.ledger, end).await?;
                let roots = tile.spans().map(|range| self.inner.hashes.full(&range));
                // `reach` has noted all of them.
                Ok(roots.collect::<Option<Vec<_>>>().map(joined))
            }
        }
    }

    async fn bundle(&self, tile: Tile) -> Result<Bytes, FetchError> {
        let (first, width) = span(tile);
        let mut entries: Vec<EntryBytes> = Vec::new();
        loop {
            let after = Position(first + entries.len() as u64);
            let left = (first + width).saturating_sub(after.0);
            let Some(left) = u32::try_from(left).ok().and_then(NonZeroU32::new) else { break };
            let read = self.inner.ledger.read(after, left).await?;
            if read.is_empty() {
                return Err(FetchError::Corrupt(after.next()));
            }
            entries.extend(read);
        }
        let leaves: Vec<Digest> = entries.iter().map(EntryBytes::leaf).collect();
        self.check_tile(tile, &leaves).await?;
        let bundle = bundle(entries.iter().map(|entry| &entry.bytes[..]));
        // No entry is longer than 65,535 bytes, so all fit.
        bundle.map_err(|_| FetchError::Corrupt(Position(first + 1)))
    }

    /// Compares the leaf hashes of a full tile with the root that is known since they were replayed
    /// or first read. Those of a partial tile have none yet.
    async fn check_tile(&self, tile: Tile, leaves: &[Digest]) -> Result<(), FetchError> {
        let (first, width) = span(tile);
        if !tile.is_full() {
            return Ok(());
        }
        let range = first..first + width;
        self.inner.hashes.reach(&self.inner.ledger, range.end).await?;
        match self.inner.hashes.full(&range) {
            Some(root) if root == MerkleTree::of(leaves).root() => Ok(()),
            _ => Err(FetchError::Corrupt(Position(first + 1))),
        }
    }
}

/// The first leaf of a tile of leaf hashes or of entries, and how many it has.
fn span(tile: Tile) -> (u64, u64) {
    (tile.spans().next().map_or(0, |range| range.start), u64::from(tile.width))
}

fn joined(hashes: Vec<Digest>) -> Bytes {
    hashes.into_iter().flat_map(|hash| hash.0).collect::<Vec<u8>>().into()
}
