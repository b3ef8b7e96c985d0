//! Routes that send live events, by the real program.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{PATIENCE, Server};

const SETTINGS: &[(&str, &str)] = &[("MUSTER_PROPAGATION_ALLOW", "127.0.0.1")];

fn put(server: &Server, xid: &str, document: &Value) {
    server.put(&format!("/api{xid}"), document.to_string()).expect(201);
}

fn route(server: &Server, name: &str, select: &Value, target: &str) {
    let route = json!({"mode": "unidirectional", "select": select, "from": "beginning",
                       "targets": [format!("/targets/ops/entries/{target}")]});
    put(server, &format!("/routes/ops/entries/{name}"), &route);
}

/// Waits until there are so many, and nothing is behind; returns them.
fn all<T>(server: &Server, count: usize, find: impl Fn() -> Vec<T>) -> Vec<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        let found = find().len();
        let list = server.get("/propagation/sessions").expect(200).json();
        let is_quiet = list["sessions"].as_array().unwrap().iter().all(|link| link["behind"] == 0);
        if found >= count && is_quiet {
            return find();
        }
        assert!(Instant::now() < until, "{found} of {count}: {list}");
        // sleeps: between two looks at a condition.
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn files(folder: &Path) -> Vec<Value> {
    let Ok(names) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = names.map(|name| name.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    paths.sort();
    let read = |path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    paths.into_iter().map(read).collect()
}

#[test]
fn failures_are_sent_once_and_make_no_others() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("data");
    let server = Server::with(&["--data", data.to_str().unwrap()], SETTINGS);
    put(&server, "/targets/ops/entries/out", &json!({"kind": "folder", "path": "out"}));
    // Nobody listens there.
    let hook = json!({"kind": "webhook", "url": "http://127.0.0.1:1/in",
                      "retry": {"enabled": false, "circuit_breaker_enabled": false}});
    put(&server, "/targets/ops/entries/dead", &hook);
    route(&server, "errors", &json!({"categories": ["errorEvents"]}), "out");
    route(&server, "one", &json!({"live": ["*"]}), "dead");
    route(&server, "other", &json!({"live": ["propagation.*"]}), "dead");
    route(&server, "documents", &json!({"collections": ["/configs"]}), "dead");
    put(&server, "/configs/app/entries/x", &json!(1));
    let out = data.join("propagation/out");
    let sent = all(&server, 1, || files(&out));
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0]["type"], "io.muster.propagation.delivery.dead");
    assert_eq!(sent[0]["subject"], "/targets/ops/entries/dead");
    assert_eq!(sent[0]["data"]["route"], "/routes/ops/entries/documents");
    let letters = || {
        let list = server.get("/propagation/dead-letters").expect(200).json();
        list["letters"].as_array().unwrap().clone()
    };
    // The route documents began, and its delivery died: both routes sent both.
    let found = all(&server, 5, letters);
    let of = |name: &str| found.iter().filter(|one| one["xid"] == name).count();
    assert_eq!(of("/events/propagation/entries/delivery.dead"), 2, "{found:?}");
    assert_eq!(of("/events/propagation/entries/link.started"), 2, "{found:?}");
    assert_eq!((of("/configs/app/entries/x"), found.len()), (1, 5));
    let list = server.get("/propagation/sessions").expect(200).json();
    let live = list["sessions"].as_array().unwrap().iter().filter(|link| link["live"] == true);
    assert_eq!(live.count(), 3, "{list}");
    // A letter is sent again, from what is kept of the event.
    let number = found.iter().find(|one| one["xid"] == "/events/propagation/entries/link.started");
    let replay = json!({"action": "replay", "letters": [number.unwrap()["letter"]]});
    let replayed = server.post("/propagation/actions", replay.to_string()).expect(200).json();
    assert!(replayed.to_string().contains("connection"), "{replayed}");
    assert!(server.stop().0.success());
    let server = Server::with(&["--data", data.to_str().unwrap()], SETTINGS);
    put(&server, "/configs/app/entries/y", &json!(1));
    let sent = all(&server, 2, || files(&out));
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[1]["data"]["detail"].as_str().unwrap().contains("/configs/app/entries/y"));
}

#[test]
fn a_route_that_starts_to_send_live_events_begins_anew() {
    let server = Server::with(&["--memory"], SETTINGS);
    for name in ["a", "b", "c", "d"] {
        put(&server, &format!("/configs/app/entries/{name}"), &json!(1));
    }
    let hook = json!({"kind": "webhook", "url": "http://127.0.0.1:1/in",
                      "retry": {"enabled": false, "circuit_breaker_enabled": false}});
    put(&server, "/targets/ops/entries/dead", &hook);
    route(&server, "one", &json!({"names": ["none"]}), "dead");
    let links = || {
        let list = server.get("/propagation/sessions").expect(200).json();
        list["sessions"].as_array().unwrap().clone()
    };
    let before = all(&server, 1, links);
    assert!(before[0]["position"].as_u64().unwrap() > 4, "{before:?}");
    let live = json!({"mode": "unidirectional", "select": {"live": ["*"]},
                      "targets": ["/targets/ops/entries/dead"], "from": "now"});
    server.post("/api/routes/ops/entries/one", live.to_string()).expect(201);
    let until = Instant::now() + PATIENCE;
    while links().iter().all(|link| link["live"] != true) {
        assert!(Instant::now() < until, "{:?}", links());
        // sleeps: between two looks at a condition.
        std::thread::sleep(Duration::from_millis(10));
    }
    route(&server, "two", &json!({"names": ["none"]}), "dead");
    let letters = || {
        let list = server.get("/propagation/dead-letters").expect(200).json();
        list["letters"].as_array().unwrap().clone()
    };
    let found = all(&server, 1, letters);
    let started =
        found.iter().filter(|one| one["xid"] == "/events/propagation/entries/link.started");
    assert!(started.count() > 0, "{found:?}");
    // Another registry takes none.
    let other = json!({"kind": "registry", "url": "http://127.0.0.1:1"});
    put(&server, "/targets/ops/entries/registry", &other);
    route(&server, "misled", &json!({"live": ["*"]}), "registry");
    let broken = || {
        let list = server.get("/propagation/sessions").expect(200).json();
        list["broken"].as_array().cloned().unwrap_or_default()
    };
    let found = all(&server, 1, broken);
    assert!(found[0]["reason"].as_str().unwrap().contains("another registry"), "{found:?}");
}
