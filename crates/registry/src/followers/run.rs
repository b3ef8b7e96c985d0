use std::{sync::Arc, time::Duration};

use muster_history::Committed;
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

/// One follower with all that it needs to run.
pub(super) struct Runner {
    pub name: Id,
    pub make: MakeFollower,
    pub registry: Registry,
    pub marks: Arc<dyn Marks>,
    pub limits: FollowerLimits,
    pub board: ProgressBoard,
}

/// How a follower's run has ended.
pub(super) enum End {
    /// The server stops.
    Stopped,
    /// Its mark was moved: it begins behind the new one.
    Moved,
    /// The ledger doesn't hold its mark.
    MarkForeign,
    /// Somebody else has claimed it.
    Fenced,
    /// An error of the follower's, of the ledger's or of the marks'.
    Failed(FollowerError),
}

impl From<MarksError> for End {
    fn from(error: MarksError) -> Self {
        match error {
            MarksError::Fenced { .. } => Self::Fenced,
            error => Self::Failed(error.into()),
        }
    }
}

/// Commands that were taken since the mark was saved.
struct Unsaved {
    mark: Head,
    count: u32,
    /// When the mark is to be saved at the latest.
    due: Instant,
}

impl Runner {
    /// How the follower is.
    pub(super) fn status(&self) -> FollowerStatus {
        let progress = *self.board.progress.lock();
        let behind = self.registry.view().position().0.saturating_sub(progress.taken.0);
        let now = (self.registry.heart.settings.clock.now)();
        let behind_since = progress.due.filter(|_| behind > 0);
        let behind_for = behind_since.map_or(0, |since| {
            u64::try_from(now.microseconds() - since.microseconds()).unwrap_or(0)
        });
        FollowerStatus {
            name: self.name.clone(),
            state: progress.state,
            position: progress.taken,
            behind,
            behind_since,
            behind_for: Duration::from_micros(behind_for),
            failures: progress.failures,
        }
    }

    /// Runs the follower until the server stops, again after each error.
    pub(super) async fn run(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        loop {
            let end = self.run_once(&stopping).await;
            let rest = match end {
                End::Stopped => break,
                End::Moved => continue,
                End::MarkForeign => {
                    tracing::error!(
                        follower = %self.name,
                        "the ledger doesn't hold the follower's mark: it waits for an operator"
                    );
                    self.board.set_state(FollowerState::MarkForeign);
                    None
                }
                End::Fenced => {
                    tracing::error!(follower = %self.name, "another server runs the follower");
                    self.board.set_state(FollowerState::Fenced);
                    None
                }
                End::Failed(error) => Some(self.rest_after(&*error)),
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

    /// How long to rest after an error: twice as long after each further one in a row.
    fn rest_after(&self, error: &(dyn std::error::Error + 'static)) -> Duration {
        let failures = self.board.failed();
        let FollowerLimits { rest_min, rest_max, .. } = self.limits;
        let rest = rest_min.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(rest_max);
        tracing::warn!(follower = %self.name, failures, ?rest, error, "a follower begins again");
        rest
    }

    /// Makes the follower and runs it until something ends it, in a task of its own: a panic ends
    /// no more than that.
    async fn run_once(self: &Arc<Self>, stopping: &watch::Receiver<bool>) -> End {
        let (runner, stopping) = (self.clone(), stopping.clone());
        // A set ends its tasks when it is dropped.
        let mut task = JoinSet::new();
        task.spawn(async move { runner.follow(stopping).await.unwrap_or_else(|end| end) });
        match task.join_next().await {
            Some(Ok(end)) => end,
            Some(Err(error)) => End::Failed(error.into()),
            None => End::Stopped,
        }
    }

    async fn follow(&self, mut stopping: watch::Receiver<bool>) -> Result<End, End> {
        let epoch = self.marks.claim(&self.name).await?;
        let mark = self.look().await?;
        self.board.set_state(FollowerState::Running);
        let mut commands = self.registry.follow(mark.position);
        let mut follower = (self.make)();
        let mut unsaved = Unsaved { mark, count: 0, due: Instant::now() };
        let end = self.take_all(&mut *follower, &mut commands, &mut unsaved, epoch, &mut stopping);
        let end = end.await?;
        if matches!(end, End::Stopped) {
            self.save(&mut *follower, &mut unsaved, epoch).await?;
        }
        Ok(end)
    }

    /// The follower's mark, if it is one of this ledger's.
    pub(super) async fn look(&self) -> Result<Head, End> {
        let mark = self.marks.load(&self.name).await?.unwrap_or(Head::EMPTY);
        self.board.begin(mark.position);
        let is_held = self.registry.heart.holds(mark).await;
        match is_held.map_err(|error| End::Failed(error.into()))? {
            true => Ok(mark),
            false => Err(End::MarkForeign),
        }
    }

    /// Gives the follower one command after another until it is to end.
    async fn take_all(
        &self,
        follower: &mut dyn Follower,
        commands: &mut Commands,
        unsaved: &mut Unsaved,
        epoch: Epoch,
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<End, End> {
        loop {
            let page = tokio::select! {
                biased;
                () = is_stopping(stopping) => return Ok(End::Stopped),
                () = self.board.moved.notified() => return Ok(End::Moved),
                () = sleep_until(unsaved.due), if unsaved.count > 0 => {
                    self.save(follower, unsaved, epoch).await?;
                    continue;
                }
                page = commands.next() => page.map_err(|error| End::Failed(error.into()))?,
            };
            for command in page {
                if *stopping.borrow() {
                    return Ok(End::Stopped);
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
        command: &Committed,
        unsaved: &mut Unsaved,
    ) -> Result<(), End> {
        if let Some(entry) = command.entries.first() {
            self.board.due(entry.moment);
        }
        follower.take(command).await.map_err(End::Failed)?;
        self.board.taken(command.position());
        if unsaved.count == 0 {
            unsaved.due = Instant::now() + self.limits.unsaved_time_max;
        }
        (unsaved.mark, unsaved.count) = (command.head, unsaved.count + 1);
        Ok(())
    }

    /// Saves the mark of what was taken, once the follower has made it last.
    async fn save(
        &self,
        follower: &mut dyn Follower,
        unsaved: &mut Unsaved,
        epoch: Epoch,
    ) -> Result<(), End> {
        if unsaved.count > 0 {
            follower.settle().await.map_err(End::Failed)?;
            self.marks.save(&self.name, epoch, unsaved.mark).await?;
            unsaved.count = 0;
        }
        Ok(())
    }
}

/// Waits for the word to stop.
async fn is_stopping(stopping: &mut watch::Receiver<bool>) {
    // Where nobody can say it any more, the server is gone.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
