//! Aliases and what else is told because of a document that changed, by the real program.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{PATIENCE, Server, run},
};

const ALIAS: &str = "/api/aliases/prod/entries/limits";
const TARGET: &str = "/configs/web/entries/limits";

fn put(server: &Server, xid: &str, document: &Value) {
    server.put(&format!("/api{xid}"), document.to_string()).expect(201);
}

fn alias(server: &Server, target: &str) -> u16 {
    server.post(ALIAS, json!({"target": target}).to_string()).status
}

#[test]
fn an_alias_leads_to_its_document_now_and_in_the_past() {
    let server = Server::with(&["--memory"], &[]);
    put(&server, TARGET, &json!({"n": 1}));
    put(&server, "/configs/web/entries/other", &json!({"n": 2}));
    put(&server, "/aliases/prod/entries/limits", &json!({"target": TARGET}));
    let first = server.get("/api").header("muster-position").unwrap().to_owned();
    // The second answer is from the cache of documents.
    for _ in 0..2 {
        let found = server.get(ALIAS).expect(303);
        assert!(found.header("location").unwrap().ends_with(&format!("/api{TARGET}")));
        assert_eq!(found.header("muster-alias-of"), Some(TARGET));
        assert_eq!(found.json(), json!({"target": TARGET}));
    }
    let folder = TempDir::new().unwrap();
    let get = |more: &[&str]| {
        let url = server.url("127.0.0.1");
        let words = ["get", "aliases/prod/entries/limits", "--server", &url];
        let words: Vec<&str> = words.iter().chain(more).copied().collect();
        serde_json::from_str::<Value>(&run(folder.path(), &words).expect(0).out).unwrap()
    };
    assert_eq!(get(&[]), json!({"n": 1}));
    assert_eq!(get(&["--alias"]), json!({"target": TARGET}));
    assert_eq!(alias(&server, "/configs/web/entries/other"), 201);
    server.post(&format!("/api{TARGET}"), r#"{"n":10}"#).expect(201);
    assert_eq!(get(&[]), json!({"n": 2}));
    assert_eq!(get(&["--at", &first]), json!({"n": 1}));
    let past = server.get(&format!("{ALIAS}?at={first}")).expect(303);
    assert!(past.header("location").unwrap().ends_with(&format!("{TARGET}?at={first}")));
    // A version of its own is what it says, and so are its attributes.
    let version = server.get(&format!("{ALIAS}/versions/1")).expect(200);
    assert_eq!(version.json(), json!({"target": TARGET}));
    // It may stand for a version.
    assert_eq!(alias(&server, &format!("{TARGET}/versions/1")), 201);
    assert_eq!(get(&[]), json!({"n": 1}));
}

#[test]
fn an_alias_names_a_document_that_is_there_and_keeps_it() {
    let server = Server::with(&["--memory"], &[]);
    put(&server, TARGET, &json!({"n": 1}));
    put(&server, "/aliases/prod/entries/limits", &json!({"target": TARGET}));
    for (target, what) in [
        ("/configs/web/entries/nope", "there is no /configs/web/entries/nope"),
        ("/aliases/prod/entries/limits", "an alias doesn't name another alias"),
        ("/configs/web", "/target"),
        ("https://a.example", "/target"),
    ] {
        let refused = server.post(ALIAS, json!({"target": target}).to_string()).expect(422);
        assert!(refused.text().contains(what), "{}", refused.text());
    }
    assert_eq!(server.post(ALIAS, "{}").status, 422);
    server.delete(&format!("/api{TARGET}")).refused(409, "referenced");
    server.delete(ALIAS).expect(204);
    server.delete(&format!("/api{TARGET}")).expect(204);
}

/// What a folder got, as type, subject and data, in order.
fn events(folder: &std::path::Path, count: usize) -> Vec<Value> {
    let until = Instant::now() + PATIENCE;
    loop {
        let names = std::fs::read_dir(folder).into_iter().flatten();
        let paths = names.map(|name| name.unwrap().path());
        let paths = paths.filter(|path| path.extension().is_some_and(|it| it == "json"));
        let mut paths: Vec<_> = paths.collect();
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

fn told(events: &[Value]) -> Vec<(String, String, Value)> {
    let one = |event: &Value| {
        let kind = event["type"].as_str().unwrap().rsplit_once('.').unwrap().1.to_owned();
        (kind, event["subject"].as_str().unwrap().to_owned(), event["data"].clone())
    };
    events.iter().map(one).collect()
}

fn of(kind: &str, subject: &str, data: Value) -> (String, String, Value) {
    (kind.to_owned(), subject.to_owned(), data)
}

#[test]
fn a_route_of_aliases_sends_what_they_stand_for() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("data");
    let server = Server::with(&["--data", data.to_str().unwrap()], &[]);
    put(&server, "/targets/ops/entries/out", &json!({"kind": "folder", "path": "out"}));
    let route = json!({"mode": "unidirectional", "targets": ["/targets/ops/entries/out"],
                       "select": {"collections": ["/aliases"]}, "from": "beginning"});
    put(&server, "/routes/ops/entries/aliases", &route);
    put(&server, TARGET, &json!({"n": 1}));
    put(&server, "/configs/web/entries/other", &json!({"n": 2}));
    put(&server, "/aliases/prod/entries/limits", &json!({"target": TARGET}));
    server.post(&format!("/api{TARGET}"), r#"{"n":10}"#).expect(201);
    // Nothing in what the alias says.
    server.post("/api/configs/web/entries/other", r#"{"n":3}"#).expect(201);
    assert_eq!(alias(&server, "/configs/web/entries/other"), 201);
    server.delete("/api/configs/web/entries/other?force=true").expect(204);
    let found = events(&data.join("propagation/out"), 4);
    let name = "/aliases/prod/entries/limits";
    assert_eq!(
        told(&found),
        [
            of("created", name, json!({"n": 1})),
            of("updated", name, json!({"n": 10})),
            of("updated", name, json!({"n": 3})),
            of("deleted", name, Value::Null),
        ],
        "{found:?}"
    );
    assert_eq!((&found[1]["aliasof"], &found[1]["cause"]), (&json!(TARGET), &json!(TARGET)));
    assert_eq!((&found[0]["aliasof"], &found[0]["cause"]), (&json!(TARGET), &Value::Null));
    assert!(found[1]["previous"].as_str() < found[2]["previous"].as_str());
}

#[test]
fn an_alias_is_sent_in_the_state_of_what_it_stands_for() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("data");
    let server = Server::with(&["--data", data.to_str().unwrap()], &[]);
    put(&server, "/targets/ops/entries/out", &json!({"kind": "folder", "path": "out"}));
    let route = json!({"mode": "unidirectional", "targets": ["/targets/ops/entries/out"],
                       "select": {"collections": ["/aliases"], "states": ["stable"]}});
    put(&server, "/routes/ops/entries/aliases", &route);
    put(&server, TARGET, &json!({"n": 1}));
    put(&server, "/configs/web/entries/other", &json!({"n": 2}));
    put(&server, "/aliases/prod/entries/limits", &json!({"target": TARGET}));
    put(&server, "/aliases/prod/entries/other", &json!({"target": "/configs/web/entries/other"}));
    let state = Ask::new("PATCH", format!("/api{TARGET}$details"));
    server.ask(&state.body(r#"{"state":"deprecated"}"#)).expect(200);
    server.post("/api/configs/web/entries/other", r#"{"n":3}"#).expect(201);
    let found = events(&data.join("propagation/out"), 3);
    let (first, second) = ("/aliases/prod/entries/limits", "/aliases/prod/entries/other");
    let expect = [
        of("created", first, json!({"n": 1})),
        of("created", second, json!({"n": 2})),
        of("updated", second, json!({"n": 3})),
    ];
    assert_eq!(told(&found), expect, "{found:?}");
    for kind in ["targets", "routes", "conflicts"] {
        let target = format!("/{kind}/ops/entries/out");
        let refused = server.post(ALIAS, json!({"target": target}).to_string()).expect(422);
        assert!(refused.text().contains("have no aliases"), "{}", refused.text());
    }
}

#[test]
fn a_change_triggers_the_routes_of_what_depends_on_it() {
    let scratch = TempDir::new().unwrap();
    let data = scratch.path().join("data");
    let server = Server::with(&["--data", data.to_str().unwrap()], &[]);
    for name in ["with", "without"] {
        put(
            &server,
            &format!("/targets/ops/entries/{name}"),
            &json!({"kind": "folder", "path": name}),
        );
        let route = json!({"mode": "unidirectional", "dependents": name == "with",
                           "targets": [format!("/targets/ops/entries/{name}")],
                           "select": {"collections": ["/stacks"]}});
        put(&server, &format!("/routes/ops/entries/{name}"), &route);
    }
    let (provider, stack) = ("/providers/cms/entries/sanity", "/stacks/foundation/entries/blog");
    put(&server, provider, &json!({"n": 1}));
    put(&server, stack, &json!({"cms_provider": "sanity"}));
    server.post(&format!("/api{provider}"), r#"{"n":2}"#).expect(201);
    server.post(&format!("/api{stack}"), r#"{"cms_provider":"sanity","m":1}"#).expect(201);
    let label =
        Ask::new("PATCH", format!("/api{provider}$details")).body(r#"{"labels":{"a":"b"}}"#);
    server.ask(&label).expect(200);
    let found = events(&data.join("propagation/with"), 4);
    let same = json!({"cms_provider": "sanity"});
    let later = json!({"cms_provider": "sanity", "m": 1});
    assert_eq!(
        told(&found),
        [
            of("created", stack, same.clone()),
            of("updated", stack, same),
            of("updated", stack, later.clone()),
            of("updated", stack, later),
        ],
        "{found:?}"
    );
    assert_eq!((&found[1]["cause"], &found[2]["cause"]), (&json!(provider), &Value::Null));
    assert_eq!(events(&data.join("propagation/without"), 2).len(), 2);
}
