use std::{sync::atomic::Ordering, time::Duration};

use muster_catalog::Catalog;
use muster_words::{Moment, Position};

use crate::{Registry, recent::WriteTimes};

/// The status of an open registry, for operators.
#[derive(Clone, Debug)]
pub struct RegistryStatus {
    /// The newest view's position.
    pub position: Position,
    /// The number of documents.
    pub documents: u64,
    /// The number of schemas among them.
    pub schemas: u64,
    /// The number of rules among them.
    pub rules: u64,
    /// Groups in the registry.
    pub groups: u64,
    /// Deleted names that can be restored.
    pub hidden: u64,
    /// Commands that wait for the writer.
    pub waiting: u64,
    /// Entries that were appended since the start.
    pub writes: u64,
    /// The 99th percentile of the last minute's write latency; none if there were no writes.
    pub write_p99: Option<Duration>,
    /// The position of the last checkpoint in its file.
    pub checkpoint: Option<Position>,
    /// The age of that checkpoint.
    pub checkpoint_age: Option<Duration>,
    /// The last command's moment.
    pub moment: Moment,
    /// Whether the clock is behind the ledger.
    pub clock_is_behind: bool,
}

impl Registry {
    /// The bytes that the cache of contents uses, and the most that it may use.
    #[must_use]
    pub fn cached_bytes(&self) -> (u64, u64) {
        self.inner.contents.used()
    }

    /// How long the writes since the start took, of those that were done.
    #[must_use]
    pub fn write_times(&self) -> WriteTimes {
        self.inner.recent.all()
    }

    /// The registry's status.
    #[must_use]
    pub fn status(&self) -> RegistryStatus {
        let view = self.catalog();
        let inner = &self.inner;
        RegistryStatus {
            position: view.position(),
            documents: view.documents,
            schemas: count(&view, "schemagroups"),
            rules: count(&view, "rulegroups"),
            groups: view.groups.values().map(|groups| groups.len() as u64).sum(),
            hidden: view.hidden.len() as u64,
            waiting: inner.queue.len() as u64,
            writes: inner.writes.load(Ordering::Relaxed),
            write_p99: inner.recent.p99(),
            checkpoint: inner.settings.checkpoint.as_ref().map(|file| file.position()),
            checkpoint_age: inner.settings.checkpoint.as_ref().and_then(|file| file.age()),
            moment: view.moment,
            clock_is_behind: (inner.settings.clock.now)() < view.moment,
        }
    }
}

/// The number of resources in the groups of a type.
fn count(view: &Catalog, groups: &str) -> u64 {
    let found = view.groups.iter().filter(|(plural, _)| plural.as_str() == groups);
    let within = found.flat_map(|(_, all)| all.values());
    within.flat_map(|group| group.resources.values()).map(|all| all.len() as u64).sum()
}
