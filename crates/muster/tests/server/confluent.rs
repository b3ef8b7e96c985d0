//! Confluent's Schema Registry API, and the same schemas through the native one. What its real
//! clients make of it is in `tests/confluent`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{Server, run},
};

const DOOR: &str = "/confluent";

fn ask(server: &Server, request: &'static str, body: &str) -> (u16, Value) {
    let (method, path) = request.split_once(' ').unwrap();
    let mut ask = Ask::new(method, format!("{DOOR}{path}"));
    if !body.is_empty() {
        ask = ask.body(body).header("content-type", "application/vnd.schemaregistry.v1+json");
    }
    let answer = server.ask(&ask);
    let status = answer.status;
    let value = if answer.body.is_empty() { Value::Null } else { answer.json() };
    (status, value)
}

/// Asks for each thing in turn; the code is the status, or the error's code where that is longer.
fn check(server: &Server, requests: &[(&'static str, &str, u64)]) {
    for (request, body, expect) in requests {
        let (status, answer) = ask(server, request, body);
        let code = answer.get("error_code").and_then(Value::as_u64).unwrap_or(status.into());
        assert_eq!(code, *expect, "{request}: {answer}");
    }
}

pub fn avro(fields: &Value) -> String {
    json!({"schema": json!({"type": "record", "name": "R", "fields": fields}).to_string()})
        .to_string()
}

pub fn id() -> Value {
    json!({"name": "id", "type": "long"})
}

#[test]
fn answers_with_the_codes_that_clients_look_for() {
    let server = Server::in_memory(&[]);
    let good = avro(&json!([id()]));
    let bad = avro(&json!([{"name": "id", "type": "string"}]));
    check(
        &server,
        &[
            ("GET /subjects", "", 200),
            ("GET /subjects/", "", 200),
            ("GET /subjects/s/versions", "", 40401),
            ("GET /subjects/s/versions/1", "", 40401),
            ("POST /subjects/s", &good, 40401),
            ("POST /subjects/s/versions", "{", 422),
            ("POST /subjects/s/versions", r#"{"schema": ""}"#, 42201),
            ("POST /subjects/s/versions", r#"{"schema": "{"}"#, 42201),
            ("POST /subjects/s/versions", r#"{"schema": "{}", "schemaType": "XML"}"#, 42201),
            ("POST /subjects/s/versions", &good, 200),
            ("POST /subjects/s/versions", &bad, 409),
            ("POST /subjects/s/versions?force=true", &bad, 200),
            ("GET /subjects/s/versions/0", "", 42202),
            ("GET /subjects/s/versions/x", "", 42202),
            ("GET /subjects/s/versions/9", "", 40402),
            ("GET /subjects/s/versions/LATEST", "", 200),
            ("GET /subjects/s/versions/-1/schema", "", 200),
            ("GET /schemas/ids/99", "", 40403),
            ("GET /schemas/ids/-1", "", 40403),
            ("GET /schemas/ids/99999999999", "", 40403),
            ("GET /schemas/ids/x", "", 404),
            ("GET /schemas/guids/00000000-0000-0000-0000-000000000000", "", 40403),
            ("POST /compatibility/subjects/none/versions/latest", &good, 200),
            ("POST /compatibility/subjects/none/versions/1", &good, 40402),
            ("PUT /config", r#"{"compatibility": "SIDEWAYS"}"#, 42203),
            ("GET /config/s", "", 40408),
            ("GET /config/s?defaultToGlobal=true", "", 200),
            ("GET /mode/s", "", 40409),
            ("PUT /mode", r#"{"mode": "WRONG"}"#, 42204),
            ("PUT /mode", r#"{"mode": "IMPORT"}"#, 42205),
            ("DELETE /subjects/s/versions/1?permanent=true", "", 40407),
            ("DELETE /subjects/s?permanent=true", "", 40405),
            ("DELETE /contexts/.none", "", 204),
            ("DELETE /contexts/.", "", 42211),
            ("GET /exporters", "", 404),
            ("PATCH /config", "", 405),
        ],
    );
}

#[test]
fn both_doors_see_the_same_schemas_and_settings() {
    let server = Server::in_memory(&[]);
    let native = "/api/schemagroups/default";
    server.put(native, "{}").expect(201);
    let (text, avro_type) = (r#"{"type": "string"}"#, "Avro/1.12.0");
    let put = |text: &str| {
        let request = Ask::new("POST", format!("{native}/schemas/s"))
            .body(text)
            .header("content-type", "application/json")
            .header("xRegistry-format", avro_type);
        server.ask(&request)
    };
    put(text).expect(201);
    let (_, shown) = ask(&server, "GET /subjects/s/versions/1", "");
    assert_eq!((&shown["schema"], &shown["id"]), (&json!("\"string\""), &json!(1)), "{shown}");
    // The same text in another spelling is the same schema.
    let (_, again) = ask(&server, "POST /subjects/t/versions", r#"{"schema": "\"string\""}"#);
    assert_eq!(again["id"], 1, "{again}");
    // A level that is set here binds there, and the other way round.
    check(&server, &[("PUT /config/s", r#"{"compatibility": "BACKWARD"}"#, 200)]);
    put(r#""int""#).refused(422, "invalid_document");
    let meta = server.get(&format!("{native}/schemas/s/meta")).expect(200).json();
    assert_eq!(meta["muster"]["compatibility"], "BACKWARD", "{meta}");
    server
        .patch(&format!("{native}/schemas/t/meta"), r#"{"muster":{"compatibility":"NONE"}}"#)
        .expect(200);
    let (_, config) = ask(&server, "GET /config/t", "");
    assert_eq!(config["compatibilityLevel"], "NONE");
    check(
        &server,
        &[
            ("POST /subjects/t/versions", r#"{"schema": "\"int\""}"#, 200),
            ("PUT /mode/t", r#"{"mode": "READONLY"}"#, 200),
            ("POST /subjects/t/versions", r#"{"schema": "\"long\""}"#, 42205),
            ("DELETE /subjects/t", "", 42205),
        ],
    );
    server.ask(&Ask::new("DELETE", format!("{native}/schemas/t"))).refused(400, "not_available");
    // What was deleted natively is deleted softly.
    server.ask(&Ask::new("DELETE", format!("{native}/schemas/s"))).expect(204);
    check(&server, &[("GET /schemas/ids/1", "", 200), ("DELETE /subjects/s", "", 40404)]);
    let (_, all) = ask(&server, "GET /subjects?deleted=true", "");
    assert_eq!(all, json!(["s", "t"]));
}

#[test]
fn ids_versions_and_settings_outlive_the_process() {
    let folder = TempDir::new().unwrap();
    let reads = [
        "GET /schemas?deleted=true",
        "GET /subjects?deleted=true",
        "GET /schemas/ids/1/versions?deleted=true",
        "GET /config",
        "GET /config/r",
        "GET /config/early",
        "GET /mode/early",
        "GET /config/:.team:",
        "GET /subjects/a%2Fb/versions",
        "GET /contexts",
    ];
    let server = Server::on(folder.path(), &[]);
    let wide = avro(&json!([id(), {"name": "n", "type": "int", "default": 0}]));
    let narrow = avro(&json!([id()]));
    let named =
        json!({"schema": r#"{"type":"record","name":"B","fields":[{"name":"r","type":"R"}]}"#,
        "references": [{"name": "R", "subject": "r", "version": 1}],
        "metadata": {"properties": {"owner": "us"}}})
        .to_string();
    check(
        &server,
        &[
            ("POST /subjects/r/versions", &narrow, 200),
            ("POST /subjects/r/versions", &wide, 200),
            ("POST /subjects/a%2Fb/versions", &narrow, 200),
            ("POST /subjects/b/versions", &named, 200),
            ("POST /contexts/.team/subjects/r/versions", &wide, 200),
            ("PUT /config", r#"{"compatibility": "FULL"}"#, 200),
            ("PUT /config/r", r#"{"compatibility": "NONE", "normalize": true}"#, 200),
            ("PUT /config/early", r#"{"compatibility": "FORWARD"}"#, 200),
            ("PUT /mode/early", r#"{"mode": "IMPORT"}"#, 200),
            ("PUT /config/:.team:", r#"{"compatibility": "NONE"}"#, 200),
            ("DELETE /subjects/r/versions/1", "", 42206),
            ("DELETE /subjects/r/versions/2", "", 200),
            ("DELETE /subjects/a%2Fb", "", 200),
        ],
    );
    let before: Vec<_> = reads.iter().map(|read| ask(&server, read, "")).collect();
    server.kill();
    let server = Server::on(folder.path(), &[]);
    for (read, before) in reads.iter().zip(&before) {
        assert_eq!(ask(&server, read, ""), *before, "{read}");
        assert!(before.0 == 200 || read.contains("a%2Fb"), "{read}: {before:?}");
    }
    // Numbers and ids go on: no version and no schema gets one that another had.
    let (_, next) = ask(&server, "POST /subjects/r/versions", &avro(&json!([])));
    assert_eq!((&next["version"], &next["id"]), (&json!(3), &json!(4)), "{next}");
    check(
        &server,
        &[
            ("DELETE /subjects/a%2Fb?permanent=true", "", 200),
            ("GET /subjects/a%2Fb/versions?deleted=true", "", 40401),
        ],
    );
}

#[test]
fn an_import_keeps_ids_versions_and_times() {
    let server = Server::in_memory(&[]);
    let sent = |id: u32, version: u32, text: &str| {
        json!({"schema": text, "id": id, "version": version, "ts": 1_700_000_000_000_i64})
            .to_string()
    };
    check(
        &server,
        &[
            ("POST /subjects/s/versions", &sent(7, 3, "\"int\""), 42205),
            ("PUT /mode", r#"{"mode": "IMPORT"}"#, 200),
            ("POST /subjects/s/versions", &sent(7, 3, "\"int\""), 200),
            // Neither compared, nor in the order of numbers.
            ("POST /subjects/s/versions", &sent(9, 1, "\"string\""), 200),
            ("POST /subjects/t/versions", &sent(7, 1, "\"long\""), 42205),
            ("POST /subjects/s/versions", r#"{"schema": "\"bytes\""}"#, 42205),
            ("PUT /mode", r#"{"mode": "READWRITE"}"#, 200),
        ],
    );
    let (_, shown) = ask(&server, "GET /subjects/s/versions/3", "");
    assert_eq!((&shown["id"], &shown["ts"]), (&json!(7), &json!(1_700_000_000_000_i64)));
    let (_, next) = ask(&server, "POST /subjects/u/versions", r#"{"schema": "\"double\""}"#);
    assert_eq!(next["id"], 10, "{next}");
}

#[test]
fn the_highest_id_leaves_room_for_more() {
    let server = Server::in_memory(&[]);
    let sent = |id: i64, text: &str| json!({"schema": text, "id": id, "version": 1}).to_string();
    let highest = i64::from(i32::MAX);
    check(
        &server,
        &[
            ("PUT /mode", r#"{"mode": "IMPORT"}"#, 200),
            ("POST /subjects/s/versions", &sent(highest + 1, "\"int\""), 42201),
            ("POST /subjects/s/versions", &sent(i64::MAX, "\"int\""), 42201),
            ("POST /subjects/s/versions", &sent(highest, "\"int\""), 200),
            ("POST /subjects/t/versions", &sent(1, "\"string\""), 200),
            ("PUT /mode", r#"{"mode": "READWRITE"}"#, 200),
        ],
    );
    let (_, next) = ask(&server, "POST /subjects/u/versions", r#"{"schema": "\"double\""}"#);
    assert_eq!(next["id"], 2, "{next}");
    let (_, next) =
        ask(&server, "POST /subjects/u/versions?force=true", r#"{"schema": "\"int\""}"#);
    assert_eq!(next["id"], highest, "{next}");
}

/// Settings from before a subject existed stay one set of settings when it does.
#[test]
fn settings_of_a_name_become_those_of_its_subject() {
    let server = Server::in_memory(&[]);
    check(
        &server,
        &[
            ("PUT /config/s", r#"{"compatibility": "NONE"}"#, 200),
            ("POST /subjects/s/versions", r#"{"schema": "\"int\""}"#, 200),
            ("PUT /config/s", r#"{"normalize": true}"#, 200),
        ],
    );
    let (_, config) = ask(&server, "GET /config/s", "");
    assert_eq!(config, json!({"compatibilityLevel": "NONE", "normalize": true}));
    check(
        &server,
        &[
            ("POST /subjects/s/versions", r#"{"schema": "\"string\""}"#, 200),
            ("DELETE /config/s", "", 200),
            ("GET /config/s", "", 40408),
            ("POST /subjects/s/versions", r#"{"schema": "\"bytes\"", "schemaType": "AVRO"}"#, 200),
            ("POST /subjects/s/versions", r#"{"schema": "\"boolean\""}"#, 409),
        ],
    );
}

/// A draft has no subject here, so what is deleted or erased here never takes it along.
#[test]
fn a_deletion_leaves_drafts() {
    let server = Server::in_memory(&[]);
    let long = r#"{"schema": "\"long\""}"#;
    check(&server, &[("POST /subjects/s/versions", long, 200)]);
    let draft = "/api/schemagroups/default/schemas/s/versions/draft";
    let put = Ask::new("PUT", draft)
        .body("\"int\"")
        .header("content-type", "application/json")
        .header("xRegistry-format", "Avro/1.12.0")
        .header("xRegistry-state", "draft");
    server.ask(&put).expect(201);
    let is_there = || server.get(draft).expect(200);
    check(&server, &[("DELETE /subjects/s/versions/1", "", 200)]);
    is_there();
    check(&server, &[("POST /subjects/s/versions", long, 200), ("DELETE /subjects/s", "", 200)]);
    is_there();
    check(&server, &[("DELETE /contexts/.", "", 42211)]);
    check(&server, &[("DELETE /subjects/s?permanent=true", "", 200)]);
    is_there();
    check(
        &server,
        &[("GET /subjects/s/versions?deleted=true", "", 40401), ("DELETE /contexts/.", "", 42211)],
    );
    is_there();
}

#[test]
fn a_group_with_schemas_that_take_no_writes_stays() {
    let server = Server::in_memory(&[]);
    check(
        &server,
        &[
            ("POST /subjects/s/versions", r#"{"schema": "\"int\""}"#, 200),
            ("PUT /mode/s", r#"{"mode": "READONLY"}"#, 200),
        ],
    );
    for path in ["/api/schemagroups/default", "/api/schemagroups/default/schemas"] {
        server.ask(&Ask::new("DELETE", path)).refused(400, "not_available");
    }
    check(&server, &[("GET /subjects/s/versions/1", "", 200)]);
}

#[test]
fn two_who_register_the_same_schema_at_once_get_one_version() {
    let server = Server::in_memory(&[]);
    let body = avro(&json!([id()]));
    let answers: BTreeSet<String> = std::thread::scope(|scope| {
        let one = || {
            let (status, answer) = ask(&server, "POST /subjects/s/versions", &body);
            assert_eq!(status, 200, "{answer}");
            format!("{} {}", answer["id"], answer["version"])
        };
        let all: Vec<_> = (0..16).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|running| running.join().unwrap()).collect()
    });
    assert_eq!(answers, BTreeSet::from(["1 1".to_owned()]));
    assert_eq!(ask(&server, "GET /subjects/s/versions", "").1, json!([1]));
}

/// Schemas of two formats, of another context and deleted ones, with settings and a mode.
fn fill_with_everything(server: &Server) {
    let named =
        json!({"schema": r#"{"type":"record","name":"B","fields":[{"name":"r","type":"R"}]}"#,
        "references": [{"name": "R", "subject": "z", "version": 1}],
        "metadata": {"properties": {"owner": "us"}}})
        .to_string();
    let proto = json!({"schemaType": "PROTOBUF", "schema": "syntax = \"proto3\"; message P { int32 a = 1; }"})
        .to_string();
    check(
        server,
        &[
            ("POST /subjects/z/versions", &avro(&json!([id()])), 200),
            ("POST /subjects/a/versions", &named, 200),
            ("POST /subjects/p/versions", &proto, 200),
            ("POST /subjects/gone/versions", r#"{"schema": "\"int\""}"#, 200),
            ("POST /subjects/:.team:x%2Fy/versions", r#"{"schema": "\"long\""}"#, 200),
            ("DELETE /subjects/gone", "", 200),
            ("PUT /config", r#"{"compatibility": "FULL"}"#, 200),
            ("PUT /config/z", r#"{"compatibility": "NONE"}"#, 200),
            ("PUT /mode/p", r#"{"mode": "READONLY"}"#, 200),
        ],
    );
}

/// From one registry to another, and back to a third: everything is read the same there.
#[test]
fn schemas_move_between_registries_with_their_ids_and_history() {
    let folder = TempDir::new().unwrap();
    let (first, second) = (Server::in_memory(&[]), Server::in_memory(&[]));
    fill_with_everything(&first);
    let (one, two) = (folder.path().join("one.jsonl"), folder.path().join("two.jsonl"));
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());
    let (a, b) = (first.url("127.0.0.1"), second.url("127.0.0.1"));
    let from = format!("{a}/confluent");
    let command = |words: &[&str]| run(folder.path(), words).expect(0);
    let plan = command(&["import", "confluent", "--from", &from, "--server", &b, "--dry-run"]);
    assert!(plan.out.contains("register a version 1 with id 2"), "{}", plan.out);
    assert_eq!(ask(&second, "GET /subjects", "").1, json!([]));
    command(&["import", "confluent", "--from", &from, "--server", &b]);
    command(&["export", "confluent", "--server", &a, "--to", one]);
    command(&["export", "confluent", "--server", &b, "--to", two]);
    let text = |path: &str| std::fs::read_to_string(path).unwrap();
    assert_eq!(text(one), text(two));
    assert_eq!(text(two).lines().filter(|line| line.contains("\"SCHEMA\"")).count(), 5);
    let again = command(&["import", "confluent", "--from", one, "--server", &b]);
    assert!(again.out.contains("0 versions, 0 other steps; 5 unchanged"), "{}", again.out);
    let third = Server::in_memory(&[]);
    let c = third.url("127.0.0.1");
    command(&["export", "confluent", "--server", &b, "--to", &format!("{c}/confluent")]);
    for read in
        ["GET /schemas?deleted=true&subjectPrefix=:*:", "GET /config", "GET /mode", "GET /mode/p"]
    {
        assert_eq!(ask(&third, read, ""), ask(&first, read, ""), "{read}");
    }
    // The same in another spelling is no conflict, and a subject that takes no writes is opened.
    check(&second, &[("PUT /mode/z", r#"{"mode": "READONLY"}"#, 200)]);
    let other = text(one).replace(
        r#"{\"type\":\"record\",\"name\":\"R\""#,
        r#"{ \"name\":\"R\", \"type\":\"record\""#,
    );
    assert_ne!(other, text(one));
    let more = json!({"key": {"keytype": "SCHEMA", "magic": 1, "subject": "z", "version": 2},
        "value": {"subject": "z", "version": 2, "id": 50, "schema": "\"int\"", "deleted": false}});
    let mode = r#"{"key":{"keytype":"MODE","subject":"z"},"value":{"mode":"READONLY"}}"#;
    let spelled = folder.path().join("spelled.jsonl");
    std::fs::write(&spelled, format!("{other}{more}\n{mode}\n")).unwrap();
    let again =
        command(&["import", "confluent", "--from", spelled.to_str().unwrap(), "--server", &b]);
    assert!(again.out.contains("1 version, 0 other steps; 5 unchanged"), "{}", again.out);
    assert_eq!(ask(&second, "GET /mode/z", "").1["mode"], "READONLY");
    // What is there with another schema is never overwritten.
    check(&third, &[("POST /subjects/z/versions?force=true", r#"{"schema": "\"int\""}"#, 200)]);
    check(&first, &[("POST /subjects/z/versions", r#"{"schema": "\"bytes\""}"#, 200)]);
    let refused = run(folder.path(), &["import", "confluent", "--from", &from, "--server", &c]);
    assert!(refused.err.contains("already_there"), "{}", refused.err);
}

#[test]
fn a_schema_from_memory_is_the_same_and_never_stale() {
    let server = Server::in_memory(&[]);
    check(&server, &[("POST /subjects/s/versions", r#"{"schema": "\"int\""}"#, 200)]);
    let path = format!("{DOOR}/schemas/ids/1");
    let (first, second) = (server.get(&path).expect(200), server.get(&path).expect(200));
    assert_eq!(first.body, second.body);
    for name in ["content-type", "cache-control", "vary", "muster-position"] {
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
    let asked = |accept: &str| server.ask(&Ask::get(&path).header("accept", accept));
    for (accept, expect) in [
        ("application/json", "application/json"),
        ("text/html, */*;q=0.1", "application/vnd.schemaregistry.v1+json"),
        ("application/vnd.schemaregistry+json", "application/vnd.schemaregistry+json"),
    ] {
        assert_eq!(asked(accept).expect(200).header("content-type"), Some(expect), "{accept}");
    }
    asked("text/html").expect(406);
    // It is deleted, and it is erased.
    check(
        &server,
        &[
            ("DELETE /subjects/s", "", 200),
            ("GET /schemas/ids/1", "", 200),
            ("DELETE /subjects/s?permanent=true", "", 200),
            ("GET /schemas/ids/1", "", 40403),
        ],
    );
}

#[test]
fn versions_of_another_compatibility_group_are_not_compared() {
    let server = Server::in_memory(&[]);
    let body = |fields: Value, major: &str| {
        let text = json!({"type": "record", "name": "R", "fields": fields}).to_string();
        json!({"schema": text, "metadata": {"properties": {"major": major}}}).to_string()
    };
    let (one, two) = (json!([id()]), json!([{"name": "id", "type": "string"}]));
    check(
        &server,
        &[
            ("PUT /config/s", r#"{"compatibilityGroup": "major"}"#, 200),
            ("POST /subjects/s/versions", &body(one.clone(), "1"), 200),
            ("POST /subjects/s/versions", &body(two.clone(), "1"), 409),
            ("POST /subjects/s/versions", &body(two.clone(), "2"), 200),
            ("POST /subjects/s/versions", &body(json!([]), "2"), 200),
            ("POST /subjects/s/versions", &body(two, "1"), 409),
        ],
    );
    let check = "POST /compatibility/subjects/s/versions";
    for (major, expect) in [("1", true), ("2", false)] {
        let (_, answer) = ask(&server, check, &body(one.clone(), major));
        assert_eq!(answer["is_compatible"], expect, "{major}: {answer}");
    }
}

/// Clients keep a schema under its id for ever, so what its guid stands for never changes natively.
#[test]
fn what_a_guid_stands_for_stays_at_both_doors() {
    let server = Server::in_memory(&[]);
    let sent = json!({"schema": "\"int\"", "metadata": {"properties": {"a": "b"}}}).to_string();
    check(&server, &[("POST /subjects/s/versions", &sent, 200)]);
    let (_, before) = ask(&server, "GET /schemas/ids/1", "");
    let version = "/api/schemagroups/default/schemas/s/versions/1";
    let details = format!("{version}$details");
    for patch in [
        r#"{"metadata":{"properties":{"a":"c"}}}"#,
        r#"{"metadata":null}"#,
        r#"{"references":[{"name":"R","subject":"r","version":1}]}"#,
        r#"{"ruleset":{"domainRules":[]}}"#,
        r#"{"subject":"other"}"#,
        r#"{"format":"Protobuf/3"}"#,
    ] {
        server.patch(&details, patch).refused(409, "frozen_attribute");
    }
    // What it doesn't stand for may change.
    server
        .patch(&details, r#"{"name":"a number","metadata":{"properties":{"a":"b"}}}"#)
        .expect(200);
    assert_eq!(ask(&server, "GET /schemas/ids/1", "").1, before);
    // Where no writes are taken, nothing of a version changes, and nothing comes back.
    check(&server, &[("DELETE /subjects/s", "", 200)]);
    check(&server, &[("PUT /mode", r#"{"mode": "READONLY"}"#, 200)]);
    let restore = "/restore/schemagroups/default/schemas/s";
    server.ask(&Ask::new("POST", restore)).refused(400, "not_available");
    check(&server, &[("PUT /mode", r#"{"mode": "READWRITE"}"#, 200)]);
    server.ask(&Ask::new("POST", restore)).expect(200);
    check(&server, &[("PUT /mode/s", r#"{"mode": "READONLY"}"#, 200)]);
    server.patch(&details, r#"{"name":"another"}"#).refused(400, "not_available");
    server.patch(&details, r#"{"state":"deprecated"}"#).refused(400, "not_available");
    assert_eq!(ask(&server, "GET /subjects/s/versions", "").1, json!([1]));
}

/// Nobody reads with a draft or with what is in review, so neither is a version before a new one.
#[test]
fn drafts_are_no_earlier_versions_at_either_door() {
    let server = Server::in_memory(&[]);
    let native = "/api/schemagroups/default/schemas/s";
    let put = |version: &str, text: &str, state: &str| {
        let put = Ask::new("PUT", format!("{native}/versions/{version}"))
            .body(text)
            .header("content-type", "application/json")
            .header("xRegistry-format", "Avro/1.12.0")
            .header("xRegistry-state", state);
        server.ask(&put)
    };
    check(
        &server,
        &[
            ("PUT /config", r#"{"compatibility": "BACKWARD"}"#, 200),
            ("POST /subjects/s/versions", r#"{"schema": "\"int\""}"#, 200),
        ],
    );
    // A draft itself must be compatible with what is there.
    put("2", "\"string\"", "draft").refused(422, "invalid_document");
    put("2", "\"double\"", "draft").expect(201);
    put("3", "\"float\"", "review").expect(201);
    put("4", "\"long\"", "stable").expect(201);
    check(&server, &[("POST /subjects/s/versions", r#"{"schema": "\"bytes\""}"#, 409)]);
    check(&server, &[("POST /subjects/s/versions", r#"{"schema": "\"float\""}"#, 200)]);
    let (_, versions) = ask(&server, "GET /subjects/s/versions", "");
    assert_eq!(versions, json!([1, 4, 5]));
    // What came after it is compared with it when it is published: a double can't be read from bytes.
    put("6", "\"double\"", "review").expect(201);
    let publish = |version: &str| {
        server.patch(&format!("{native}/versions/{version}$details"), r#"{"state":"stable"}"#)
    };
    check(&server, &[("POST /subjects/s/versions?force=true", r#"{"schema": "\"bytes\""}"#, 200)]);
    publish("6").refused(422, "invalid_document");
    check(&server, &[("DELETE /subjects/s/versions/7", "", 200)]);
    publish("6").expect(200);
    assert_eq!(ask(&server, "GET /subjects/s/versions", "").1, json!([1, 4, 5, 6]));
}
