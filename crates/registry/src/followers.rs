//! Followers: what is made from the commands of the ledger and kept elsewhere, such as an index
//! or a publication. One runner serves them all.
//!
//! Each follower has a name, a mark that says how far it has come, and a task. The task gives it
//! the commands behind its mark, whole and in order, and saves the mark when the follower says
//! that what it took will last. So each command is taken at least once, none is left out, and none
//! comes again once a mark behind it was saved.

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

/// Why a follower couldn't take a command. It is logged, and the follower starts again.
pub type FollowerError = Box<dyn std::error::Error + Send + Sync>;

/// Takes the commands of the ledger one after another.
///
/// It runs on a thread that serves requests, so what takes a processor for long, or blocks, belongs
/// on another.
#[async_trait]
pub trait Follower: Send {
    /// Takes the next command, all of it.
    ///
    /// Commands come in the order of the ledger. The first one is the one behind the saved mark,
    /// so those that were taken after the mark was saved come again after a crash or an error.
    ///
    /// # Errors
    /// The command couldn't be taken. The follower is dropped, made anew after a while, and begins
    /// behind its mark.
    async fn take(&mut self, command: &CommittedCommand) -> Result<(), FollowerError>;

    /// Makes what was taken so far last. After it, the mark is saved.
    ///
    /// # Errors
    /// As [`Follower::take`].
    async fn flush(&mut self) -> Result<(), FollowerError>;
}

/// Makes a follower anew: at the start, and after an error.
pub type MakeFollower = Box<dyn Fn() -> Box<dyn Follower> + Send + Sync>;

/// How often marks are saved, and how long a follower that fails rests.
#[derive(Clone, Copy, Debug)]
pub struct FollowerLimits {
    /// Commands that are taken before the mark is saved: so many come again after a crash, at most.
    pub unsaved_commands_max: u32,
    /// How long a command that was taken waits for its mark to be saved. Each save is a sync of the
    /// disk that the ledger is on, so they should be few.
    pub unsaved_time_max: Duration,
    /// How long a follower rests after its first error; it doubles with each further one.
    pub rest_min: Duration,
    /// How long it rests at most.
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
    /// Followers by name, none of which runs yet, with the marks that they have.
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
            // What else is wrong is met, and said, when it runs.
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

    /// How each of them is, by name.
    #[must_use]
    pub fn status(&self) -> Vec<FollowerStatus> {
        self.known.values().map(|runner| runner.status()).collect()
    }

    /// Lets each finish the command that it takes and save its mark. One that hasn't ended by then
    /// is cut off: what it took since its mark comes again. Dropping the future cuts off none.
    pub async fn stop(&self, grace: Duration) {
        let end = Instant::now() + grace;
        self.stopping.send_replace(true);
        let mut running = self.running.lock().await;
        while let Ok(Some(_)) = timeout_at(end, running.join_next()).await {}
        if !running.is_empty() {
            tracing::warn!(
                count = running.len(),
                "followers are cut off: they didn't stop in time"
            );
            running.abort_all();
        }
    }
}
