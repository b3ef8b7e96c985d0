use std::{sync::atomic::Ordering, time::Duration};

use muster_catalog::Catalog;
use muster_words::{Moment, Position};

use crate::Registry;

/// What an operator asks of an open registry.
#[derive(Clone, Debug)]
pub struct RegistryStatus {
    /// The newest view's position.
    pub position: Position,
    /// Documents that are there.
    pub documents: u64,
    /// Those of them that are schemas.
    pub schemas: u64,
    /// Those of them that are rules.
    pub rules: u64,
    /// Groups that are there.
    pub groups: u64,
    /// Names of which something is hidden.
    pub hidden: u64,
    /// Commands that wait for the writer.
    pub waiting: u64,
    /// Entries that were appended since the start.
    pub writes: u64,
    /// What 99 of 100 writes of the last minute took at most; none, if there were none.
    pub write_p99: Option<Duration>,
    /// The position of the last checkpoint in its file.
    pub checkpoint: Option<Position>,
    /// How long ago that was written.
    pub checkpoint_age: Option<Duration>,
    /// The last command's moment.
    pub moment: Moment,
    /// Whether the clock is behind the ledger.
    pub clock_is_behind: bool,
}

impl Registry {
    /// How the registry is.
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

/// How many resources lie in the groups of a type.
fn count(view: &Catalog, groups: &str) -> u64 {
    let found = view.groups.iter().filter(|(plural, _)| plural.as_str() == groups);
    let within = found.flat_map(|(_, all)| all.values());
    within.flat_map(|group| group.resources.values()).map(|all| all.len() as u64).sum()
}
