use std::time::Duration;

use muster_words::{Id, Moment, Position};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// What a follower is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FollowerState {
    /// It isn't started, or was stopped with the server.
    #[default]
    Stopped,
    /// It takes commands, or waits for them.
    Running,
    /// It had an error and rests before it starts again.
    Failing,
    /// The ledger doesn't hold its mark: it was restored, or replaced. The follower stays where it
    /// is until an operator says where to go on.
    MarkForeign,
    /// Another server runs it. It stays so until an operator says where to go on here.
    Fenced,
}

impl FollowerState {
    /// The state's name, as the API and the metrics give it.
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

/// How a follower is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerStatus {
    /// Its name.
    pub name: Id,
    /// What it is doing.
    pub state: FollowerState,
    /// The last entry that it took.
    pub position: Position,
    /// Entries between it and the head.
    pub lag_entries: u64,
    /// The moment of the command that it takes now or would take next; none where nothing waits,
    /// or that command isn't read yet.
    pub lag_since: Option<Moment>,
    /// How long ago that was.
    pub lag_time: Duration,
    /// Errors since it last took a command.
    pub failures: u32,
}

/// What a follower's task says of it, and how it is woken.
#[derive(Debug, Default)]
pub(super) struct ProgressBoard {
    pub progress: Mutex<FollowerProgress>,
    /// Somebody has moved the mark: begin behind it.
    pub moved: Notify,
}

/// How far a follower has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FollowerProgress {
    pub state: FollowerState,
    pub taken: Position,
    /// The moment of the command that is due.
    pub due: Option<Moment>,
    pub failures: u32,
}

impl ProgressBoard {
    pub(super) fn set_state(&self, state: FollowerState) {
        self.progress.lock().state = state;
    }

    /// It begins behind a position.
    pub(super) fn begin(&self, position: Position) {
        let mut progress = self.progress.lock();
        (progress.taken, progress.due) = (position, None);
    }

    /// A command is about to be taken.
    pub(super) fn due(&self, moment: Moment) {
        self.progress.lock().due = Some(moment);
    }

    /// A command was taken.
    pub(super) fn taken(&self, position: Position) {
        let mut progress = self.progress.lock();
        *progress = FollowerProgress { taken: position, due: None, failures: 0, ..*progress };
    }

    /// It had an error; answers how many there were in a row.
    pub(super) fn failed(&self) -> u32 {
        let mut progress = self.progress.lock();
        progress.state = FollowerState::Failing;
        progress.failures = progress.failures.saturating_add(1);
        progress.failures
    }
}
