use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::door::Door;

/// So many groups that a filter with many expressions takes long.
const GROUPS: usize = 2_000;

async fn filled() -> Arc<Door> {
    let door = Door::with_dirs().await;
    let groups: Vec<String> =
        (0..GROUPS).map(|n| format!(r#""d{n}": {{"owner": "owner-{n}"}}"#)).collect();
    let body = format!(r#"{{"dirs": {{{}}}}}"#, groups.join(","));
    door.send("POST /", &[], &body).await.check("post", 200, &[]);
    door.send("PUT /dirs/d1/files/f", &[], "one").await.check("put", 201, &[]);
    Arc::new(door)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_short_reads_while_long_ones_run() {
    let door = filled().await;
    let tests = vec!["owner!=*x*y*z*"; 90].join(",");
    let finished = Arc::new(AtomicUsize::new(0));
    let long: Vec<_> = ["sort=owner", "inline=*", "limit=3", "sort=owner=desc"]
        .into_iter()
        .map(|more| {
            let (door, finished) = (Arc::clone(&door), Arc::clone(&finished));
            let line = format!("GET /dirs?filter={tests}&{more}");
            tokio::spawn(async move {
                let reply = door.send(&line, &[], "").await;
                finished.fetch_add(1, Ordering::Relaxed);
                reply.check("long", 200, &[]);
            })
        })
        .collect();
    let mut answered = 0;
    while finished.load(Ordering::Relaxed) == 0 {
        // As a connection's task does it: on the runtime's own threads.
        let door = Arc::clone(&door);
        let short = async move { door.send("GET /dirs/d1/files/f", &[], "").await };
        let reply = tokio::time::timeout(Duration::from_secs(60), tokio::spawn(short)).await;
        reply.unwrap().unwrap().check("short", 200, &[]);
        answered += 1;
    }
    for long in long {
        long.await.unwrap();
    }
    assert!(answered >= 20, "only {answered} short reads were answered");
}

/// A schema with so many places that a small document takes long to check, and a body so large
/// that it takes long to read.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn answers_short_reads_while_long_writes_are_prepared() {
    let door = Arc::new(Door::with_our_model().await);
    let places = vec![r#"{"type":"integer","minimum":0}"#; 900].join(",");
    let schema = format!(r#"{{"items":{{"allOf":[{places}]}}}}"#);
    let json = [("content-type", "application/json")];
    door.send("PUT /schemagroups/own/schemas/s", &json, &schema).await.check("schema", 201, &[]);
    let group = r#"{"muster":{"schema":"/schemagroups/own/schemas/s"}}"#;
    door.send("PUT /configs/app", &json, group).await.check("group", 201, &[]);
    door.send("PUT /configs/other/entries/short", &json, "{}").await.check("put", 201, &[]);
    let numbers = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    let tree = format!(r#"{{"e":{{"entry":{}}}}}"#, numbers(1_000_000));
    for (line, body) in [
        ("PUT /configs/app/entries/costly", numbers(3_000)),
        ("PUT /configs/other/entries/large", numbers(1_000_000)),
        ("POST /configs/other/entries", tree),
    ] {
        let finished = Arc::new(AtomicUsize::new(0));
        let long = tokio::spawn({
            let (door, finished) = (Arc::clone(&door), Arc::clone(&finished));
            async move {
                let reply = door.send(line, &json, &body).await;
                finished.fetch_add(1, Ordering::Relaxed);
                assert!(reply.status < 300, "{line}: {}", reply.status);
            }
        });
        let mut answered = 0;
        while finished.load(Ordering::Relaxed) == 0 {
            let door = Arc::clone(&door);
            let short = async move { door.send("GET /configs/other/entries/short", &[], "").await };
            tokio::spawn(short).await.unwrap().check("short", 200, &[]);
            answered += 1;
        }
        long.await.unwrap();
        assert!(answered >= 20, "only {answered} short reads were answered during {line}");
    }
}
