//! Routes that send how documents changed, by the real program.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{PATIENCE, Server},
};

const NAME: &str = "/providers/cms/entries/sanity";

fn put(server: &Server, xid: &str, document: &Value) {
    server.put(&format!("/api{xid}"), document.to_string()).expect(201);
}

fn start(data: &Path) -> Server {
    let server = Server::with(&["--data", data.to_str().unwrap()], &[]);
    put(&server, "/targets/ops/entries/out", &json!({"kind": "folder", "path": "out"}));
    server
}

fn route(server: &Server, members: &Value) {
    let mut route = json!({
        "mode": "unidirectional", "send": "differences", "from": "beginning",
        "targets": ["/targets/ops/entries/out"],
        "select": {"collections": ["/providers", "/schemagroups", "/configs"]},
    });
    route.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    put(server, "/routes/ops/entries/changes", &route);
}

/// The events in the folder, as soon as there are so many.
fn events(data: &Path, count: usize) -> Vec<Value> {
    let until = Instant::now() + PATIENCE;
    loop {
        let names = std::fs::read_dir(data.join("propagation/out")).into_iter().flatten();
        let paths = names.map(|name| name.unwrap().path());
        let mut paths: Vec<_> =
            paths.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
        if paths.len() >= count {
            paths.sort();
            let read = |path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            return paths.into_iter().map(read).collect();
        }
        assert!(Instant::now() < until, "{paths:?}");
        // sleeps: between two looks at a condition.
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn each_event_has_what_differs_from_before() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("data");
    let server = start(&data);
    put(&server, NAME, &json!({"name": "Sanity", "monthly_cost": 99, "tags": ["cms"]}));
    // Before the route is there: differences are found in the past as well.
    let second = json!({"name": "Sanity", "monthly_cost": 89, "tags": ["cms", "headless"]});
    server.post(&format!("/api{NAME}"), second.to_string()).expect(201);
    route(&server, &json!({}));
    let label =
        Ask::new("PATCH", format!("/api{NAME}$details")).body(r#"{"labels":{"tier":"gold"}}"#);
    server.ask(&label).expect(200);
    server.delete(&format!("/api{NAME}")).expect(204);
    let notes = Ask::new("PUT", "/api/configs/web/entries/notes");
    server.ask(&notes.header("Content-Type", "text/plain").body("a text\n")).expect(201);
    let found = events(&data, 5);
    let told: Vec<(&str, &Value)> = found
        .iter()
        .map(|event| (event["type"].as_str().unwrap(), &event["data"]["changes"]))
        .collect();
    let (first, second) = (
        json!([{"field": "", "added": {
        "name": "Sanity", "monthly_cost": 99, "tags": ["cms"]}}]),
        json!([
            {"field": "monthly_cost", "before": 99, "after": 89},
            {"field": "tags", "lost": [], "gained": ["headless"]},
        ]),
    );
    let gone = json!([{"field": "", "removed": {
        "name": "Sanity", "monthly_cost": 89, "tags": ["cms", "headless"]}}]);
    let text = json!([{"field": "document", "added": "7 bytes"}]);
    assert_eq!(
        told,
        [
            ("io.muster.provider_created", &first),
            ("io.muster.provider_updated", &second),
            ("io.muster.provider_updated", &json!([])),
            ("io.muster.provider_deleted", &gone),
            ("io.muster.config_created", &text),
        ]
    );
    let updated = &found[1];
    assert_eq!(updated["data"]["event"], "provider_updated");
    assert_eq!(updated["data"]["path"], NAME);
    assert_eq!(updated["data"]["timestamp"], updated["time"]);
    assert_eq!((&updated["subject"], &updated["versionid"]), (&json!(NAME), &json!("2")));
    assert_eq!(updated["datacontenttype"], "application/json");
    assert_eq!(
        found[2]["data"]["attributes"],
        json!([{"field": "labels", "added": {"tier": "gold"}}]),
        "{}",
        found[2]
    );
}

#[test]
fn large_and_mapped_and_encrypted_differences() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("data");
    let server = start(&data);
    let mapping = json!({"outbound": [{"from": "$.public", "to": "$.public"}]});
    route(&server, &json!({"mapping": mapping}));
    put(&server, NAME, &json!({"public": 1, "secret": "a"}));
    server
        .post(&format!("/api{NAME}"), json!({"public": 2, "secret": "b"}).to_string())
        .expect(201);
    let found = events(&data, 2);
    let changes = json!([{"field": "public", "before": 1, "after": 2}]);
    assert_eq!(found[1]["data"]["changes"], changes);
    assert!(!found.iter().any(|event| event.to_string().contains("secret")), "{found:?}");

    let server = Server::with(&["--data", scratch.path().join("b").to_str().unwrap()], &[]);
    let data = scratch.path().join("b");
    put(&server, "/targets/ops/entries/out", &json!({"kind": "folder", "path": "out"}));
    route(&server, &json!({}));
    put(&server, NAME, &json!({"text": "a".repeat(30_000)}));
    let found = events(&data, 1);
    assert_eq!(found[0]["data"]["truncated"], true);
    assert_eq!((&found[0]["data"]["changes"], &found[0]["dataref"]), (&json!([]), &Value::Null));
    assert!(found[0].to_string().len() < 2_000);
    // What was purged is in no difference.
    server.delete(&format!("/api{NAME}?purge=true")).expect(204);
    let found = events(&data, 2);
    assert_eq!(found[1]["type"], "io.muster.provider_deleted");
    assert_eq!(
        (&found[1]["data"]["purged"], &found[1]["data"]["changes"]),
        (&json!(true), &json!([]))
    );

    let whole = json!({"mode": "unidirectional", "send": "differences", "encrypt": true,
                       "targets": ["/targets/ops/entries/out"]});
    server.post("/api/routes/ops/entries/changes", whole.to_string()).expect(201);
    put(&server, "/providers/cms/entries/other", &json!({"a": "plain"}));
    let found = events(&data, 3);
    assert_eq!(found[2]["type"], "io.muster.provider_created");
    assert_eq!(found[2]["plaincontenttype"], "application/json");
    assert!(found[2]["data"].as_str().unwrap().starts_with("gAAAA"), "{}", found[2]);
}

#[test]
fn another_registry_gets_no_differences() {
    let settings = [("MUSTER_PROPAGATION_ALLOW", "127.0.0.1")];
    let server = Server::with(&["--memory"], &settings);
    let peer = json!({"kind": "registry", "url": "http://127.0.0.1:1"});
    put(&server, "/targets/ops/entries/out", &peer);
    route(&server, &json!({}));
    let until = Instant::now() + PATIENCE;
    loop {
        let sessions = server.get("/propagation/sessions").expect(200).json();
        if sessions["broken"].to_string().contains("which takes documents") {
            break;
        }
        assert!(Instant::now() < until, "{sessions}");
        // sleeps: between two looks at a condition.
        std::thread::sleep(Duration::from_millis(10));
    }
}
