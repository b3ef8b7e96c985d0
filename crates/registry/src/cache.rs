use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use muster_catalog::{Content, decide::StoredAttributes};
use muster_words::ContentRef;
use parking_lot::RwLock;
use quick_cache::{Weighter, sync::Cache};
use serde_json::{Map, Value};

/// A cache of contents, parsed and raw, bounded by their bytes.
pub(crate) struct ContentCache {
    attributes: Cache<ContentRef, Arc<Map<String, Value>>, MapWeight>,
    bytes: Cache<ContentRef, Bytes, BytesWeight>,
    /// How often contents were purged from the cache. A purge holds the lock; keeping a read shares
    /// it. So a read that began before a purge can't put the purged content back.
    forgotten: RwLock<u64>,
}

/// The number of purges when a read of the ledger began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadStart(u64);

/// The cost of an entry besides its bytes: key, pointers and the cache's own bookkeeping.
const OVERHEAD: u64 = 160;

#[derive(Clone)]
struct MapWeight;

impl Weighter<ContentRef, Arc<Map<String, Value>>> for MapWeight {
    fn weight(&self, _: &ContentRef, map: &Arc<Map<String, Value>>) -> u64 {
        OVERHEAD + size_of_map(map)
    }
}

/// The approximate memory of parsed attributes, in bytes.
pub(crate) fn size_of_map(map: &Map<String, Value>) -> u64 {
    map.iter().map(|(name, value)| name.len() as u64 + size_of(value)).sum()
}

/// The approximate memory of a parsed value, in bytes.
fn size_of(value: &Value) -> u64 {
    32 + match value {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(number) => number.as_str().len() as u64,
        Value::String(text) => text.len() as u64,
        Value::Array(items) => items.iter().map(size_of).sum(),
        Value::Object(map) => size_of_map(map),
    }
}

#[derive(Clone)]
struct BytesWeight;

impl Weighter<ContentRef, Bytes> for BytesWeight {
    fn weight(&self, _: &ContentRef, bytes: &Bytes) -> u64 {
        OVERHEAD + bytes.len() as u64
    }
}

impl ContentCache {
    pub(crate) fn new(capacity: u64) -> Self {
        let half = capacity / 2;
        let count = usize::try_from(half / 1024).unwrap_or(usize::MAX);
        Self {
            attributes: Cache::with_weighter(count, half, MapWeight),
            bytes: Cache::with_weighter(count, half, BytesWeight),
            forgotten: RwLock::new(0),
        }
    }

    /// The bytes that are used, and the most that may be.
    pub(crate) fn used(&self) -> (u64, u64) {
        let used = self.attributes.weight() + self.bytes.weight();
        (used, self.attributes.capacity() + self.bytes.capacity())
    }

    /// Begins a read of the ledger whose result will be cached.
    pub(crate) fn begin(&self) -> ReadStart {
        ReadStart(*self.forgotten.read())
    }

    /// Caches attributes that were read, unless something was purged since the read began.
    pub(crate) fn keep_read_map(
        &self,
        start: ReadStart,
        content: ContentRef,
        map: Arc<Map<String, Value>>,
    ) {
        let forgotten = self.forgotten.read();
        if *forgotten == start.0 {
            self.keep_map(content, map);
        }
    }

    /// Caches bytes that were read, unless something was purged since the read began.
    pub(crate) fn keep_read_raw(&self, start: ReadStart, content: ContentRef, bytes: Bytes) {
        let forgotten = self.forgotten.read();
        if *forgotten == start.0 {
            self.keep_raw(content, bytes);
        }
    }

    pub(crate) fn map(&self, content: ContentRef) -> Option<Arc<Map<String, Value>>> {
        self.attributes.get(&content)
    }

    /// Caches attributes that the writer has just written.
    pub(crate) fn keep_map(&self, content: ContentRef, map: Arc<Map<String, Value>>) {
        self.attributes.insert(content, map);
    }

    pub(crate) fn raw(&self, content: ContentRef) -> Option<Bytes> {
        self.bytes.get(&content)
    }

    /// Caches bytes that the writer has just written.
    pub(crate) fn keep_raw(&self, content: ContentRef, bytes: Bytes) {
        self.bytes.insert(content, bytes);
    }

    /// Removes a purged content.
    pub(crate) fn forget(&self, content: ContentRef) {
        let mut forgotten = self.forgotten.write();
        *forgotten += 1;
        self.attributes.remove(&content);
        self.bytes.remove(&content);
    }
}

/// Attributes that were fetched for one command.
pub(crate) type Fetched = BTreeMap<ContentRef, Arc<Map<String, Value>>>;

/// The contents that a decision can use: those fetched for its command, and the cache.
pub(crate) struct CachedAttributes<'a> {
    pub cache: &'a ContentCache,
    pub fetched: &'a Fetched,
}

impl StoredAttributes for CachedAttributes<'_> {
    fn attributes(&self, content: &Content) -> Option<Arc<Map<String, Value>>> {
        let name = content.reference();
        self.fetched.get(&name).cloned().or_else(|| self.cache.map(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_began_before_a_purge_puts_nothing_back() {
        let cache = ContentCache::new(1024 * 1024);
        let [one, other] = [1, 2].map(|position| ContentRef {
            position: muster_words::Position(position),
            digest: muster_words::Digest::of(b"x"),
        });
        let (bytes, map) = (Bytes::from_static(b"x"), Arc::new(Map::new()));
        for purged in [one, other] {
            let start = cache.begin();
            cache.forget(purged);
            cache.keep_read_raw(start, one, bytes.clone());
            cache.keep_read_map(start, one, Arc::clone(&map));
            assert!(cache.raw(one).is_none() && cache.map(one).is_none(), "{purged:?}");
        }
        let start = cache.begin();
        cache.keep_read_raw(start, one, bytes.clone());
        cache.keep_read_map(start, one, map);
        assert!(cache.raw(one) == Some(bytes) && cache.map(one).is_some());
        cache.forget(one);
        assert!(cache.raw(one).is_none() && cache.map(one).is_none());
    }
}
