use std::{collections::HashMap, sync::Arc};

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

#[derive(Debug)]
struct Kept {
    value: Arc<Value>,
    size: usize,
    used: u64,
    since: Instant,
}

impl Memory {
    pub fn get(&mut self, digest: &str) -> Option<Arc<Value>> {
        self.clock += 1;
        let kept = self.documents.get_mut(digest)?;
        kept.used = self.clock;
        Some(kept.value.clone())
    }

    pub fn keep(&mut self, digest: &str, value: Arc<Value>, size: usize, bytes_max: usize) {
        self.clock += 1;
        let kept = Kept { value, size, used: self.clock, since: Instant::now() };
        if let Some(old) = self.documents.insert(digest.to_owned(), kept) {
            self.bytes -= old.size;
        }
        self.bytes += size;
        while self.bytes > bytes_max && self.documents.len() > 1 {
            let oldest = self.documents.iter().min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(digest, _)| digest.clone()) else { break };
            if let Some(old) = self.documents.remove(&oldest) {
                self.bytes -= old.size;
                self.evictions += 1;
            }
        }
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
