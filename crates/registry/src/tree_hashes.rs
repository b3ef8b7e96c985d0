use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use muster_journal::LedgerReader;
use muster_ledger::{
    MerkleTree,
    tile::TILE_WIDTH,
    tree::{FullSubtrees, HashError, KnownHashes, ProofError},
};
use muster_words::{Digest, Position};
use parking_lot::RwLock;
use tokio::sync::Mutex;

use crate::FetchError;

/// Leaf hashes per read.
const PAGE: NonZeroU32 = NonZeroU32::MIN.saturating_add(2_047);

/// Leaf hashes that are read within some milliseconds. Reading more is long work.
pub(crate) const SHORT_LEAVES_MAX: u64 = 16 * 1024;

/// The hashes of the ledger's tree from which proofs and tiles are made, kept by readers: the
/// writer has nothing to do with them. The replay at the start fills them, and whoever needs
/// more reads the leaf hashes of later entries, each once.
pub(crate) struct TreeHashes {
    kept: RwLock<Kept>,
    /// Held while leaf hashes are read, so that nobody else reads the same.
    reading: Mutex<()>,
}

struct Kept {
    tree: MerkleTree,
    subtrees: FullSubtrees,
}

/// Why the hashes for a proof can't be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashesError {
    /// The ledger can't be read, or is damaged.
    Fetch(FetchError),
    /// There is no such proof.
    Proof(ProofError),
}

impl TreeHashes {
    /// The hashes of a ledger that was replayed up to here. A replay that didn't begin at the
    /// first entry has noted too little; then they are read when they are needed.
    pub(crate) fn new(tree: MerkleTree, subtrees: FullSubtrees) -> Self {
        let (tree, subtrees) = match subtrees.are_all_of(tree.size()) {
            true => (tree, subtrees),
            false => Default::default(),
        };
        Self { kept: RwLock::new(Kept { tree, subtrees }), reading: Mutex::new(()) }
    }

    /// How many leaf hashes are read before a tree of this size can be proven.
    pub(crate) fn missing(&self, size: u64) -> u64 {
        size.saturating_sub(self.kept.read().tree.size())
    }

    /// Reads what is missing up to a size. The ledger must have that many entries.
    pub(crate) async fn reach(
        &self,
        ledger: &Arc<dyn LedgerReader>,
        size: u64,
    ) -> Result<(), FetchError> {
        if self.missing(size) == 0 {
            return Ok(());
        }
        let _reading = self.reading.lock().await;
        loop {
            let after = Position(self.kept.read().tree.size());
            if after.0 >= size {
                return Ok(());
            }
            let leaves = ledger.leaves(after, PAGE).await?;
            if leaves.is_empty() {
                return Err(FetchError::Corrupt(after.next()));
            }
            let mut kept = self.kept.write();
            let Kept { tree, subtrees } = &mut *kept;
            for leaf in leaves {
                tree.append_noting(leaf, |height, root| subtrees.note(height, root));
            }
        }
    }

    /// The root of a full subtree of at least a tile's width, if it is known.
    pub(crate) fn full(&self, range: &std::ops::Range<u64>) -> Option<Digest> {
        self.kept.read().subtrees.root(range)
    }

