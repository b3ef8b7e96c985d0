use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use muster_schema::FormattedSchema;
use muster_words::{Digest, Xid};
use tokio::time::Instant;

/// What a compiled schema takes in memory, as a multiple of its text and of all that it refers to.
const MEMORY_OF_TEXT: usize = 40;

/// A compiled schema, and until when it needn't be asked for again.
#[derive(Debug)]
pub(crate) struct ReadySchema {
    pub compiled: FormattedSchema,
    pub schema: Xid,
    pub version: String,
    pub digest: Digest,
    pub text_bytes: usize,
}

/// A compiled schema under a name that was asked for.
#[derive(Debug)]
pub(crate) struct KeptSchema {
    pub ready: Arc<ReadySchema>,
    /// When a source gave it; none: it comes from a source that never changes.
    pub confirmed: Option<Instant>,
    /// For how long that counts.
    pub life: Duration,
    /// Whether the source gave it from what it kept, and may have a newer one.
    pub is_old: bool,
    /// Whether a background refresh runs.
    pub is_refreshing: AtomicBool,
    used: AtomicU64,
}

/// How old a schema is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    Fresh,
    /// It is fresh, and the source should be asked again.
    Due,
    /// Its time is over.
    Old,
}

/// At which part of its life a schema is asked for again in the background, in tenths.
const REFRESH_AHEAD: u32 = 8;

impl KeptSchema {
    /// A schema whose source is asked again after this time; none: never.
    pub fn new(ready: Arc<ReadySchema>, life: Option<Duration>, is_old: bool) -> Self {
        Self {
            ready,
            confirmed: life.map(|_| Instant::now()),
            life: life.unwrap_or_default(),
            is_old,
            is_refreshing: AtomicBool::new(false),
            used: AtomicU64::new(0),
        }
    }

    pub fn age(&self) -> Age {
        let Some(confirmed) = self.confirmed else { return Age::Fresh };
        let age = confirmed.elapsed();
        match age {
            age if age >= self.life => Age::Old,
            age if age >= self.life / 10 * REFRESH_AHEAD => Age::Due,
            _ => Age::Fresh,
        }
    }

    /// Whether it is too old by less than this.
    pub fn is_old_by_less_than(&self, grace: Duration) -> bool {
        self.confirmed.is_none_or(|confirmed| confirmed.elapsed() < self.life + grace)
    }
}

/// Compiled schemas by the names that were asked for. Where there are too many, or they take too
/// much memory, those go first that were used longest ago.
#[derive(Debug)]
pub(crate) struct KeptSchemas {
    schemas: RwLock<HashMap<String, Arc<KeptSchema>>>,
    clock: AtomicU64,
    evictions: AtomicU64,
    schemas_max: usize,
    bytes_max: usize,
}

impl KeptSchemas {
    pub fn new(schemas_max: usize, bytes_max: usize) -> Self {
        Self {
            schemas: RwLock::default(),
            clock: AtomicU64::new(0),
            evictions: AtomicU64::new(0),
            schemas_max: schemas_max.max(1),
            bytes_max,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Arc<KeptSchema>>> {
        self.schemas.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Arc<KeptSchema>>> {
        self.schemas.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn find(&self, name: &str) -> Option<Arc<KeptSchema>> {
        let found = self.read().get(name)?.clone();
        found.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Some(found)
    }

    pub fn keep(&self, name: &str, kept: KeptSchema) {
        kept.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let mut schemas = self.write();
        schemas.insert(name.to_owned(), Arc::new(kept));
        let mut bytes: usize = schemas.values().map(|kept| memory(kept)).sum();
        while schemas.len() > 1 && (schemas.len() > self.schemas_max || bytes > self.bytes_max) {
            let uses = schemas.iter().filter(|(other, _)| *other != name);
            let oldest = uses.min_by_key(|(_, kept)| kept.used.load(Ordering::Relaxed));
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else { break };
            bytes -= schemas.remove(&oldest).map_or(0, |kept| memory(&kept));
            self.evictions.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn forget(&self, name: &str) {
        self.write().remove(name);
    }

    pub fn clear(&self) {
        self.write().clear();
    }

    /// How many there are, the bytes that they take, and how many went.
    pub fn counts(&self) -> (usize, usize, u64) {
        let schemas = self.read();
        let bytes = schemas.values().map(|kept| memory(kept)).sum();
        (schemas.len(), bytes, self.evictions.load(Ordering::Relaxed))
    }
}

fn memory(kept: &KeptSchema) -> usize {
    kept.ready.text_bytes.saturating_mul(MEMORY_OF_TEXT)
}
