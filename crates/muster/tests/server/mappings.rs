//! Routes with a mapping, by the real program: what targets get, what two registries make of each
//! other's documents, and what becomes of what can't be mapped.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{PATIENCE, Server, run},
};

const NAME: &str = "/api/configs/web/entries/limits";

fn start(id: &str) -> Server {
    Server::with(&["--memory", "--registry-id", id], &[("MUSTER_PROPAGATION_ALLOW", "127.0.0.1")])
}

/// Waits until a value is what it should be.
fn until<T: PartialEq + std::fmt::Debug>(expect: &T, find: impl Fn() -> T) {
    let end = Instant::now() + PATIENCE;
    loop {
        let found = find();
        if found == *expect {
            break;
        }
        assert!(Instant::now() < end, "{found:?} instead of {expect:?}");
        // sleeps: between two looks at a condition.
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn document(server: &Server) -> Option<Value> {
    let answer = server.get(NAME);
    (answer.status == 200).then(|| answer.json())
}

fn put(server: &Server, xid: &str, document: &Value) {
    server.put(&format!("/api{xid}"), document.to_string()).expect(201);
}

/// A route of one registry to another one, with a mapping.
fn route(from: &Server, to: &Server, mode: &str, mapping: &Value) {
    let url = to.url("127.0.0.1");
    put(from, "/targets/ops/entries/other", &json!({"kind": "registry", "url": url}));
    let route = json!({
        "mode": mode, "targets": ["/targets/ops/entries/other"], "mapping": mapping,
        "select": {"collections": ["/configs"]}, "from": "beginning",
    });
    put(from, "/routes/ops/entries/mapped", &route);
}

/// Limits per minute here are limits per second there, beside other things there.
fn limits() -> Value {
    json!({
        "configPath": "$.limits",
        "outbound": [{"from": "$.per_minute", "to": "$.rate.per_second", "value": "value / 60"}],
        "inbound": [{"from": "$.rate.per_second", "to": "$.per_minute", "value": "value * 60"}],
    })
}

/// The details of the newest events of this kind.
fn told(server: &Server, kind: &str) -> Vec<String> {
    let events = server.get("/propagation/events").expect(200).json();
    let events = events["events"].as_array().unwrap();
    let told = events.iter().filter(|event| event["type"] == kind);
    told.map(|event| event["detail"].as_str().unwrap().to_owned()).collect()
}

fn is_quiet(server: &Server) -> bool {
    let list = server.get("/propagation/sessions").expect(200).json();
    list["sessions"].as_array().unwrap().iter().all(|link| link["behind"] == 0)
}

#[test]
fn each_side_keeps_its_own_form_and_what_is_not_mapped() {
    let (a, b) = (start("a"), start("b"));
    put(&b, "/configs/web/entries/other", &json!({"n": 1}));
    route(&a, &b, "bidirectional", &limits());
    a.put(NAME, json!({"limits": {"per_minute": 120}, "own": 1}).to_string()).expect(201);
    until(&Some(json!({"rate": {"per_second": 2}})), || document(&b));
    // What is beside it there stays, and nothing of that comes here.
    let other = json!({"rate": {"per_second": 3, "burst": 9}, "extra": [1]});
    b.post(NAME, other.to_string()).expect(201);
    until(&Some(json!({"limits": {"per_minute": 180}, "own": 1})), || document(&a));
    a.post(NAME, json!({"limits": {"per_minute": 240}, "own": 2}).to_string()).expect(201);
    until(&Some(json!({"rate": {"per_second": 4, "burst": 9}, "extra": [1]})), || document(&b));
    // A change there of what isn't mapped makes no version here.
    let versions = |server: &Server| {
        server.get(&format!("{NAME}/versions")).expect(200).json().as_object().unwrap().len()
    };
    let before = versions(&a);
    let other = json!({"rate": {"per_second": 4, "burst": 9}, "extra": [1, 2]});
    b.post(NAME, other.to_string()).expect(201);
    let vector = |server: &Server| {
        server.get("/sync/configs/web/entries/limits").expect(200).json()["document"]["vector"]
            .clone()
    };
    until(&vector(&b), || vector(&a));
    until(&true, || is_quiet(&a));
    assert_eq!(versions(&a), before);
    assert_eq!(document(&b), Some(other));
    a.delete(NAME).expect(204);
    until(&None, || document(&b));
}

#[test]
fn a_decided_conflict_keeps_what_is_not_mapped() {
    let (a, b) = (start("a"), start("b"));
    route(&a, &b, "bidirectional", &limits());
    a.put(NAME, json!({"limits": {"per_minute": 120}, "own": 1}).to_string()).expect(201);
    until(&Some(json!({"rate": {"per_second": 2}})), || document(&b));
    until(&true, || is_quiet(&a));
    let act = |action: &str| {
        let asked = json!({"action": action, "target": "/targets/ops/entries/other"});
        a.post("/propagation/actions", asked.to_string()).expect(200);
    };
    act("pause");
    a.post(NAME, json!({"limits": {"per_minute": 180}, "own": 1}).to_string()).expect(201);
    b.post(NAME, json!({"rate": {"per_second": 5}}).to_string()).expect(201);
    act("resume");
    until(&200, || a.get("/api/conflicts/b").status);
    a.post(NAME, json!({"limits": {"per_minute": 180}, "own": 2}).to_string()).expect(201);
    let folder = TempDir::new().unwrap();
    let words =
        ["conflicts", "resolve", &NAME[5..], "--take", "theirs", "--server", &a.url("127.0.0.1")];
    // Nobody compared it with the change yet.
    let refused = run(folder.path(), &words).expect(1);
    assert!(refused.err.contains("changed"), "{}", refused.err);
    run(folder.path(), &words).expect(0);
    assert_eq!(document(&a), Some(json!({"limits": {"per_minute": 300}, "own": 2})));
    until(&Some(json!({"rate": {"per_second": 5}})), || document(&b));
}

#[test]
fn a_document_that_cannot_be_mapped_is_a_dead_letter_and_holds_nothing_up() {
    let (a, b) = (start("a"), start("b"));
    route(
        &a,
        &b,
        "unidirectional",
        &json!({
        "outbound": [{"from": "$.n", "to": "$.m", "value": "100 / value"}]}),
    );
    let text =
        Ask::new("PUT", "/api/configs/web/entries/text").header("content-type", "text/plain");
    a.ask(&text.body("hello")).expect(201);
    for (id, body) in [("zero", r#"{"n": 0}"#), ("good", r#"{"n": 4}"#)] {
        a.put(&format!("/api/configs/web/entries/{id}"), body).expect(201);
    }
    let there = || b.get("/api/configs/web/entries/good");
    until(&200, || there().status);
    assert_eq!(there().json(), json!({"m": 25}));
    let letters = || a.get("/propagation/dead-letters").expect(200).json()["letters"].clone();
    until(&2, || letters().as_array().unwrap().len());
    let letters = letters();
    let reason = |id: &str| {
        let all = letters.as_array().unwrap().iter();
        let named = all.filter(|letter| letter["xid"] == format!("/configs/web/entries/{id}"));
        named.map(|letter| letter["reason"].as_str().unwrap().to_owned()).next().unwrap()
    };
    let zero = reason("zero");
    assert!(zero.contains("step 1 of outbound: it divides by zero"), "{zero}");
    assert!(reason("text").contains("the document here isn't JSON"), "{letters}");
}

#[test]
fn what_breaks_the_schema_of_the_mapping_waits_or_is_told() {
    for blocks in [true, false] {
        let (a, b) = (start("a"), start("b"));
        route(
            &a,
            &b,
            "unidirectional",
            &json!({
                "schema": {"properties": {"n": {"maximum": 9}}},
                "blockOnValidationFailure": blocks,
            }),
        );
        a.put("/api/configs/web/entries/large", r#"{"n": 10}"#).expect(201);
        a.put("/api/configs/web/entries/small", r#"{"n": 1}"#).expect(201);
        until(&200, || b.get("/api/configs/web/entries/small").status);
        until(&true, || is_quiet(&a));
        let (status, letters, events) = if blocks { (404, 1, 0) } else { (200, 0, 1) };
        assert_eq!(b.get("/api/configs/web/entries/large").status, status);
        let list = a.get("/propagation/dead-letters").expect(200).json();
        assert_eq!(list["letters"].as_array().unwrap().len(), letters, "{list}");
        let told = told(&a, "sync.invalid");
        assert_eq!(told.len(), events, "{told:?}");
        assert!(told.iter().all(|text| text.contains("/n")), "{told:?}");
    }
}

#[test]
fn what_is_refused_here_waits_or_is_left_out() {
    for blocks in [true, false] {
        let (a, b) = (start("a"), start("b"));
        put(&a, "/schemagroups/own/schemas/n", &json!({"properties": {"n": {"maximum": 9}}}));
        let rule = json!({"expression": "document.n != 5", "severity": "warning",
            "message": "five is unusual", "pointer": "/n"});
        put(&a, "/rulegroups/own/rules/no-five", &rule);
        let group = json!({"muster": {"schema": "/schemagroups/own/schemas/n", "rules": ["/rulegroups/own"]}});
        let bound = a.put("/api/configs/web", group.to_string());
        assert!(bound.status < 300, "{bound:?}");
        route(&a, &b, "bidirectional", &json!({"blockOnValidationFailure": blocks}));
        b.put("/api/configs/web/entries/large", r#"{"n": 10}"#).expect(201);
        b.put("/api/configs/web/entries/five", r#"{"n": 5}"#).expect(201);
        until(&200, || a.get("/api/configs/web/entries/five").status);
        let waiting = || {
            let list = a.get("/propagation/sessions").expect(200).json();
            list["sessions"][0]["inbound"]["waiting"].as_u64().unwrap()
        };
        until(&u64::from(blocks), waiting);
        assert_eq!(a.get("/api/configs/web/entries/large").status, 404);
        let refused = told(&a, "sync.refused");
        assert_eq!(refused.is_empty(), blocks, "{refused:?}");
        until(&1, || told(&a, "sync.warning").len());
        // Names of rules and places, and nothing that a document says.
        assert!(told(&a, "sync.warning")[0].ends_with("/n (rule no-five)"));
        let waits = told(&a, "sync.waits");
        assert_eq!(waits.is_empty(), !blocks, "{waits:?}");
        assert!(waits.iter().all(|text| text.contains("/n (maximum)")), "{waits:?}");
        // What is mended there comes.
        b.post("/api/configs/web/entries/large", r#"{"n": 9}"#).expect(201);
        until(&200, || a.get("/api/configs/web/entries/large").status);
    }
}

#[test]
fn a_target_of_events_gets_the_mapped_document() {
    let data = TempDir::new().unwrap();
    let server = Server::on(data.path(), &[]);
    put(&server, "/targets/ops/entries/out", &json!({"kind": "folder", "path": "out"}));
    let route = json!({
        "mode": "unidirectional", "targets": ["/targets/ops/entries/out"],
        "select": {"collections": ["/configs"]},
        "mapping": {"configPath": "$.a", "outbound": [
            {"from": "$.b", "to": "$.c[0]"}, {"to": "$.name", "value": "id"}]},
    });
    put(&server, "/routes/ops/entries/mapped", &route);
    server.put("/api/configs/web/entries/none", r#"{"z": 1}"#).expect(201);
    server.put(NAME, r#"{"a": {"b": "x"}, "secret": 1}"#).expect(201);
    let events = || events(&data.path().join("propagation/out"));
    until(&1, || events().len());
    let event = &events()[0];
    assert_eq!(event["data"], json!({"c": ["x"], "name": "limits"}));
    assert_eq!(event["datacontenttype"], "application/json");
    server.delete(NAME).expect(204);
    until(&2, || events().len());
}

fn events(folder: &Path) -> Vec<Value> {
    let Ok(names) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = names.map(|name| name.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
        .collect()
}

#[test]
fn a_route_with_a_bad_mapping_is_refused_with_the_place() {
    let server = Server::in_memory(&[]);
    for (mode, mapping, pointer) in [
        ("unidirectional", json!({"configPath": "$.a[*]"}), "/mapping/configPath"),
        (
            "unidirectional",
            json!({"outbound": [{"to": "$.a", "value": "1 +"}]}),
            "/mapping/outbound/0/value",
        ),
        ("unidirectional", json!({"outbound": [{"to": "$.a"}]}), "/mapping/outbound/0"),
        ("unidirectional", json!({"inbound": [{"from": "$.a", "to": "$.a"}]}), "/mapping/inbound"),
        ("bidirectional", json!({"outbound": [{"from": "$.a", "to": "$.a"}]}), "/mapping/inbound"),
        ("unidirectional", json!({"schema": {"type": "numbr"}}), "/mapping/schema"),
        ("unidirectional", json!({"paths": []}), "/mapping/paths"),
    ] {
        let route = json!({"mode": mode, "targets": ["/targets/a/entries/b"], "mapping": mapping});
        let refused = server.put("/api/routes/ops/entries/r", route.to_string()).expect(422).json();
        let violations = refused["violations"].as_array().unwrap();
        let found = violations.iter().any(|one| one["pointer"] == pointer);
        assert!(found, "{mapping}: {refused}");
    }
}
