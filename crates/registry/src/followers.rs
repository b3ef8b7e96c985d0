//! Followers: tasks that derive something from the ledger's commands, such as an index or a
//! publication. One runner serves them all.
//!
//! Each follower has a name, a mark in the ledger, and a task. The task hands over the commands
//! after the mark, whole and in order, and saves a new mark when the follower has made its results
//! durable. So each command is handed over at least once, none is left out, and none is repeated
//! after a mark behind it was saved.

mod place;
mod run;
mod state;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use muster_history::CommittedCommand;
use muster_journal::Marks;
use muster_words::Id;
use tokio::{
    sync::{Mutex, watch},
    task::JoinSet,
    time::{Instant, timeout_at},
};

pub use self::{
    place::{PlaceError, ResumeFrom},
    state::{FollowerState, FollowerStatus},
};
use self::{
    run::{RunEnd, Runner},
    state::ProgressBoard,
};
use crate::Registry;

/// Why a follower couldn't process a command. It is logged, and the follower starts again.
pub type FollowerError = Box<dyn std::error::Error + Send + Sync>;

/// Processes the ledger's commands one after another.
///
/// It runs on a thread that also serves requests. Blocking work, or work that uses a processor for
/// long, must run on another thread.
#[async_trait]
pub trait Follower: Send {
    /// Processes the next command.
    ///
    /// Commands arrive in the ledger's order, beginning after the saved mark. After a crash or an
    /// error, commands since the last saved mark are repeated.
    ///
    /// # Errors
    /// The command couldn't be processed. The follower is dropped; after a pause, a new one starts
    /// after the saved mark.
    async fn take(&mut self, command: &CommittedCommand) -> Result<(), FollowerError>;

    /// Makes the results so far durable. Afterwards the mark is saved.
    ///
    /// # Errors
    /// As [`Follower::take`].
    async fn flush(&mut self) -> Result<(), FollowerError>;
}

/// Creates a follower: at the start, and again after each error.
pub type MakeFollower = Box<dyn Fn() -> Box<dyn Follower> + Send + Sync>;

/// How often marks are saved, and how long a failing follower pauses.
#[derive(Clone, Copy, Debug)]
pub struct FollowerLimits {
    /// The most commands before the mark is saved. At most this many are repeated after a crash.
    pub unsaved_commands_max: u32,
    /// The longest time before the mark is saved. Each save syncs the disk that also holds the
    /// ledger, so saves should be rare.
    pub unsaved_time_max: Duration,
    /// The pause after the first error. It doubles with each further error.
    pub rest_min: Duration,
    /// The longest pause.
    pub rest_max: Duration,
}

impl Default for FollowerLimits {
    fn default() -> Self {
        Self {
            unsaved_commands_max: 4_096,
            unsaved_time_max: Duration::from_secs(1),
            rest_min: Duration::from_millis(100),
            rest_max: Duration::from_secs(60),
        }
    }
}

/// The followers of a registry.
#[derive(Default)]
pub struct Followers {
    known: BTreeMap<Id, Arc<Runner>>,
    stopping: watch::Sender<bool>,
    running: Mutex<JoinSet<()>>,
}

impl Followers {
    /// Followers by name, with their saved marks. None of them runs yet.
    pub async fn open(
        registry: &Registry,
        marks: &Arc<dyn Marks>,
        limits: FollowerLimits,
        followers: Vec<(Id, MakeFollower)>,
    ) -> Self {
        let mut known = BTreeMap::new();
        for (name, make) in followers {
            let (registry, marks, board) =
                (registry.clone(), marks.clone(), ProgressBoard::default());
            let runner = Runner { name: name.clone(), make, registry, marks, limits, board };
            // Other faults are reported when it runs.
            if let Err(RunEnd::MarkForeign) = runner.check_mark().await {
                runner.board.set_state(FollowerState::MarkForeign);
            }
            known.insert(name, Arc::new(runner));
        }
        Self { known, stopping: watch::Sender::new(false), running: Mutex::default() }
    }

    /// Starts all of them.
    pub async fn start(&self) {
        let mut running = self.running.lock().await;
        for runner in self.known.values() {
            running.spawn(runner.clone().run(self.stopping.subscribe()));
        }
    }

    /// The status of each follower, by name.
    #[must_use]
    pub fn status(&self) -> Vec<FollowerStatus> {
        self.known.values().map(|runner| runner.status()).collect()
    }

    /// Lets each follower finish its current command and save its mark. A follower that takes
    /// longer is aborted; its commands since the mark will be repeated. Dropping this future aborts
    /// none.
    pub async fn stop(&self, grace: Duration) {
        let end = Instant::now() + grace;
        self.stopping.send_replace(true);
        let mut running = self.running.lock().await;
        while let Ok(Some(_)) = timeout_at(end, running.join_next()).await {}
        if !running.is_empty() {
            tracing::warn!(
                count = running.len(),
                "followers were aborted because they didn't stop in time"
            );
            running.abort_all();
        }
    }
}
