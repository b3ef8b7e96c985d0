use std::sync::Arc;

use async_trait::async_trait;
use muster_history::CommittedCommand;
use muster_journal::{Ledger, Marks, MemoryLedger, MemoryMarks};
use muster_ledger::Head;
use muster_registry::{Follower, FollowerError, FollowerLimits, Followers, MakeFollower, Registry};
use muster_words::{Digest, Position, json::Value};
use tokio::time::timeout;

use crate::harness::{PATIENCE, Running, open, put};

/// Takes everything.
struct AcceptingFollower;

#[async_trait]
impl Follower for AcceptingFollower {
    async fn take(&mut self, _: &CommittedCommand) -> Result<(), FollowerError> {
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), FollowerError> {
        Ok(())
    }
}

/// A server with a follower whose mark another ledger has.
async fn with_a_foreign_mark() -> Running {
    let (registry, ledger, followers) = with_a_follower().await;
    followers.start().await;
    Running::serve(registry, ledger, None, followers).await
}

/// A server with a follower that isn't started.
pub async fn with_a_stopped_follower() -> Running {
    let (registry, ledger, followers) = with_a_follower().await;
    Running::serve(registry, ledger, None, followers).await
}

async fn with_a_follower() -> (Registry, Arc<dyn Ledger>, Arc<Followers>) {
    let marks: Arc<dyn Marks> = Arc::new(MemoryMarks::new());
    let name = "search".parse().unwrap();
    let epoch = marks.claim(&name).await.unwrap();
    let foreign = Head { position: Position(1), hash: Digest::of(b"another ledger") };
    marks.save(&name, epoch, foreign).await.unwrap();
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger).await;
    let known: Vec<(_, MakeFollower)> = vec![(name, Box::new(|| Box::new(AcceptingFollower)))];
    let followers = Followers::open(&registry, &marks, FollowerLimits::default(), known).await;
    (registry, ledger, Arc::new(followers))
}

async fn state(running: &Running) -> String {
    let status = running.json("GET /status").await;
    let followers = status.get("followers").and_then(Value::as_array).unwrap();
    assert_eq!(followers.len(), 1);
    followers[0].get("state").and_then(Value::as_str).unwrap().to_owned()
}

async fn until(running: &Running, expect: &str) {
    let waiting = async { while state(running).await != expect {} };
    timeout(PATIENCE, waiting).await.unwrap();
}

#[tokio::test]
async fn a_follower_that_waits_for_an_operator_is_shown_and_goes_on_where_one_says() {
    let running = with_a_foreign_mark().await;
    running.submit(put("/providers/cms/entries/a", "{}")).await;
    let head = running.registry.view().position();
    until(&running, "mark_foreign").await;
    let beyond = format!(r#"{{"from":{}}}"#, head.next());
    for (name, body, expect, says) in [
        ("search", r#"{"from":"yesterday"}"#, 400, "parsing_data"),
        ("search", &*beyond, 400, "bad_position"),
        ("other", r#"{"from":"now"}"#, 404, "not_found"),
        ("-", r#"{"from":"now"}"#, 404, "not_found"),
        ("search", r#"{"from":"beginning"}"#, 200, r#""position": 0"#),
    ] {
        let request = format!("POST /followers/{name}/resume");
        let (status, answer) = running.ask(&request, &[], body).await;
        assert_eq!(status, expect, "{name} {body}: {answer}");
        assert!(answer.contains(says), "{name} {body}: {answer}");
    }
    until(&running, "running").await;
    let again = running.ask("POST /followers/search/resume", &[], r#"{"from":"now"}"#).await;
    assert_eq!(again.0, 409, "{}", again.1);
    assert!(again.1.contains("follower_running"), "{}", again.1);
}

#[tokio::test]
async fn a_server_without_followers_shows_none() {
    let running = Running::start().await;
    assert!(running.json("GET /status").await.get("followers").is_none());
    let answer = running.ask("POST /followers/search/resume", &[], r#"{"from":"now"}"#).await;
    assert_eq!(answer.0, 404, "{}", answer.1);
}
