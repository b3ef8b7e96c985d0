use std::time::{Duration, Instant};

use muster_relay::{breaker::ReceiverBreakerState, delivery::DeliveryEnd};
use muster_words::Xid;
use serde_json::{Value, json};

use super::{
    harness::{Bench, until},
    receiver::{Manner, Receiver},
};

const TARGET: &str = "/targets/t/entries/queue";

/// A target that gets up to five messages in a request, and a route to it.
async fn start(more: &Value) -> (Bench, Receiver) {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    put_target(&bench, &receiver, more).await;
    put_route(&bench, "out").await;
    (bench, receiver)
}

async fn put_target(bench: &Bench, receiver: &Receiver, more: &Value) {
    let mut target = json!({
        "kind": "pubsub", "url": format!("http://{}", receiver.address), "project": "project",
        "topic": "topic", "partition_key": "none", "batch_size": 5, "flush_interval_seconds": 60,
        "retry": {"base_delay_seconds": 0, "jitter_enabled": false},
    });
    target.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bench.put(TARGET, &target.to_string()).await;
}

async fn put_route(bench: &Bench, name: &str) {
    let route = json!({"mode": "unidirectional", "targets": [TARGET],
        "select": {"collections": ["/configs"]}});
    bench.put(&format!("/routes/r/entries/{name}"), &route.to_string()).await;
}

async fn put_documents(bench: &Bench, names: &[&str]) {
    for name in names {
        bench.put(&format!("/configs/a/entries/{name}"), "{}").await;
    }
}

/// How many messages came in each request.
fn counts(receiver: &Receiver) -> Vec<usize> {
    let count = |body: &[u8]| {
        let body: Value = serde_json::from_slice(body).unwrap();
        body["messages"].as_array().map_or(0, Vec::len)
    };
    receiver.got().iter().map(|got| count(&got.body)).collect()
}

fn taken(count: usize) -> Manner {
    let ids: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    Manner::Answer(200, json!({"messageIds": ids}).to_string())
}

fn delivered(bench: &Bench) -> u64 {
    bench.engine.counts().delivered
}

fn state(bench: &Bench) -> (ReceiverBreakerState, u32) {
    let targets = bench.engine.targets();
    let target = targets.iter().find(|target| target.name.to_string() == TARGET).unwrap();
    (target.breaker, target.failures)
}

#[tokio::test]
async fn a_failed_request_counts_once_and_its_deliveries_are_tried_together_again() {
    let (bench, receiver) = start(&json!({"retry": {"base_delay_seconds": 0.05}})).await;
    receiver.next([Manner::Status(500), Manner::Status(500), taken(5)]);
    put_documents(&bench, &["a", "b", "c", "d", "e"]).await;
    until(|| delivered(&bench) == 5).await;
    assert_eq!(counts(&receiver), [5, 5, 5]);
    assert_eq!(state(&bench), (ReceiverBreakerState::Closed, 0));
}

#[tokio::test]
async fn what_may_be_refused_for_its_content_goes_alone_and_a_few_at_once() {
    let refusal = r#"{"error": {"status": "INVALID_ARGUMENT", "message": "one is bad"}}"#;
    let more = json!({"batch_size": 30, "max_in_flight": 60});
    let (bench, receiver) = start(&more).await;
    receiver.takes(Duration::from_millis(20));
    receiver.next([Manner::Answer(400, refusal.to_owned())]);
    receiver.usually(taken(1));
    let names: Vec<String> = (0..30).map(|number| format!("d{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    put_documents(&bench, &names).await;
    until(|| delivered(&bench) == 30).await;
    let counts = counts(&receiver);
    assert_eq!(counts[counts.len() - 30..], [1; 30], "{counts:?}");
    assert!(receiver.most_at_once() <= 10, "{}", receiver.most_at_once());
}

#[tokio::test]
async fn what_waits_in_a_batch_is_not_sent_while_its_target_is_paused() {
    let (bench, receiver) = start(&json!({"batch_size": 3})).await;
    receiver.usually(taken(3));
    put_documents(&bench, &["a", "b"]).await;
    until(|| state_of_flight(&bench) == 2).await;
    let name: Xid = TARGET.parse().unwrap();
    bench.engine.pause(&name).await.unwrap();
    until(|| state_of_flight(&bench) == 0).await;
    put_documents(&bench, &["c"]).await;
    assert_eq!(counts(&receiver), [0; 0]);
    bench.engine.resume(&name).await.unwrap();
    until(|| delivered(&bench) == 3).await;
    assert_eq!(counts(&receiver), [3]);
}

fn state_of_flight(bench: &Bench) -> u32 {
    let targets = bench.engine.targets();
    targets.iter().map(|target| target.in_flight).sum()
}

#[tokio::test]
async fn a_batch_holds_deliveries_of_all_routes_to_its_target_and_goes_on_without_those_that_stop()
{
    let (bench, receiver) = start(&json!({"batch_size": 3})).await;
    put_route(&bench, "other").await;
    receiver.usually(taken(3));
    put_documents(&bench, &["a"]).await;
    until(|| state_of_flight(&bench) == 2).await;
    let began = Instant::now();
    bench.submit(super::harness::delete("/routes/r/entries/other")).await;
    until(|| state_of_flight(&bench) == 1).await;
    // It didn't wait for the end of the batch's time, nor for that of a stop.
    assert!(began.elapsed() < Duration::from_secs(60));
    put_documents(&bench, &["b", "c"]).await;
    until(|| delivered(&bench) == 3).await;
    assert_eq!(counts(&receiver), [3]);
}

#[tokio::test]
async fn a_dead_letter_that_is_replayed_waits_for_no_others() {
    let (bench, receiver) = start(&json!({"batch_size": 2, "retry": {"enabled": false}})).await;
    receiver.next([Manner::Status(500)]);
    put_documents(&bench, &["a", "b"]).await;
    let store = &bench.engine.depot().store;
    let mut letters = Vec::new();
    while letters.len() < 2 {
        letters = store.dead_letters(0, 9, None, None).await.unwrap();
        tokio::task::yield_now().await;
    }
    receiver.usually(taken(1));
    let began = Instant::now();
    assert_eq!(bench.engine.replay(letters[0].id).await.unwrap(), DeliveryEnd::Delivered);
    // A batch would have waited for a minute.
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(counts(&receiver), [2, 1]);
}
