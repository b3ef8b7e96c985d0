use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use async_trait::async_trait;
use bytes::Bytes;
use muster_ledger::{EntryBytes, Head};
use muster_words::{ContentRef, Digest, Position};
use tokio::sync::watch;

use crate::{AppendError, Batch, Cause, Ledger, LedgerReader, ReadError};

/// A ledger in memory: the reference for all others, and the ledger of `serve --memory`. It accepts
/// batches of any size and is never full.
#[derive(Debug)]
pub struct MemoryLedger {
    kept: RwLock<State>,
    head: watch::Sender<Head>,
}

/// The content of the ledger; the entry with position `p` has index `p − 1`.
#[derive(Debug)]
struct State {
    head: Head,
    entries: Vec<Bytes>,
    leaves: Vec<Digest>,
    contents: HashMap<ContentRef, Bytes>,
}

impl MemoryLedger {
    /// An empty ledger.
    #[must_use]
    pub fn new() -> Self {
        let head = Head::EMPTY;
        let kept =
            State { head, entries: Vec::new(), leaves: Vec::new(), contents: HashMap::new() };
        Self { kept: RwLock::new(kept), head: watch::Sender::new(head) }
    }

    /// No code panics while it holds the lock, so even a poisoned lock guards a valid value.
    fn kept(&self) -> RwLockReadGuard<'_, State> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryLedger {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn append(&mut self, batch: &Batch) {
        for entry in &batch.entries {
            self.leaves.push(entry.leaf());
            self.entries.push(entry.bytes.clone());
        }
        self.contents.extend(batch.contents.iter().cloned());
        for content in &batch.purges {
            self.contents.remove(content);
        }
        if let (Some(entry), Some(leaf)) = (batch.entries.last(), self.leaves.last()) {
            self.head = Head { position: entry.position, hash: *leaf };
        }
    }
}

/// The indexes of at most `limit` entries after a position, of `count`.
fn window(after: Position, limit: NonZeroU32, count: usize) -> std::ops::Range<usize> {
    let from = usize::try_from(after.0).unwrap_or(usize::MAX).min(count);
    let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
    from..from.saturating_add(limit).min(count)
}

#[async_trait]
impl LedgerReader for MemoryLedger {
    async fn head(&self) -> Result<Head, ReadError> {
        Ok(self.kept().head)
    }

    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError> {
        let kept = self.kept();
        let window = window(after, limit, kept.entries.len());
        let positions = (after.0.saturating_add(1)..).map(Position);
        let entries = positions.zip(&kept.entries[window]);
        Ok(entries.map(|(position, bytes)| EntryBytes { position, bytes: bytes.clone() }).collect())
    }

    async fn leaves(&self, after: Position, limit: NonZeroU32) -> Result<Vec<Digest>, ReadError> {
        let kept = self.kept();
        Ok(kept.leaves[window(after, limit, kept.leaves.len())].to_vec())
    }

    async fn contents(&self, wanted: &[ContentRef]) -> Result<Vec<Option<Bytes>>, ReadError> {
        let kept = self.kept();
        Ok(wanted.iter().map(|content| kept.contents.get(content).cloned()).collect())
    }

    async fn moved(&self, position: Position) -> Result<(), ReadError> {
        let passed = |head: &Head| head.position > position;
        match self.head.subscribe().wait_for(passed).await {
            Ok(_) => Ok(()),
            Err(closed) => Err(ReadError::Unavailable(Arc::new(closed) as Cause)),
        }
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError> {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.head != head {
            return Err(AppendError::Moved(kept.head));
        }
        batch.check(head)?;
        kept.append(batch);
        // Sent while the lock is held, so that heads are announced in order.
        self.head.send_replace(kept.head);
        Ok(kept.head)
    }
}
