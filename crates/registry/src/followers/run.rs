use std::{sync::Arc, time::Duration};

use muster_history::CommittedCommand;
use muster_journal::{Epoch, Marks, MarksError};
use muster_ledger::Head;
use muster_words::Id;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Follower, FollowerError, FollowerLimits, FollowerState, FollowerStatus, MakeFollower,
    state::ProgressBoard,
};
use crate::{Commands, Registry};

/// A follower with everything that it needs to run.
pub(super) struct Runner {
    pub name: Id,
    pub make: MakeFollower,
    pub registry: Registry,
    pub marks: Arc<dyn Marks>,
    pub limits: FollowerLimits,
    pub board: ProgressBoard,
}

/// How a follower's run ended.
pub(super) enum RunEnd {
    /// The server is stopping.
    Stopped,
    /// Its mark was moved; it continues from the new one.
    Moved,
    /// The ledger doesn't hold its mark.
    MarkForeign,
    /// Another runner has claimed it.
    Fenced,
    /// An error of the follower, of the ledger or of the marks.
    Failed(FollowerError),
}

impl From<MarksError> for RunEnd {
    fn from(error: MarksError) -> Self {
        match error {
            MarksError::Fenced { .. } => Self::Fenced,
            error => Self::Failed(error.into()),
        }
    }
}

/// Commands that were processed since the mark was saved.
struct Unsaved {
    mark: Head,
    count: u32,
    /// When the mark must be saved.
    due: Instant,
}

impl Runner {
    /// The follower's status.
    pub(super) fn status(&self) -> FollowerStatus {
        let progress = *self.board.progress.lock();
        let lag_entries = self.registry.view().position().0.saturating_sub(progress.taken.0);
        let now = (self.registry.inner.settings.clock.now)();
        let lag_since = progress.due.filter(|_| lag_entries > 0);
        let lag_time = lag_since.map_or(0, |since| {
            u64::try_from(now.microseconds() - since.microseconds()).unwrap_or(0)
        });
        FollowerStatus {
            name: self.name.clone(),
            state: progress.state,
            position: progress.taken,
            lag_entries,
            lag_since,
            lag_time: Duration::from_micros(lag_time),
            failures: progress.failures,
        }
    }

