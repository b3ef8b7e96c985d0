//! What is delivered, in which order, and in which form.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, time::Duration};

use muster_fernet::{KeyFile, decrypt};
use muster_relay::signature::SigningKey;
use muster_words::{Position, json::Value};
use serde_json::json;

use crate::{
    harness::{Bench, SECRET, delete, put_group},
    receiver::{Manner, Receiver},
};

#[tokio::test]
async fn a_change_reaches_a_webhook_as_a_signed_event() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    bench.put("/configs/a/entries/before", "{}").await;
    bench
        .hook(&receiver.url(), r#", "secret": "env:HOOK_SECRET", "headers": {"x-own": "yes"}"#)
        .await;
    bench.put("/stacks/a/entries/other", "{}").await;
    bench.put("/configs/a/entries/b", r#"{"n": 1.10}"#).await;
    let end = bench.submit(delete("/configs/a/entries/b")).await;
    bench.reached(end).await;
    let got = receiver.got();
    let kinds: Vec<_> = got.iter().map(|got| got.text("type")).collect();
    assert_eq!(kinds, ["io.xregistry.resource.created", "io.xregistry.resource.deleted"]);
    let (first, event) = (&got[0], got[0].event());
    assert_eq!(first.line, "POST /in HTTP/1.1");
    assert_eq!(first.text("subject"), "/configs/a/entries/b");
    assert_eq!(first.text("source"), "urn:muster:registry:test");
    assert_eq!(first.text("specversion"), "1.0");
    assert_eq!(first.text("sequence").len(), 20);
    assert_eq!(first.text("versionid"), "1");
    // Numbers keep their digits.
    assert_eq!(event.get("data").unwrap().to_string(), r#"{"n":1.10}"#);
    assert_eq!(got[1].event().get("data"), None);
    assert_eq!(got[1].text("previous"), first.text("sequence"));
    assert_eq!(first.headers["content-type"], "application/cloudevents+json; charset=utf-8");
    assert_eq!(first.headers["x-own"], "yes");
    let (id, time) = (&first.headers["webhook-id"], &first.headers["webhook-timestamp"]);
    let key = SigningKey::read(SECRET).unwrap();
    let expect = key.sign(id, time.parse().unwrap(), &first.body);
    assert_eq!(first.headers["webhook-signature"], expect);
    assert_ne!(*id, got[1].headers["webhook-id"]);
}

#[tokio::test]
async fn deliveries_of_one_document_stay_in_order_while_others_pass() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    receiver.takes(Duration::from_millis(5));
    // Some fail, so that they are overtaken by other documents and never by their own.
    let manners = (0..200).map(|n| Manner::Status(if n % 7 == 0 { 500 } else { 204 }));
    receiver.next(manners);
    let retry = r#", "max_in_flight": 4, "retry": {"base_delay_seconds": 0.02, "max_retries": 9,
        "circuit_breaker_enabled": false}"#;
    bench.hook(&receiver.url(), retry).await;
    let mut end = Position(0);
    for number in 0..120 {
        let name = format!("/configs/a/entries/d{}", number % 6);
        end = bench.put(&name, &format!("{{\"n\": {number}}}")).await;
    }
    bench.reached(end).await;
    assert!(receiver.most_at_once() <= 4, "{}", receiver.most_at_once());
    assert!(receiver.most_at_once() > 1);
    let mut by_document: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for got in receiver.got() {
        let ids = by_document.entry(got.text("subject")).or_default();
        let id = got.headers["webhook-id"].clone();
        // A repetition follows the first try, and nothing of the document lies between.
        if ids.last() != Some(&id) {
            assert!(!ids.contains(&id), "{id} comes again after another one");
            ids.push(id);
        }
    }
    assert_eq!(by_document.values().map(Vec::len).collect::<Vec<_>>(), [20; 6]);
}

