//! When marks are saved, and how long a follower that fails pauses.

use muster_registry::ResumeFrom;
use tokio::time::advance;

use super::*;

/// Notes which mark was saved whenever it makes its results durable.
struct DurableFollower {
    marks: Arc<dyn Marks>,
    taken: Position,
    /// What was taken, and the saved mark.
    flushed: Arc<Mutex<Vec<(Position, Position)>>>,
}

#[async_trait]
impl Follower for DurableFollower {
    async fn take(&mut self, command: &CommittedCommand) -> Result<(), FollowerError> {
        self.taken = command.position();
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), FollowerError> {
        let mark = self.marks.load(&id("search")).await?;
        let mark = mark.map_or(Position::ZERO, |mark| mark.position);
        self.flushed.lock().unwrap().push((self.taken, mark));
        Ok(())
    }
}

#[tokio::test]
async fn a_mark_is_saved_only_after_its_results_are_durable() {
    let (registry, marks) = begun(20).await;
    let flushed: Arc<Mutex<Vec<(Position, Position)>>> = Arc::default();
    let make: MakeFollower = {
        let (marks, flushed) = (marks.clone(), flushed.clone());
        Box::new(move || {
            let (marks, flushed) = (marks.clone(), flushed.clone());
            Box::new(DurableFollower { marks, taken: Position::ZERO, flushed })
        })
    };
    let running = Followers::open(&registry, &marks, LIMITS, vec![(id("search"), make)]).await;
    running.start().await;
    caught_up(&running).await;
    running.stop(Duration::from_secs(30)).await;
    let flushed = flushed.lock().unwrap().clone();
    assert!(flushed.len() > 3, "{flushed:?}");
    let mut saved = Position::ZERO;
    for (taken, mark) in flushed {
        assert_eq!(mark, saved, "while what lies up to {taken} is made durable");
        saved = taken;
    }
    assert_eq!(marks.load(&id("search")).await.unwrap().unwrap().position, saved);
}

#[tokio::test(start_paused = true)]
async fn a_mark_is_saved_in_time_also_if_commands_never_cease() {
    let (registry, marks) = begun(1).await;
    let script = FollowerScript::new();
    let limits = FollowerLimits {
        unsaved_commands_max: u32::MAX,
        unsaved_time_max: Duration::from_secs(10),
        ..LIMITS
    };
    let followers = vec![(id("search"), script.maker())];
    let running = Followers::open(&registry, &marks, limits, followers).await;
    running.start().await;
    caught_up(&running).await;
    // Three times the limit, with a command in each quarter of it.
    for _ in 0..12 {
        advance(Duration::from_millis(2_500)).await;
        write(&registry, 1).await;
        caught_up(&running).await;
    }
    let mark = marks.load(&id("search")).await.unwrap().unwrap();
    let taken = script.taken();
    let unsaved = taken.iter().filter(|position| **position > mark.position).count();
    assert!(unsaved <= 5, "{unsaved} commands are unsaved");
}

#[tokio::test]
async fn the_pause_of_one_that_fails_again_and_again_has_a_limit() {
    let (registry, marks) = begun(3).await;
    let script = FollowerScript::new();
    // Without a limit the pauses would take hours.
    *script.fails.lock().unwrap() = (ends(&registry).await[0], 24);
    let followers = followers(&registry, &marks, &script).await;
    followers.start().await;
    caught_up(&followers).await;
    assert_eq!(script.fails.lock().unwrap().1, 0);
}

#[tokio::test]
async fn one_that_began_again_and_has_taken_nothing_since_can_be_moved() {
    let (registry, marks) = begun(6).await;
    let all = ends(&registry).await;
    let script = FollowerScript::new();
    script.halt();
    *script.fails.lock().unwrap() = (all[0], 1);
    let running = followers(&registry, &marks, &script).await;
    running.start().await;
    // It fails once, begins again, and is stuck.
    script.permits.add_permits(1);
    until(&running, |status| {
        status.state == FollowerState::Running && status.failures == 1 && status.lag_since.is_some()
    })
    .await;
    let resumed = running.resume(&id("search"), ResumeFrom::Position(all[2])).await;
    assert_eq!(resumed.unwrap(), all[2]);
    script.go_on();
    caught_up(&running).await;
    running.stop(Duration::from_secs(30)).await;
    assert!(script.taken().ends_with(&all[3..]), "{:?}", script.taken());
}
