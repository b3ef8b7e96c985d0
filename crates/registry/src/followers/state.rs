use std::time::Duration;

use muster_words::{Id, Moment, Position};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What a follower is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FollowerState {
    /// It hasn't been started, or stopped with the server.
    #[default]
    Stopped,
    /// It processes commands, or waits for them.
    Running,
    /// An error occurred; it pauses before it restarts.
    Failing,
    /// The ledger doesn't hold its mark, because the ledger was restored or replaced. The follower
    /// waits until an operator resumes it.
    MarkForeign,
    /// Another server runs it. It waits until an operator resumes it here.
    Fenced,
}

impl FollowerState {
    /// The state's name in the API and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Running => "running",
            Self::Failing => "failing",
            Self::MarkForeign => "mark_foreign",
            Self::Fenced => "fenced",
        }
    }
}

/// The status of a follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerStatus {
    /// Its name.
    pub name: Id,
    /// What it is doing.
    pub state: FollowerState,
    /// The last entry that it processed.
    pub position: Position,
    /// The number of entries after it.
    pub lag_entries: u64,
    /// The moment of its current or next command; none if nothing waits, or if that command wasn't
    /// read yet.
    pub lag_since: Option<Moment>,
    /// How long ago that was.
    pub lag_time: Duration,
    /// Errors since it last saved its mark.
    pub failures: u32,
}

/// The progress that a follower's task reports, and the signal that wakes it.
#[derive(Debug, Default)]
pub(super) struct ProgressBoard {
    pub progress: Mutex<FollowerProgress>,
    /// Signals that the mark was moved.
    pub moved: Notify,
}

/// A follower's progress.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FollowerProgress {
    pub state: FollowerState,
    pub taken: Position,
    /// The moment of the next command.
    pub due: Option<Moment>,
    pub failures: u32,
}

impl ProgressBoard {
    pub(super) fn set_state(&self, state: FollowerState) {
        self.progress.lock().state = state;
    }

    /// It starts after a position.
    pub(super) fn begin(&self, position: Position) {
        let mut progress = self.progress.lock();
        (progress.taken, progress.due) = (position, None);
    }

    /// It is about to process a command.
    pub(super) fn due(&self, moment: Moment) {
        self.progress.lock().due = Some(moment);
    }

    /// It processed a command.
    pub(super) fn taken(&self, position: Position) {
        let mut progress = self.progress.lock();
        *progress = FollowerProgress { taken: position, due: None, ..*progress };
    }

    /// It saved its mark. Until then an error may come again with the commands after the mark.
    pub(super) fn saved(&self) {
        self.progress.lock().failures = 0;
    }

    /// It failed. Returns the number of errors in a row.
    pub(super) fn failed(&self) -> u32 {
        let mut progress = self.progress.lock();
        progress.state = FollowerState::Failing;
        progress.failures = progress.failures.saturating_add(1);
        progress.failures
    }
}
