//! Deliveries to another registry, of which a receiver plays the part.

use muster_catalog::command::{Action, Command, Delete, Target};
use muster_words::Xid;

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
    receiver.next([
        Manner::Status(404),
        Manner::Status(403),
        Manner::Status(404),
        Manner::Status(201),
    ]);
    receiver.usually(Manner::Status(404));
    let end = bench.put("/configs/a/entries/b", "1").await;
    bench.reached(end).await;
    assert_eq!(methods(&receiver), ["GET", "GET", "POST", "GET", "POST"]);
    assert_eq!(bench.engine.links().await.unwrap()[0].dead, 0);
    let got = receiver.got();
    let key = |at: usize| got[at].headers["idempotency-key"].clone();
    assert_eq!(key(2), key(4));
    assert!(key(2).starts_with("msg_"), "{}", key(2));
}

#[tokio::test]
async fn what_was_erased_is_deleted_there_only_if_nothing_took_its_place() {
    for (purged, expect) in [
        // The second version goes on, and is sent with its own change.
        ("/configs/a/entries/b/versions/1", vec!["POST", "POST"]),
        ("/configs/a/entries/b", vec!["DELETE", "DELETE", "DELETE"]),
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
        receiver.usually(Manner::Status(200));
        bench.engine.resume(&target()).await.unwrap();
        bench.reached(end).await;
        let methods = methods(&receiver);
        let writes: Vec<_> = methods.iter().filter(|method| *method != "GET").collect();
        assert_eq!(writes, expect, "{purged}");
    }
}
