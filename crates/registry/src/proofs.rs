//! Proofs about the ledger's tree: that an entry is in it, and that an older tree is its beginning.

use std::num::NonZeroU32;

use muster_ledger::{
    EntryBytes,
    tree::{ProofError, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion},
};
use muster_words::{Digest, Position};

use crate::{
    FetchError, Registry,
    tree_hashes::{HashesError, SHORT_LEAVES_MAX},
};

/// An entry with its path to the root of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenEntry {
    /// The entry.
    pub entry: EntryBytes,
    /// The tree's root.
    pub root: Digest,
    /// The path, from the leaf to the root.
    pub hashes: Vec<Digest>,
}

/// A proof that a tree begins with a smaller one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenPrefix {
    /// The root of the smaller tree.
    pub from_root: Digest,
    /// The root of the larger tree.
    pub to_root: Digest,
    /// The proof.
    pub hashes: Vec<Digest>,
}

impl Registry {
    /// Whether a proof about a tree of this size first has to read many leaf hashes: the first one
    /// after many writes does.
    #[must_use]
    pub fn is_proof_long(&self, size: u64) -> bool {
        self.inner.hashes.missing(size) > SHORT_LEAVES_MAX
    }

    /// Proves that the entry at a position is in the tree of the first `size` entries. None if
    /// it isn't, or if the ledger doesn't have that many.
    ///
    /// # Errors
    /// The ledger can't be read, or its entries aren't those that were replayed.
    pub async fn prove_entry(
        &self,
        position: Position,
        size: u64,
    ) -> Result<Option<ProvenEntry>, FetchError> {
        let Some(index) = position.0.checked_sub(1) else { return Ok(None) };
        if index >= size || size > self.view().position().0 {
            return Ok(None);
        }
        let (hashes, ledger) = (&self.inner.hashes, &self.inner.ledger);
        let computed = hashes.compute(ledger, size, |known| {
            let path = inclusion_proof(index, size, |range| known.subtree(range))?;
            Ok((path, known.subtree(0..size)?))
        });
        let (hashes, root) = computed.await.map_err(|error| fault(error, position))?;
        let read = ledger.read(Position(index), NonZeroU32::MIN).await?;
        let entry = read.into_iter().next().ok_or(FetchError::Corrupt(position))?;
        // A hash that changed on its medium since the start leads to another root.
        verify_inclusion(&entry.leaf(), index, size, &root, &hashes)
            .map_err(|_| FetchError::Corrupt(position))?;
        Ok(Some(ProvenEntry { entry, root, hashes }))
    }

    /// Proves that the tree of the first `to` entries begins with the tree of the first `from`.
    /// None if it is smaller, or if the ledger doesn't have that many.
    ///
    /// # Errors
    /// The ledger can't be read, or its entries aren't those that were replayed.
    pub async fn prove_prefix(
        &self,
        from: u64,
        to: u64,
    ) -> Result<Option<ProvenPrefix>, FetchError> {
        if from > to || to > self.view().position().0 {
            return Ok(None);
        }
        let computed = self.inner.hashes.compute(&self.inner.ledger, to, |known| {
            let proof = consistency_proof(from, to, |range| known.subtree(range))?;
            Ok((proof, known.subtree(0..from)?, known.subtree(0..to)?))
        });
        let at = Position(from.max(1));
        let (hashes, from_root, to_root) = computed.await.map_err(|error| fault(error, at))?;
        verify_consistency(from, &from_root, to, &to_root, &hashes)
            .map_err(|_| FetchError::Corrupt(at))?;
        Ok(Some(ProvenPrefix { from_root, to_root, hashes }))
    }
}

impl Registry {
    /// The signed checkpoint of the ledger up to a position. None if this registry signs none, or if
    /// the ledger doesn't have that many entries.
    ///
    /// # Errors
    /// The ledger can't be read, or its entries aren't those that were replayed.
    pub async fn checkpoint_at(&self, position: Position) -> Result<Option<String>, FetchError> {
        let Some(file) = self.checkpoint() else { return Ok(None) };
        let Some(proven) = self.prove_prefix(position.0, position.0).await? else {
            return Ok(None);
        };
        let signed = file.sign_root(position.0, proven.to_root);
        signed.map(Some).map_err(|_| FetchError::Corrupt(position))
    }
}

/// What a failed computation says of the ledger.
fn fault(error: HashesError, at: Position) -> FetchError {
    match error {
        HashesError::Fetch(error) => error,
        HashesError::Proof(
            ProofError::Outside { .. } | ProofError::Length { .. } | ProofError::Root,
        ) => FetchError::Corrupt(at),
    }
}
