use std::sync::atomic::Ordering;

use muster_words::{Moment, Position};

use crate::Registry;

/// What an operator asks of an open registry.
#[derive(Clone, Debug)]
pub struct Status {
    /// The newest view's position.
    pub position: Position,
    /// Documents that are there.
    pub documents: u64,
    /// Groups that are there.
    pub groups: u64,
    /// Names of which something is hidden.
    pub hidden: u64,
    /// Commands that wait for the writer.
    pub waiting: u64,
    /// Entries that were appended since the start.
    pub writes: u64,
    /// The position of the last checkpoint in its file.
    pub checkpoint: Option<Position>,
    /// The last command's moment.
    pub moment: Moment,
    /// Whether the clock is behind the ledger.
    pub clock_is_behind: bool,
}

impl Registry {
    /// How the registry is.
    #[must_use]
    pub fn status(&self) -> Status {
        let view = self.view();
        let heart = &self.heart;
        Status {
            position: view.position(),
            documents: view.documents,
            groups: view.groups.values().map(|groups| groups.len() as u64).sum(),
            hidden: view.hidden.len() as u64,
            waiting: heart.queue.len() as u64,
            writes: heart.writes.load(Ordering::Relaxed),
            checkpoint: heart.settings.checkpoint.as_ref().map(|file| file.position()),
            moment: view.moment,
            clock_is_behind: (heart.settings.clock.now)() < view.moment,
        }
    }
}
