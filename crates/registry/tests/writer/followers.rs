//! Who follows the ledger takes every command, in order, whatever happens to it.

mod kills;
mod pauses;
mod places;
mod sources;

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use muster_history::CommittedCommand;
use muster_journal::{Marks, MemoryLedger, MemoryMarks};
use muster_ledger::Head;
use muster_registry::{
    Follower, FollowerError, FollowerLimits, FollowerState, FollowerStatus, Followers, MakeFollower,
};
use muster_words::{Id, Position};
use tokio::sync::Semaphore;

use super::*;
use crate::commands::*;

/// Marks are saved often, and a follower that fails rests shortly.
const LIMITS: FollowerLimits = FollowerLimits {
    unsaved_commands_max: 4,
    unsaved_time_max: Duration::from_millis(20),
    rest_min: Duration::from_millis(1),
    rest_max: Duration::from_millis(8),
};

fn id(name: &str) -> Id {
    name.parse().unwrap()
}

/// What followers of one name did, and what they are to do.
#[derive(Clone)]
struct FollowerScript {
    taken: Arc<Mutex<Vec<Position>>>,
    /// Each command takes a permit.
    permits: Arc<Semaphore>,
    /// The command that fails, as often as is said; a panic every other time.
    fails: Arc<Mutex<(Position, u32)>>,
}

impl FollowerScript {
    fn new() -> Self {
        let fails = Arc::new(Mutex::new((Position::ZERO, 0)));
        let permits = Arc::new(Semaphore::new(1_000_000));
        Self { taken: Arc::default(), permits, fails }
    }

    fn taken(&self) -> Vec<Position> {
        self.taken.lock().unwrap().clone()
    }

    fn maker(&self) -> MakeFollower {
        let script = self.clone();
        Box::new(move || Box::new(script.clone()))
    }

    /// No command is taken before it is let go on.
    fn halt(&self) {
        self.permits.forget_permits(usize::MAX);
    }

    fn go_on(&self) {
        self.permits.add_permits(1_000_000);
    }
}

