//! Bundles of schemas, and payloads that are checked with them offline; and the metrics of checks.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{CommandOutput, Server, run},
};

fn put(server: &Server, name: &str, format: &str, text: &str, references: &Value) {
    let body = json!({"format": format, "contenttype": "text/plain", "schemabase64": base64(text),
        "references": references});
    let path = format!("/api/schemagroups/shop/schemas/{name}$details");
    let answer = server.ask(&Ask::json("PUT", path, body.to_string()));
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
}

fn base64(text: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}

/// A registry with schemas of three formats that refer to others.
fn filled() -> Server {
    let server = Server::in_memory(&[]);
    let none = json!([]);
    let refers =
        |name: &str, subject: &str| json!([{"name": name, "subject": subject, "version": 1}]);
    let (avro, proto, draft) = ("Avro/1.12.0", "Protobuf/3", "JSONSchema/draft-07");
    put(&server, "id", avro, r#"{"type":"fixed","name":"Id","size":2}"#, &none);
    let holder = r#"{"type":"record","name":"R","fields":[{"name":"id","type":"Id"}]}"#;
    put(&server, "holder", avro, holder, &refers("Id", "id"));
    put(&server, "money", proto, "syntax = \"proto3\";\nmessage M { int64 cents = 1; }\n", &none);
    let order = "syntax = \"proto3\";\nimport \"m.proto\";\nmessage O { M total = 1; }\nmessage P { bool paid = 1; }\n";
    put(&server, "order", proto, order, &refers("m.proto", "money"));
    let ask = |name: &str, text: &str| {
        let path = format!("/api/schemagroups/shop/schemas/{name}");
        let ask = Ask::new("PUT", path).body(text).header("xRegistry-format", draft);
        server.ask(&ask.header("content-type", "application/json")).expect(201);
    };
    ask("named", r#"{"$id":"https://x.example/named","type":"string"}"#);
    ask("byid", r#"{"items":{"$ref":"https://x.example/named"}}"#);
    ask("other", r#"{"type":"object"}"#);
    server
}

fn json_of(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.out).unwrap()
}

#[test]
fn a_bundle_of_schemas_checks_payloads_without_a_registry() {
    let (scratch, server) = (TempDir::new().unwrap(), filled());
    let folder = scratch.path();
    let url = server.url("127.0.0.1");
    let bundle = |to: &str, words: &[&str]| {
        let flags = ["--to", to, "--server", &url, "--output", "json"];
        run(folder, &[&["schema", "bundle"], words, &flags].concat())
    };
    let chosen =
        ["holder", "order", "byid"].map(|name| format!("schemagroups/shop/schemas/{name}"));
    let chosen: Vec<&str> = chosen.iter().map(String::as_str).collect();
    let told = json_of(&bundle("a.bundle", &chosen).expect(0));
    let named = told["schemas"].as_array().unwrap().iter();
    let named: Vec<&str> =
        named.map(|xid| xid.as_str().unwrap().split('/').nth(4).unwrap()).collect();
    assert_eq!(named, ["byid", "holder", "id", "money", "named", "order"]);
    // The same schemas give the same bytes, however they are named.
    let again: Vec<&str> = chosen.iter().rev().copied().collect();
    bundle("b.bundle", &again).expect(0);
    let bytes = fs::read(folder.join("a.bundle")).unwrap();
    assert_eq!(bytes, fs::read(folder.join("b.bundle")).unwrap());
    let all = json_of(&bundle("c.bundle", &["schemagroups/*/schemas/*"]).expect(0));
    assert_eq!(all["schemas"].as_array().unwrap().len(), 7);
    drop(server);
    for (schema, payload, flags, expect) in [
        ("holder", r#"{"id":"ab"}"#, &[][..], None),
        ("holder/versions/1", r#"{"id":"abc"}"#, &[], Some(("/id", "size"))),
        ("order", r#"{"total":{"cents":"5"}}"#, &[], None),
        ("order", r#"{"total":{"cents":true}}"#, &[], Some(("/total/cents", "type"))),
        ("order", r#"{"paid":1}"#, &["--message", "P"], Some(("/paid", "type"))),
        ("byid", r#"["a",1]"#, &[], Some(("/1", "type"))),
        ("byid", r#"["a",]"#, &[], Some(("", "json"))),
    ] {
        fs::write(folder.join("payload.json"), payload).unwrap();
        let schema = format!("schemagroups/shop/schemas/{schema}");
        let words = ["validate", "--bundle", "a.bundle", "--schema", &schema, "payload.json"];
        let output = run(folder, &[&words, flags, &["--output", "json"]].concat());
        let told = json_of(&output.expect(i32::from(expect.is_some())));
        let first = told["violations"].get(0);
        let first =
            first.map(|one| (one["pointer"].as_str().unwrap(), one["rule"].as_str().unwrap()));
        assert_eq!(first, expect, "{schema} {payload}: {told}");
    }
}

#[test]
fn a_bundle_of_schemas_that_was_changed_is_refused() {
    let (scratch, server) = (TempDir::new().unwrap(), filled());
    let folder = scratch.path();
    let url = server.url("127.0.0.1");
    let order = "schemagroups/shop/schemas/order";
    let bundle = |words: &[&str]| {
        run(folder, &[&["schema", "bundle", "--server", &url, "--to", "a.bundle"], words].concat())
    };
    bundle(&[order]).expect(0);
    fs::write(folder.join("payload.json"), "{}").unwrap();
    let validate = |schema: &str| {
        run(folder, &["validate", "--bundle", "a.bundle", "--schema", schema, "payload.json"])
    };
    validate(order).expect(0);
    let unknown = validate("schemagroups/shop/schemas/orders").expect(1);
    assert!(unknown.err.contains("did you mean schemagroups/shop/schemas/order?"), "{unknown:#?}");
    let text = fs::read_to_string(folder.join("a.bundle")).unwrap();
    for (changed, expect) in [
        (text.replacen("int64 cents", "int32 cents", 1), "schemas/money/versions/1 was changed"),
        (text.replacen("m.proto\",\"xid", "n.proto\",\"xid", 1), "it was changed"),
        (text[..text.len() - 1].to_owned(), "it is cut off"),
        (String::new(), "it is cut off"),
        ("{}".to_owned(), "it isn't a bundle of schemas"),
    ] {
        assert_ne!(changed, text);
        fs::write(folder.join("a.bundle"), changed).unwrap();
        let told = validate(order).expect(1);
        assert!(told.err.contains(expect), "{expect}: {}", told.err);
    }
    // What lacks something isn't written.
    fs::remove_file(folder.join("a.bundle")).unwrap();
    server.put("/api/schemagroups/shop/schemas/lacks", r#"{"$ref":"nothing"}"#).expect(201);
    let told = bundle(&["schemagroups/shop/schemas/lacks"]).expect(1);
    assert!(told.err.contains("/schemagroups/shop/schemas/nothing"), "{}", told.err);
    bundle(&["schemagroups/shop/schemas/none"]).expect(1);
    bundle(&["schemagroups/none/schemas/*"]).expect(1);
    assert!(!folder.join("a.bundle").exists());
}

#[test]
fn a_subject_is_bundled_by_its_name() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
    let url = server.url("127.0.0.1");
    for subject in ["orders-value", "orders%20value"] {
        let body = json!({"schema": "\"int\""}).to_string();
        let path = format!("/confluent/subjects/{subject}/versions");
        server.ask(&Ask::json("POST", path, body)).expect(200);
    }
    let flags = ["schema", "bundle", "--to", "s.bundle", "--server", &url, "--output", "json"];
    let subjects = ["--subject", "orders-value", "--subject", "orders value"];
    let told = json_of(&run(scratch.path(), &[&flags[..], &subjects].concat()).expect(0));
    assert_eq!(told["schemas"].as_array().unwrap().len(), 2, "{told}");
    let words = [&flags[..], &["--subject", "none"]].concat();
    let none = run(scratch.path(), &words).expect(1);
    assert!(none.err.contains("there is no subject none"), "{}", none.err);
}

#[test]
fn validations_are_counted_by_their_outcome() {
    let server = Server::in_memory(&[]);
    let counts = || {
        let text = server.get("/metrics").expect(200).text().to_owned();
        let of = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let number = line.unwrap_or_else(|| panic!("{name} isn't in {text}"));
            number.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
        };
        [
            of("schema_registry_validation_requests_total{status=\"success\"}"),
            of("schema_registry_validation_requests_total{status=\"failure\"}"),
            of("schema_registry_validation_duration_seconds_count"),
        ]
    };
    assert_eq!(counts(), [0, 0, 0]);
    server.put("/api/schemagroups/s/schemas/x", r#"{"required":["a"]}"#).expect(201);
    server.put("/api/configs/free/entries/e", "{}").expect(201);
    assert_eq!(counts(), [0, 0, 0], "nothing is bound to these");
    let binding = r#"{"muster":{"schema":"/schemagroups/s/schemas/x"}}"#;
    server.put("/api/configs/bound", binding).expect(201);
    server.put("/api/configs/bound/entries/e", r#"{"a":1}"#).expect(201);
    assert_eq!(counts(), [1, 0, 1]);
    server.put("/api/configs/bound/entries/e", "{}").refused(422, "invalid_document");
    assert_eq!(counts(), [1, 1, 2]);
    for (payloads, expect) in [(json!([{"a": 1}]), [2, 1, 3]), (json!([{"a": 1}, {}]), [2, 2, 4])] {
        let ask = json!({"schema": {"xid": "/schemagroups/s/schemas/x"}, "payloads": payloads});
        server.post("/validate", ask.to_string()).expect(200);
        assert_eq!(counts(), expect);
    }
}

#[test]
fn a_new_bundle_replaces_an_earlier_one_and_no_other_file() {
    let (scratch, server) = (TempDir::new().unwrap(), filled());
    let folder = scratch.path();
    let url = server.url("127.0.0.1");
    let bundle = |name: &str| {
        let words = ["schema", "bundle", name, "--to", "shop.bundle", "--server", &url];
        run(folder, &words)
    };
    bundle("schemagroups/shop/schemas/other").expect(0);
    bundle("schemagroups/shop/schemas/order").expect(0);
    let written = fs::read_to_string(folder.join("shop.bundle")).unwrap();
    assert!(written.contains("schemas/order") && !written.contains("schemas/other"));
    for text in ["mine", &written[..written.len() / 2]] {
        fs::write(folder.join("shop.bundle"), text).unwrap();
        let refused = bundle("schemagroups/shop/schemas/order").expect(1);
        assert!(refused.err.contains("[file_exists]"), "{refused:#?}");
        assert_eq!(fs::read_to_string(folder.join("shop.bundle")).unwrap(), text);
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "no draft is left");
}

#[test]
fn the_server_checks_payloads_with_what_a_stored_schema_refers_to() {
    let server = filled();
    for (schema, payload, expect) in [
        ("holder", json!({"id": "ab"}), true),
        ("holder/versions/1", json!({"id": "abc"}), false),
        ("order", json!({"total": {"cents": "5"}}), true),
        ("order", json!({"total": {"cents": true}}), false),
        ("byid", json!(["a"]), true),
        ("byid", json!([1]), false),
    ] {
        let xid = format!("/schemagroups/shop/schemas/{schema}");
        let ask = json!({"schema": {"xid": xid}, "payloads": [payload]});
        let report = server.post("/validate", ask.to_string()).expect(200).json();
        assert_eq!(report["results"][0]["valid"], expect, "{schema} {payload}: {report}");
    }
}
