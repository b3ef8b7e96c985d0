//! What another registry sends, and what may be wrong with it.

use std::collections::BTreeSet;

use muster_catalog::command::Mode;
use serde_json::{Map, Value, json};

use crate::harness::{Running, entity, put, tree};

const NAME: &str = "/providers/cms/entries/x";

async fn sent(running: &Running, document: &Value) -> Value {
    let body = json!({
        "sync": "s", "source": "peer", "target": "test", "policy": "manual",
        "documents": [document],
    });
    let (status, body) = running.ask("POST /sync", &[], &body.to_string()).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["documents"][0].clone()
}

fn document(name: &str) -> Value {
    json!({
        "xid": name, "vector": {"peer": 5}, "contenttype": "application/json", "text": "{}",
        "origin": {"registry": "peer", "position": 5, "time": "2026-01-01T00:00:00Z"},
    })
}

#[tokio::test]
async fn no_document_keeps_others_from_being_listed() {
    let running = Running::start().await;
    let mut full = document(NAME);
    let many = (0..63).map(|number| (format!("r{number}"), json!(1)));
    full["vector"].as_object_mut().unwrap().extend(many);
    let refused = sent(&running, &full).await;
    assert_eq!(refused["outcome"], "refused", "{refused}");
    full["vector"].as_object_mut().unwrap().remove("r0");
    assert_eq!(sent(&running, &full).await["outcome"], "taken");
    running.submit(put(NAME, r#"{"edited": true}"#)).await;
    let listed = running.json("GET /sync?after=0").await;
    let documents = listed["documents"].as_array().unwrap();
    let found = documents.iter().find(|document| document["xid"] == NAME).unwrap();
    assert_eq!(found["vector"].as_object().unwrap().len(), 64, "{found}");
}

#[tokio::test]
async fn a_command_of_many_documents_is_listed_in_pages() {
    let running = Running::start().await;
    let before = running.json("GET /sync").await["position"].clone();
    let many: Map<String, Value> =
        (0..2_100).map(|number| (format!("d{number}"), json!({"entry": {}}))).collect();
    let body = json!({"entries": many}).to_string();
    running.submit(tree(Mode::Patch, entity("/providers/cms"), &body)).await;
    let (mut after, mut names, mut counts) = (format!("after={before}"), BTreeSet::new(), vec![]);
    loop {
        let page = running.json(&format!("GET /sync?{after}")).await;
        let documents = page["documents"].as_array().unwrap();
        counts.push(documents.len());
        names.extend(documents.iter().map(|document| document["xid"].to_string()));
        after = match page.get("index") {
            Some(index) => format!("after={}&index={index}", page["position"]),
            None => break assert_eq!(page["position"], page["head"]),
        };
        assert_eq!(page["position"], before, "the command isn't over");
    }
    assert_eq!((names.len(), counts), (2_100, vec![1_000, 1_000, 100]));
}

#[tokio::test]
async fn refuses_in_words_what_no_registry_sends() {
    let running = Running::start().await;
    for (member, value, expect) in [
        ("deleted", json!(true), "deleted isn't what it must be"),
        (
            "attributes",
            json!({"versionid": "9"}),
            "versionid isn't one of the attributes that travel between registries",
        ),
        (
            "attributes",
            json!({"entry": {"a": 1}}),
            "entry isn't one of the attributes that travel between registries",
        ),
        (
            "origin",
            json!({"registry": "peer", "position": 0, "time": "2026-01-01T00:00:00Z"}),
            "origin.position isn't what it must be",
        ),
        ("text", json!("{"), "The document was refused"),
    ] {
        let mut document = document(NAME);
        document[member] = value;
        let found = sent(&running, &document).await;
        assert_eq!(found["outcome"], "refused", "{found}");
        assert!(found["error"].to_string().contains(expect), "{expect}: {found}");
    }
    assert_eq!(sent(&running, &document(NAME)).await["outcome"], "taken");
}
