use muster_words::json::{self, Value};

use crate::harness::{Running, delete, put};

fn lines(body: &str) -> Vec<Value> {
    body.lines().map(|line| json::parse(line.as_bytes()).unwrap()).collect()
}

#[tokio::test]
async fn verifies_what_holds() {
    let running = Running::start().await;
    for number in 0..5 {
        running.submit(put(&format!("/providers/cms/entries/e{number}"), "{}")).await;
    }
    running.submit(delete("/providers/cms/entries/e1", true)).await;
    let (status, body) = running.ask("POST /ledger/verify", &[], "").await;
    assert_eq!(status, 200);
    let lines = lines(&body);
    let verdict = lines.last().unwrap();
    assert_eq!(verdict.get("verified"), Some(&Value::Bool(true)), "{body}");
    let count = |name: &str| verdict.get(name).and_then(Value::as_u64).unwrap();
    assert_eq!(count("entries"), running.registry.view().position().0);
    assert_eq!(count("purged"), 1);
    let first = lines.first().unwrap();
    assert_eq!(first.get("of").and_then(Value::as_u64), Some(count("entries")));
    let shown = running.json("GET /ledger").await;
    assert_eq!(shown.get("position").and_then(Value::as_u64), Some(count("entries")));
    assert_eq!(shown.get("origin").and_then(Value::as_str), Some("test/changes"));
    assert_eq!(running.ask("GET /ledger/checkpoint", &[], "").await.0, 404);
}
