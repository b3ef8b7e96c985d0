//! Deliveries to another registry, of which a receiver plays the part.

use muster_catalog::command::{Action, Command, Delete, Target};
use muster_words::Xid;
use serde_json::{Value, json};

use crate::{
    harness::{Bench, post, until},
    receiver::{Manner, Receiver},
};

fn target() -> Xid {
    "/targets/t/entries/peer".parse().unwrap()
}

/// A route of everything in `/configs` to a registry that says who it is, and is then told what to
/// answer.
async fn start() -> (Bench, Receiver) {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    receiver.next([Manner::Answer(200, r#"{"registryid": "peer"}"#.to_owned())]);
    let target = format!(
        r#"{{"kind": "registry", "url": "http://{}", "retry": {{"base_delay_seconds": 0.01}}}}"#,
        receiver.address
    );
    bench.put("/targets/t/entries/peer", &target).await;
    let route = r#"{"mode": "broadcast", "select": {"collections": ["/configs"]}}"#;
    bench.put("/routes/r/entries/out", route).await;
    until(|| !bench.engine.targets().is_empty()).await;
    (bench, receiver)
}

/// The methods of the requests.
fn methods(receiver: &Receiver) -> Vec<String> {
    let line = |line: &str| line.split(' ').next().unwrap().to_owned();
    receiver.got().iter().map(|got| line(&got.line)).collect()
}

#[tokio::test]
async fn a_key_that_may_not_write_is_tried_again_under_the_same_id() {
    let (bench, receiver) = start().await;
    // Each try asks first whether it is a release that compares what both know.
    receiver.next([404, 404, 403, 404, 404, 201].map(Manner::Status));
    receiver.usually(Manner::Status(404));
    let end = bench.put("/configs/a/entries/b", "1").await;
    bench.reached(end).await;
    assert_eq!(methods(&receiver), ["GET", "POST", "GET", "POST", "POST", "GET", "POST"]);
    assert_eq!(bench.engine.links().await.unwrap()[0].dead, 0);
    let got = receiver.got();
    let key = |at: usize| got[at].headers["idempotency-key"].clone();
    assert_eq!(key(3), key(6));
    assert!(key(3).starts_with("msg_"), "{}", key(3));
}

/// What a registry answers that takes everything.
fn taken(registry: &str) -> Manner {
    let report = json!({"registry": registry, "documents": [{"xid": "/", "outcome": "taken"}]});
    Manner::Answer(200, report.to_string())
}

/// The documents that were sent.
fn sent(receiver: &Receiver) -> Vec<Value> {
    let posts = receiver.got().into_iter().filter(|got| got.line.starts_with("POST /sync"));
    let bodies = posts.map(|got| serde_json::from_slice::<Value>(&got.body).unwrap());
    bodies.map(|body| body["documents"][0].clone()).collect()
}

#[tokio::test]
async fn what_was_erased_is_deleted_there_only_if_nothing_took_its_place() {
    for (purged, expect) in [
        // The second version goes on, and is sent with its own change.
        ("/configs/a/entries/b/versions/1", vec![false, false]),
        ("/configs/a/entries/b", vec![true, true, true]),
    ] {
        let (bench, receiver) = start().await;
        bench.engine.pause(&target()).await.unwrap();
        bench.put("/configs/a/entries/b", "1").await;
        bench.submit(post("/configs/a/entries/b", "2")).await;
        let purge = Delete {
            target: Target::Entity(purged.parse().unwrap()),
            chosen: None,
            epoch: None,
            purge: true,
            force: false,
        };
        let end = bench.submit(Command::new(Action::Delete(purge))).await;
        receiver.usually(taken("peer"));
        bench.engine.resume(&target()).await.unwrap();
        bench.reached(end).await;
        let sent = sent(&receiver);
        let deleted: Vec<bool> = sent.iter().map(|one| one["deleted"] == true).collect();
        assert_eq!(deleted, expect, "{purged}");
        let newest = &sent.last().unwrap()["vector"];
        assert_eq!(newest, &json!({"test": end.0}), "{purged}");
    }
}

#[tokio::test]
async fn another_registry_at_the_address_gets_nothing_and_stops_the_link() {
    let (bench, receiver) = start().await;
    receiver.next([taken("peer")]);
    receiver.usually(taken("another"));
    let first = bench.put("/configs/a/entries/b", "1").await;
    bench.reached(first).await;
    bench.put("/configs/a/entries/b", "2").await;
    let mut reason = String::new();
    while reason.is_empty() {
        reason = bench.engine.links().await.unwrap()[0].reason.clone().unwrap_or_default();
        tokio::task::yield_now().await;
    }
    assert!(reason.contains("is another, and it was peer"), "{reason}");
    let links = bench.engine.links().await.unwrap();
    assert_eq!((links[0].dead, links[0].mark), (0, first));
}

#[tokio::test]
async fn what_is_refused_there_is_tried_again_until_what_it_needs_has_arrived() {
    let (bench, receiver) = start().await;
    let refused = json!({"registry": "peer", "documents": [{"xid": "/", "outcome": "refused"}]});
    receiver
        .next([Manner::Answer(200, refused.to_string()), Manner::Answer(200, refused.to_string())]);
    receiver.usually(taken("peer"));
    let end = bench.put("/configs/a/entries/b", "1").await;
    bench.reached(end).await;
    assert_eq!(sent(&receiver).len(), 3);
    assert_eq!(bench.engine.links().await.unwrap()[0].dead, 0);
}
