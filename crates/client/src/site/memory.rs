use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::Value;
use tokio::time::Instant;

/// Documents in memory, by their digests. When there are too many bytes, those go first that were
/// used longest ago.
#[derive(Debug, Default)]
pub(super) struct Memory {
    documents: HashMap<String, Kept>,
    bytes: usize,
    /// Counts uses.
    clock: u64,
    pub evictions: u64,
}

/// A document with the number of its last use.
pub(super) type UsedDocument = (Arc<Value>, Arc<AtomicU64>);

#[derive(Debug)]
struct Kept {
    value: Arc<Value>,
    size: usize,
    used: Arc<AtomicU64>,
    since: Instant,
}

impl Memory {
    /// The number of a use that happens now.
    pub const fn next_use(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    pub fn get(&mut self, digest: &str) -> Option<UsedDocument> {
        let now = self.next_use();
        let kept = self.documents.get(digest)?;
        kept.used.store(now, Ordering::Relaxed);
        Some((kept.value.clone(), kept.used.clone()))
    }

    /// Keeps a document, and says whether others had to go.
    pub fn keep(
        &mut self,
        digest: &str,
        value: Arc<Value>,
        size: usize,
        bytes_max: usize,
    ) -> (Arc<AtomicU64>, bool) {
        let used = Arc::new(AtomicU64::new(self.next_use()));
        let kept = Kept { value, size, used: used.clone(), since: Instant::now() };
        if let Some(old) = self.documents.insert(digest.to_owned(), kept) {
            self.bytes -= old.size;
        }
        self.bytes += size;
        let mut are_gone = false;
        while self.bytes > bytes_max && self.documents.len() > 1 {
            let uses = self.documents.iter();
            let oldest = uses.min_by_key(|(_, kept)| kept.used.load(Ordering::Relaxed));
            let Some(oldest) = oldest.map(|(digest, _)| digest.clone()) else { break };
            if let Some(old) = self.documents.remove(&oldest) {
                self.bytes -= old.size;
                self.evictions += 1;
                are_gone = true;
            }
        }
        (used, are_gone)
    }

    pub fn clear(&mut self) {
        self.documents.clear();
        self.bytes = 0;
    }

    pub fn len(&self) -> usize {
        self.documents.len()
    }

    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the oldest document was read.
    pub fn oldest(&self) -> Option<Instant> {
        self.documents.values().map(|kept| kept.since).min()
    }
}