    /// Runs the follower until the server stops; restarts it after each error.
    pub(super) async fn run(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        loop {
            let end = self.run_once(&stopping).await;
            let rest = match end {
                RunEnd::Stopped => break,
                RunEnd::Moved => continue,
                RunEnd::MarkForeign => {
                    tracing::error!(
                        follower = %self.name,
                        "the ledger doesn't hold the follower's mark; the follower waits for an operator"
                    );
                    self.board.set_state(FollowerState::MarkForeign);
                    None
                }
                RunEnd::Fenced => {
                    tracing::error!(follower = %self.name, "another server runs the follower");
                    self.board.set_state(FollowerState::Fenced);
                    None
                }
                RunEnd::Failed(error) => Some(self.rest_after(&*error)),
            };
            let rested = async {
                match rest {
                    Some(rest) => sleep(rest).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = is_stopping(&mut stopping) => break,
                () = self.board.moved.notified() => {}
                () = rested => {}
            }
        }
        self.board.set_state(FollowerState::Stopped);
    }

    /// The pause after an error. It doubles with each error in a row.
    fn rest_after(&self, error: &(dyn std::error::Error + 'static)) -> Duration {
        let failures = self.board.failed();
        let FollowerLimits { rest_min, rest_max, .. } = self.limits;
        let rest = rest_min.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(rest_max);
        tracing::warn!(follower = %self.name, failures, ?rest, error, "a follower failed and will restart");
        rest
    }

    /// Creates the follower and runs it to its end, in a task of its own, so that a panic ends only
    /// that task.
    async fn run_once(self: &Arc<Self>, stopping: &watch::Receiver<bool>) -> RunEnd {
        let (runner, stopping) = (self.clone(), stopping.clone());
        // Dropping the set aborts its tasks.
        let mut task = JoinSet::new();
        task.spawn(async move { runner.follow(stopping).await.unwrap_or_else(|end| end) });
        match task.join_next().await {
            Some(Ok(end)) => end,
            Some(Err(error)) => RunEnd::Failed(error.into()),
            None => RunEnd::Stopped,
        }
    }

    async fn follow(&self, mut stopping: watch::Receiver<bool>) -> Result<RunEnd, RunEnd> {
        let epoch = self.marks.claim(&self.name).await?;
        let mark = self.check_mark().await?;
        self.board.set_state(FollowerState::Running);
        let mut commands = self.registry.follow(mark.position);
        let mut follower = (self.make)();
        let mut unsaved = Unsaved { mark, count: 0, due: Instant::now() };
        let end = self.take_all(&mut *follower, &mut commands, &mut unsaved, epoch, &mut stopping);
        let end = end.await?;
        if matches!(end, RunEnd::Stopped) {
            self.save(&mut *follower, &mut unsaved, epoch).await?;
        }
        Ok(end)
    }

    /// The follower's mark, if it belongs to this ledger.
    pub(super) async fn check_mark(&self) -> Result<Head, RunEnd> {
        let mark = self.marks.load(&self.name).await?.unwrap_or(Head::EMPTY);
        self.board.begin(mark.position);
        let is_held = self.registry.inner.holds(mark).await;
        match is_held.map_err(|error| RunEnd::Failed(error.into()))? {
            true => Ok(mark),
            false => Err(RunEnd::MarkForeign),
        }
    }

    /// Hands over one command after another until the run ends.
    async fn take_all(
        &self,
        follower: &mut dyn Follower,
        commands: &mut Commands,
        unsaved: &mut Unsaved,
        epoch: Epoch,
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<RunEnd, RunEnd> {
        loop {
            let page = tokio::select! {
                biased;
                () = is_stopping(stopping) => return Ok(RunEnd::Stopped),
                () = self.board.moved.notified() => return Ok(RunEnd::Moved),
                () = sleep_until(unsaved.due), if unsaved.count > 0 => {
                    self.save(follower, unsaved, epoch).await?;
                    continue;
                }
                page = commands.next() => page.map_err(|error| RunEnd::Failed(error.into()))?,
            };
            for command in page {
                if *stopping.borrow() {
                    return Ok(RunEnd::Stopped);
                }
                self.take(follower, &command, unsaved).await?;
                let is_due = Instant::now() >= unsaved.due;
                if is_due || unsaved.count >= self.limits.unsaved_commands_max {
                    self.save(follower, unsaved, epoch).await?;
                }
            }
        }
    }

    async fn take(
        &self,
        follower: &mut dyn Follower,
        command: &CommittedCommand,
        unsaved: &mut Unsaved,
    ) -> Result<(), RunEnd> {
        if let Some(entry) = command.entries.first() {
            self.board.due(entry.moment);
        }
        follower.take(command).await.map_err(RunEnd::Failed)?;
        self.board.taken(command.position());
        if unsaved.count == 0 {
            unsaved.due = Instant::now() + self.limits.unsaved_time_max;
        }
        (unsaved.mark, unsaved.count) = (command.head, unsaved.count + 1);
        Ok(())
    }

    /// Saves the mark after the follower has made its results durable.
    async fn save(
        &self,
        follower: &mut dyn Follower,
        unsaved: &mut Unsaved,
        epoch: Epoch,
    ) -> Result<(), RunEnd> {
        if unsaved.count > 0 {
            follower.flush().await.map_err(RunEnd::Failed)?;
            self.marks.save(&self.name, epoch, unsaved.mark).await?;
            unsaved.count = 0;
            self.board.saved();
        }
        Ok(())
    }
}

/// Waits for the signal to stop.
async fn is_stopping(stopping: &mut watch::Receiver<bool>) {
    // If the sender is gone, so is the server.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
