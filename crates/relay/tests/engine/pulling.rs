//! The way back of a route in both directions, from another registry whose part a receiver plays.

use std::time::Duration;

use muster_words::Xid;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    harness::{Bench, put_group, until},
    receiver::{Manner, Receiver},
};

fn answer(body: &Value) -> Manner {
    Manner::Answer(200, body.to_string())
}

/// What the other registry says of a document.
fn document(xid: &str) -> Value {
    json!({
        "xid": xid, "vector": {"peer": 5},
        "origin": {"registry": "peer", "position": 5, "time": "2026-11-21T10:12:03Z"},
        "state": "stable", "contenttype": "application/json", "text": "1",
    })
}

/// A route in both directions of these collections, to a registry that lists these names and answers
/// with these documents.
async fn start(select: &str, listed: &[(&str, Value)]) -> (Bench, Receiver) {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    let names = listed.iter().map(|(xid, _)| json!({"xid": xid, "vector": {"peer": 5}}));
    let names: Vec<Value> = names.collect();
    let page = json!({"registry": "peer", "position": 5, "head": 5, "documents": names});
    receiver.at("GET /sync?", answer(&page));
    for (xid, document) in listed {
        let state = json!({"registry": "peer", "document": document});
        receiver.at(&format!("GET /sync{xid} "), answer(&state));
    }
    receiver.usually(Manner::Answer(200, r#"{"registryid": "peer"}"#.to_owned()));
    let target = format!(
        r#"{{"kind": "registry", "url": "http://{}", "timeout_seconds": 4}}"#,
        receiver.address
    );
    bench.put("/targets/t/entries/peer", &target).await;
    let route = format!(
        r#"{{"mode": "bidirectional", "targets": ["/targets/t/entries/peer"], "from": "beginning",
            "select": {select}}}"#
    );
    bench.put("/routes/r/entries/both", &route).await;
    (bench, receiver)
}

fn has(bench: &Bench, xid: &str) -> bool {
    bench.registry.view().version_at(&xid.parse::<Xid>().unwrap()).is_some()
}

#[tokio::test]
async fn nothing_is_taken_but_what_was_asked_for_and_one_bad_answer_stops_no_other() {
    let mut newer = document("/configs/web/entries/newer");
    newer["more"] = json!(true);
    let listed = [
        ("/configs/web/entries/a", document("/targets/evil/entries/x")),
        ("/configs/web/entries/b", document("/configs/private/entries/x")),
        ("/configs/web/entries/c", document("/configs/web/entries/good")),
        ("/configs/web/entries/newer", newer),
        ("/configs/private/entries/y", document("/configs/private/entries/y")),
        ("/publications/web/entries/y", document("/publications/web/entries/y")),
        ("/configs/web/entries/good", document("/configs/web/entries/good")),
    ];
    let select = r#"{"collections": ["/configs/web", "/publications"], "events": ["deleted"]}"#;
    let (bench, receiver) = start(select, &listed).await;
    until(|| has(&bench, "/configs/web/entries/good")).await;
    let fetched = || receiver.got().iter().filter(|got| got.line.starts_with("GET /sync/")).count();
    // Those that wait were asked for again.
    until(|| fetched() > 10).await;
    for xid in [
        "/targets/evil/entries/x",
        "/configs/private/entries/x",
        "/configs/private/entries/y",
        "/publications/web/entries/y",
        "/configs/web/entries/newer",
    ] {
        assert!(!has(&bench, xid), "{xid}");
    }
    let asked = receiver.got();
    for unasked in ["/configs/private", "/publications"] {
        let line = format!("GET /sync{unasked}");
        assert!(!asked.iter().any(|got| got.line.starts_with(&line)), "{unasked}");
    }
}

#[tokio::test]
async fn a_registry_that_does_not_wait_is_not_asked_all_the_time() {
    // Nothing can be asked before this, and a slow machine only makes the time longer.
    let began = Instant::now();
    let (_bench, receiver) = start(r#"{"collections": ["/configs"]}"#, &[]).await;
    let asked = || receiver.got().iter().filter(|got| got.line.starts_with("GET /sync?")).count();
    until(|| asked() >= 7).await;
    // The first three ask who it is, bring something new, and bring nothing new.
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    // It is asked to wait half of the time that the target has.
    assert!(receiver.got().iter().any(|got| got.line.contains("wait=2")));
}

#[tokio::test]
async fn a_long_command_is_asked_for_page_by_page() {
    let (bench, receiver) = start(r#"{"collections": ["/configs"]}"#, &[]).await;
    let listed = ["a", "b"].map(|name| format!("/configs/web/entries/{name}"));
    for xid in &listed {
        let state = json!({"registry": "peer", "document": document(xid)});
        receiver.at(&format!("GET /sync{xid} "), answer(&state));
    }
    let page = |position: u64, index: u64, names: &[&String]| {
        let names = names.iter().map(|xid| json!({"xid": xid, "vector": {"peer": 6}}));
        let names: Vec<Value> = names.collect();
        answer(&json!({"registry": "peer", "position": position, "index": index, "head": 6,
                       "documents": names}))
    };
    receiver.at("GET /sync?after=5&index=1&", page(6, 0, &[&listed[1]]));
    receiver.at("GET /sync?after=6&", page(6, 0, &[]));
    receiver.at("GET /sync?after=5&", page(5, 1, &[&listed[0]]));
    until(|| has(&bench, &listed[0]) && has(&bench, &listed[1])).await;
    until(|| receiver.got().iter().any(|got| got.line.starts_with("GET /sync?after=6&wait"))).await;
}

#[tokio::test]
async fn a_family_selects_what_is_fetched_as_what_is_sent() {
    let listed = ["services", "others"].map(|group| format!("/entities/{group}/entries/a"));
    let listed = [0, 1].map(|at| (listed[at].as_str(), document(&listed[at])));
    let (bench, receiver) = start(r#"{"classes": ["platform"]}"#, &[]).await;
    let family = json!({"classification": "platform"});
    bench.submit(put_group("/entities/services", &family, 0)).await;
    // Only now there is something to fetch.
    let names = listed.each_ref().map(|(xid, _)| json!({"xid": xid, "vector": {"peer": 6}}));
    let page = json!({"registry": "peer", "position": 6, "head": 6, "documents": names});
    for (xid, document) in &listed {
        let state = json!({"registry": "peer", "document": document});
        receiver.at(&format!("GET /sync{xid} "), answer(&state));
    }
    receiver.at("GET /sync?", answer(&page));
    until(|| has(&bench, listed[0].0)).await;
    // Then both were looked at.
    until(|| receiver.got().iter().any(|got| got.line.starts_with("GET /sync?after=6&"))).await;
    let line = format!("GET /sync{} ", listed[1].0);
    assert!(receiver.got().iter().any(|got| got.line.starts_with(&line)));
    assert!(!has(&bench, listed[1].0));
}