    /// Computes something from the hashes of a tree of this size. If it lacks leaf hashes, they are
    /// read, and it is computed again: a proof needs those of two tiles.
    pub(crate) async fn compute<T>(
        &self,
        ledger: &Arc<dyn LedgerReader>,
        size: u64,
        wanted: impl Fn(&KnownHashes<'_>) -> Result<T, HashError>,
    ) -> Result<T, HashesError> {
        self.reach(ledger, size).await.map_err(HashesError::Fetch)?;
        let mut tiles = BTreeMap::new();
        loop {
            let computed = wanted(&KnownHashes::new(&self.kept.read().subtrees, &tiles));
            let tile = match computed {
                Ok(value) => return Ok(value),
                Err(HashError::Proof(error)) => return Err(HashesError::Proof(error)),
                Err(HashError::Missing { tile }) => tile,
            };
            let first = tile.saturating_mul(TILE_WIDTH);
            let width = size.saturating_sub(first).min(TILE_WIDTH);
            let leaves = leaves(ledger, first, width).await.map_err(HashesError::Fetch)?;
            if tiles.insert(tile, leaves).is_some() {
                // It was read and still isn't enough: a range outside of the tree.
                return Err(HashesError::Proof(ProofError::Outside { index: first, size }));
            }
        }
    }
}

/// The leaf hashes of `width` entries from an index on.
pub(crate) async fn leaves(
    ledger: &Arc<dyn LedgerReader>,
    first: u64,
    width: u64,
) -> Result<Vec<Digest>, FetchError> {
    let mut leaves: Vec<Digest> = Vec::new();
    loop {
        let after = Position(first + leaves.len() as u64);
        let left = (first + width).saturating_sub(after.0);
        let Some(left) = u32::try_from(left).ok().and_then(NonZeroU32::new) else {
            return Ok(leaves);
        };
        let read = ledger.leaves(after, left).await?;
        if read.is_empty() {
            return Err(FetchError::Corrupt(after.next()));
        }
        leaves.extend(read);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use bytes::Bytes;
    use muster_journal::{Batch, Ledger as _, MemoryLedger};
    use muster_ledger::{EntryBytes, Head, tree::inclusion_proof};

    use super::*;

    /// A ledger of entries that are only bytes, with its leaf hashes.
    async fn ledger(size: u64) -> (Arc<dyn LedgerReader>, Vec<Digest>) {
        let entry = |position: u64| EntryBytes {
            position: Position(position),
            bytes: Bytes::from(position.to_be_bytes().to_vec()),
        };
        let entries: Vec<EntryBytes> = (1..=size).map(entry).collect();
        let leaves = entries.iter().map(EntryBytes::leaf).collect();
        let ledger = MemoryLedger::new();
        ledger.append(Head::EMPTY, &Batch { entries, ..Batch::default() }).await.unwrap();
        (Arc::new(ledger), leaves)
    }

    #[tokio::test]
    async fn reads_what_the_replay_has_not_noted() {
        let (ledger, leaves) = ledger(1_000).await;
        // Nothing replayed, a part replayed, and a part of which the subtrees are missing.
        let (mut tree, mut subtrees) = (MerkleTree::default(), FullSubtrees::default());
        for leaf in &leaves[..600] {
            tree.append_noting(*leaf, |height, root| subtrees.note(height, root));
        }
        for (hashes, missing) in [
            (TreeHashes::new(MerkleTree::default(), FullSubtrees::default()), 1_000),
            (TreeHashes::new(tree.clone(), subtrees), 400),
            (TreeHashes::new(tree, FullSubtrees::default()), 1_000),
        ] {
            assert_eq!(hashes.missing(1_000), missing);
            for size in [1_u64, 300, 1_000] {
                let all = &leaves[..usize::try_from(size).unwrap()];
                let computed = hashes.compute(&ledger, size, |known| {
                    inclusion_proof(0, size, |range| known.subtree(range))?;
                    known.subtree(0..size)
                });
                assert_eq!(computed.await, Ok(MerkleTree::of(all).root()), "{size}");
            }
            assert_eq!(hashes.missing(1_000), 0);
            assert_eq!(hashes.full(&(256..512)), Some(MerkleTree::of(&leaves[256..512]).root()));
        }
    }

    #[tokio::test]
    async fn a_ledger_that_is_shorter_than_it_was_is_damaged() {
        let (ledger, _) = ledger(10).await;
        let hashes = TreeHashes::new(MerkleTree::default(), FullSubtrees::default());
        let reached = hashes.reach(&ledger, 11).await;
        assert_eq!(reached, Err(FetchError::Corrupt(Position(11))));
    }
}