#[tokio::test]
async fn a_large_document_is_named_unless_it_is_asked_for() {
    for (more, is_whole) in [("", false), (r#", "send_whole": true"#, true)] {
        let (bench, receiver) = (Bench::start().await, Receiver::start().await);
        bench.hook(&receiver.url(), more).await;
        let document = format!("{{\"long\": \"{}\"}}", "x".repeat(30_000));
        let end = bench.put("/configs/a/entries/b", &document).await;
        bench.reached(end).await;
        let got = &receiver.got()[0];
        assert_eq!(got.event().get("data").is_some(), is_whole);
        let named = if is_whole { "" } else { "/api/configs/a/entries/b/versions/1" };
        assert_eq!(got.text("dataref"), named);
    }
}

#[tokio::test]
async fn a_route_encrypts_documents_and_what_receivers_route_by_stays_readable() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    let target = format!(r#"{{"kind": "webhook", "url": "{}"}}"#, receiver.url());
    bench.put("/targets/t/entries/hook", &target).await;
    let route = r#"{"mode": "unidirectional", "targets": ["/targets/t/entries/hook"],
        "select": {"collections": ["/configs"]}, "encrypt": true}"#;
    bench.put("/routes/r/entries/out", route).await;
    let end = bench.put("/configs/a/entries/b", r#"{"password": "plain"}"#).await;
    bench.reached(end).await;
    let got = &receiver.got()[0];
    assert!(!String::from_utf8_lossy(&got.body).contains("plain\""));
    assert_eq!(got.text("subject"), "/configs/a/entries/b");
    assert_eq!(got.text("datacontenttype"), "application/vnd.fernet");
    assert_eq!(got.text("plaincontenttype"), "application/json");
    let keys = KeyFile::read(bench.folder.path()).unwrap();
    let plain = decrypt(keys.keys(), &got.text("data")).unwrap();
    assert_eq!(plain, br#"{"password": "plain"}"#);
}

#[tokio::test]
async fn a_folder_gets_a_file_for_each_event() {
    let bench = Bench::start().await;
    bench.put("/targets/t/entries/out", r#"{"kind": "folder", "path": "a/b"}"#).await;
    bench.put("/configs/x/entries/one", r#"{"a": 1}"#).await;
    let route = r#"{"mode": "broadcast", "from": "beginning", "select": {"names": ["o*"]}}"#;
    let put = bench.put("/routes/r/entries/out", route).await;
    bench.reached(put).await;
    let end = bench.put("/configs/x/entries/other", r#"{"b": 2}"#).await;
    bench.reached(end).await;
    let folder = bench.folder.path().join("out/a/b");
    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    let text = fs::read(folder.join(&names[1])).unwrap();
    let event: Value = muster_words::json::parse(&text).unwrap();
    assert_eq!(event.get("subject").and_then(Value::as_str), Some("/configs/x/entries/other"));
    assert!(names[1].to_string_lossy().starts_with(&format!("{:020}-", end.0)));
}

#[tokio::test]
async fn two_routes_to_one_folder_have_files_of_their_own() {
    let bench = Bench::start().await;
    bench.put("/targets/t/entries/out", r#"{"kind": "folder", "path": "a"}"#).await;
    let route = r#"{"mode": "broadcast", "select": {"collections": ["/configs"]}}"#;
    bench.put("/routes/r/entries/one", route).await;
    bench.put("/routes/r/entries/two", route).await;
    let end = bench.put("/configs/x/entries/one", "1").await;
    bench.reached(end).await;
    let folder = bench.folder.path().join("out/a");
    let entries: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()).collect();
    let mut names: Vec<_> =
        entries.iter().map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    let name = |route| format!("{:020}-000000-r+{route}+t+out.json", end.0);
    assert_eq!(names, [name("one"), name("two")]);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert!(entries.iter().all(|entry| mode(entry.path()) == 0o600));
    assert_eq!(mode(folder), 0o700);
}

#[tokio::test]
async fn a_command_of_several_entries_is_one_change_of_each_document() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    bench.hook(&receiver.url(), r#", "max_in_flight": 50"#).await;
    let first = bench.submit(put_group("/configs/big", &json!({}), 600)).await;
    let second = bench.submit(put_group("/configs/big", &json!({}), 600)).await;
    assert!(second.0 > first.0 + 1, "the command has one entry");
    bench.reached(second).await;
    let got = receiver.got();
    let after = |position: Position| {
        let sequence = format!("{:020}", position.0);
        got.iter().filter(|got| got.text("sequence") == sequence).collect::<Vec<_>>()
    };
    let (created, updated) = (after(first), after(second));
    assert_eq!((created.len(), updated.len()), (600, 600));
    assert!(created.iter().all(|got| got.text("previous").is_empty()));
    for got in updated {
        assert_eq!(got.text("previous"), format!("{:020}", first.0), "{}", got.text("subject"));
    }
}

#[tokio::test]
async fn what_was_deleted_with_its_group_has_the_class_of_the_group() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    let target = format!(r#"{{"kind": "webhook", "url": "{}"}}"#, receiver.url());
    bench.put("/targets/t/entries/hook", &target).await;
    let route = r#"{"mode": "broadcast",
        "select": {"collections": ["/entities"], "classes": ["Gold"], "states": ["stable"]}}"#;
    bench.put("/routes/r/entries/out", route).await;
    let attributes = json!({"classification": "Gold"});
    bench.submit(put_group("/entities/billing", &attributes, 2)).await;
    let end = bench.submit(delete("/entities/billing")).await;
    bench.reached(end).await;
    let kinds: Vec<_> = receiver.got().iter().map(|got| got.text("type")).collect();
    let count = |kind| kinds.iter().filter(|one| one.ends_with(kind)).count();
    assert_eq!((count("created"), count("deleted"), kinds.len()), (2, 2, 4));
}

#[tokio::test]
async fn a_route_that_runs_once_sends_what_there_is_and_then_no_more() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    for number in 0..30 {
        bench.put(&format!("/configs/a/entries/d{}", number % 10), &number.to_string()).await;
    }
    let target = format!(r#"{{"kind": "webhook", "url": "{}"}}"#, receiver.url());
    bench.put("/targets/t/entries/hook", &target).await;
    let route = r#"{"mode": "unidirectional", "targets": ["/targets/t/entries/hook"],
        "once": true, "select": {"collections": ["/configs"]}}"#;
    let end = bench.put("/routes/r/entries/out", route).await;
    bench.reached(end).await;
    let later = bench.put("/configs/a/entries/d0", "99").await;
    bench.reached(later).await;
    let got = receiver.got();
    assert_eq!(got.len(), 10);
    assert_eq!(got.iter().filter(|got| got.event().get("data") == Some(&99.into())).count(), 0);
    let links = bench.engine.links().await.unwrap();
    assert_eq!((links[0].state, links[0].lag_entries), ("finished", 0));
}

#[tokio::test]
async fn labels_classes_and_states_are_compared_with_the_document() {
    let (bench, receiver) = (Bench::start().await, Receiver::start().await);
    let target = format!(r#"{{"kind": "webhook", "url": "{}"}}"#, receiver.url());
    bench.put("/targets/t/entries/hook", &target).await;
    let route = r#"{"mode": "multicast", "targets": ["/targets/t/entries/hook"],
        "select": {"collections": ["/entities"], "classes": ["AppService"], "states": ["stable"]}}"#;
    bench.put("/routes/r/entries/out", route).await;
    bench.put("/entities/AppService/entries/a", "{}").await;
    bench.put("/entities/Database/entries/b", "{}").await;
    let end = bench.submit(delete("/entities/AppService/entries/a")).await;
    bench.reached(end).await;
    let subjects: Vec<_> = receiver.got().iter().map(|got| got.text("subject")).collect();
    assert_eq!(subjects, ["/entities/AppService/entries/a"; 2]);
}

#[tokio::test]
async fn after_a_restart_it_goes_on_where_it_was_and_repeats_nothing_that_was_finished() {
    let (mut bench, receiver) = (Bench::start().await, Receiver::start().await);
    bench.hook(&receiver.url(), "").await;
    let end = bench.put("/configs/a/entries/b", "1").await;
    bench.reached(end).await;
    bench.engine.stop().await;
    let end = bench.put("/configs/a/entries/b", "2").await;
    bench.restart().await;
    bench.reached(end).await;
    let data: Vec<_> =
        receiver.got().iter().map(|got| got.event().get("data").cloned().unwrap()).collect();
    assert_eq!(data, [Value::from(1), Value::from(2)]);
    // A route that is put anew begins anew; one that is gone takes its mark along.
    bench.submit(delete("/routes/r/entries/out")).await;
    bench.forgotten().await;
    bench.put("/configs/a/entries/b", "3").await;
    bench.hook_route("beginning").await;
    let end = bench.put("/configs/a/entries/b", "4").await;
    bench.reached(end).await;
    assert_eq!(receiver.got().len(), 6);
}
