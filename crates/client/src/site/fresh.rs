use std::{
    any::Any,
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use super::{SiteAnswer, SiteOptions, Tier};

/// A document that is fresh and in memory, by the path that was asked for: what is read most, and so
/// it is found with one look.
pub struct FreshDocument {
    /// The document.
    pub value: Arc<Value>,
    /// Its version.
    pub version: String,
    /// When the source confirmed it.
    checked: Instant,
    /// Until when it is fresh.
    until: Instant,
    /// From when on it is read again in the background.
    ahead: Instant,
    /// The number of its last use.
    used: Arc<AtomicU64>,
    attached: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// At which part of its life a manifest is read again in the background, in tenths.
pub(super) const REFRESH_AHEAD: u32 = 8;

/// How many paths are remembered: a document may be asked for in several spellings.
pub(super) const PATHS_MAX: usize = 100_000;

impl FreshDocument {
    /// A document that the source confirmed at that time.
    pub(super) fn new(
        (value, version): (Arc<Value>, String),
        used: Arc<AtomicU64>,
        checked: Instant,
        options: &SiteOptions,
    ) -> Self {
        let ahead = checked + options.cache_ttl / 10 * REFRESH_AHEAD;
        let until = checked + options.cache_ttl;
        Self { value, version, checked, until, ahead, used, attached: OnceLock::new() }
    }

    /// How long ago the source confirmed it.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.checked.elapsed()
    }

    /// What was attached, if it has this type.
    #[must_use]
    pub fn attached<T: Any>(&self) -> Option<&T> {
        self.attached.get()?.downcast_ref()
    }

    /// Keeps a form of the document for as long as the document is kept, such as an object of
    /// another language. The first one stays.
    pub fn attach<T: Any + Send + Sync>(&self, form: T) {
        let _ = self.attached.set(Box::new(form));
    }

    /// The document as an answer.
    pub(super) fn answer(&self) -> SiteAnswer {
        let (value, version) = (self.value.clone(), self.version.clone());
        SiteAnswer { value, tier: Tier::Fresh, age: Some(self.age()), version }
    }
}

/// Fresh documents by the paths that were asked for.
#[derive(Default)]
pub(super) struct FreshDocuments(HashMap<String, Arc<FreshDocument>>);

impl FreshDocuments {
    /// A document that is still fresh, and whether it should be read again soon.
    pub fn find(&self, path: &str, use_number: u64) -> Option<(Arc<FreshDocument>, bool)> {
        let found = self.0.get(path)?;
        let now = Instant::now();
        if now >= found.until {
            return None;
        }
        found.used.store(use_number, Ordering::Relaxed);
        Some((found.clone(), now >= found.ahead))
    }

    pub fn keep(&mut self, path: &str, document: FreshDocument) {
        if self.0.len() >= PATHS_MAX {
            self.0.clear();
        }
        self.0.insert(path.to_owned(), Arc::new(document));
    }

    /// Keeps a document under another name as well.
    pub fn also(&mut self, name: &str, path: &str) {
        if let Some(found) = self.0.get(path).cloned() {
            self.0.insert(name.to_owned(), found);
        }
    }

    /// Forgets all: another manifest counts, or documents went out of memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