#[async_trait]
impl Follower for FollowerScript {
    async fn take(&mut self, command: &CommittedCommand) -> Result<(), FollowerError> {
        self.permits.acquire().await?.forget();
        let position = command.position();
        let is_panic = {
            let mut fails = self.fails.lock().unwrap();
            let fails_now = fails.0 == position && fails.1 > 0;
            fails.1 -= u32::from(fails_now);
            fails_now.then(|| fails.1 % 2 == 1)
        };
        match is_panic {
            Some(true) => panic!("the follower was told to panic"),
            Some(false) => return Err("the follower was told to fail".into()),
            None => self.taken.lock().unwrap().push(position),
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), FollowerError> {
        Ok(())
    }
}

async fn followers(
    registry: &Registry,
    marks: &Arc<dyn Marks>,
    script: &FollowerScript,
) -> Followers {
    Followers::open(registry, marks, LIMITS, vec![(id("search"), script.maker())]).await
}

fn status(followers: &Followers) -> FollowerStatus {
    followers.status().remove(0)
}

/// Waits until a follower is as it should be.
async fn until(followers: &Followers, is_so: impl Fn(&FollowerStatus) -> bool) -> FollowerStatus {
    let waiting = async {
        loop {
            let status = status(followers);
            if is_so(&status) {
                return status;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap()
}

/// Waits until the follower has taken all there is.
async fn caught_up(followers: &Followers) {
    until(followers, |status| status.state == FollowerState::Running && status.lag_entries == 0)
        .await;
}

/// The positions at which the ledger's commands end.
async fn ends(registry: &Registry) -> Vec<Position> {
    let mut ends: Vec<Position> = Vec::new();
    loop {
        let after = ends.last().copied().unwrap_or(Position::ZERO);
        let page = registry.commands_after(after).await.unwrap();
        if page.is_empty() {
            return ends;
        }
        ends.extend(page.iter().map(CommittedCommand::position));
    }
}

async fn write(registry: &Registry, count: u32) {
    for number in 0..count {
        let name = format!("/configs/app/entries/e{}", number % 7);
        registry.submit(put(&name, &format!("[{number}]")), &by()).await.unwrap();
    }
}

/// A registry in memory whose ledger has commands already.
async fn begun(count: u32) -> (Registry, Arc<dyn Marks>) {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    write(&registry, count).await;
    (registry, Arc::new(MemoryMarks::new()))
}

#[tokio::test]
async fn takes_every_command_once_and_goes_on_behind_its_mark() {
    let (registry, marks) = begun(10).await;
    let script = FollowerScript::new();
    for round in 0..4 {
        let followers = followers(&registry, &marks, &script).await;
        assert_eq!(status(&followers).state, FollowerState::Stopped);
        followers.start().await;
        write(&registry, 5 * round).await;
        caught_up(&followers).await;
        followers.stop(Duration::from_secs(30)).await;
        assert_eq!(status(&followers).state, FollowerState::Stopped);
        write(&registry, 3).await;
    }
    let expect = ends(&registry).await;
    assert_eq!(script.taken(), expect[..expect.len() - 3], "each once: every stop was clean");
    let last = marks.load(&id("search")).await.unwrap().unwrap();
    assert_eq!(Some(&last.position), script.taken().last());
}

#[tokio::test]
async fn one_that_fails_begins_again_behind_its_mark_and_leaves_nothing_out() {
    let (registry, marks) = begun(20).await;
    let script = FollowerScript::new();
    let all = ends(&registry).await;
    *script.fails.lock().unwrap() = (all[10], 7);
    let followers = followers(&registry, &marks, &script).await;
    followers.start().await;
    caught_up(&followers).await;
    assert_eq!(script.fails.lock().unwrap().1, 0);
    let mut taken = script.taken();
    assert!(taken.len() > all.len(), "those behind the mark came again");
    // Whatever came again lies behind a mark that was saved after each fourth.
    assert!(taken.len() <= all.len() + 7 * 4, "{taken:?}");
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken, all);
    until(&followers, |status| status.failures == 0).await;
}

#[tokio::test]
async fn one_that_fails_behind_commands_that_it_takes_again_and_again_pauses_longer_each_time() {
    let (registry, marks) = begun(20).await;
    let script = FollowerScript::new();
    *script.fails.lock().unwrap() = (ends(&registry).await[10], 6);
    let limits = FollowerLimits {
        unsaved_commands_max: 100,
        unsaved_time_max: Duration::from_secs(1),
        ..LIMITS
    };
    let followers = vec![(id("search"), script.maker())];
    let followers = Followers::open(&registry, &marks, limits, followers).await;
    followers.start().await;
    until(&followers, |status| status.failures == 6).await;
    caught_up(&followers).await;
    until(&followers, |status| status.failures == 0).await;
    assert!(marks.load(&id("search")).await.unwrap().is_some());
}

#[tokio::test]
async fn one_that_is_stuck_slows_no_write_and_shows_its_lag() {
    let (registry, marks) = begun(3).await;
    let script = FollowerScript::new();
    script.halt();
    let followers = followers(&registry, &marks, &script).await;
    followers.start().await;
    let first = until(&followers, |status| status.lag_since.is_some()).await;
    assert_eq!((first.state, first.position), (FollowerState::Running, Position::ZERO));
    write(&registry, 2_000).await;
    let stuck = status(&followers);
    assert_eq!(stuck.lag_entries, registry.view().position().0);
    assert_eq!(stuck.lag_since, first.lag_since, "since the first that it didn't take");
    assert!(stuck.lag_time > first.lag_time);
    script.go_on();
    caught_up(&followers).await;
    assert_eq!(status(&followers).lag_since, None);
    assert_eq!(script.taken(), ends(&registry).await);
}

#[tokio::test]
async fn a_stop_waits_for_the_command_in_the_middle_and_saves_its_mark() {
    let (registry, marks) = begun(5).await;
    let script = FollowerScript::new();
    script.halt();
    let running = followers(&registry, &marks, &script).await;
    running.start().await;
    until(&running, |status| status.lag_since.is_some()).await;
    let stopping = async {
        running.stop(Duration::from_secs(60)).await;
    };
    let going_on = async {
        tokio::task::yield_now().await;
        script.go_on();
    };
    tokio::join!(stopping, going_on);
    let first = ends(&registry).await[0];
    assert_eq!(script.taken(), [first], "that one and no more");
    assert_eq!(marks.load(&id("search")).await.unwrap().unwrap().position, first);
}

#[tokio::test]
async fn a_stop_cuts_off_who_takes_too_long_and_the_command_comes_again() {
    let (registry, marks) = begun(5).await;
    let script = FollowerScript::new();
    script.halt();
    let running = followers(&registry, &marks, &script).await;
    running.start().await;
    until(&running, |status| status.lag_since.is_some()).await;
    running.stop(Duration::from_millis(10)).await;
    assert_eq!(marks.load(&id("search")).await.unwrap(), None);
    script.go_on();
    tokio::task::yield_now().await;
    assert_eq!(script.taken(), [], "it was cut off");
    let again = followers(&registry, &marks, &script).await;
    again.start().await;
    caught_up(&again).await;
    assert_eq!(script.taken(), ends(&registry).await);
}
