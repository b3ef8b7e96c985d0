//! Questions about schemas, and groups that ask for compatible versions.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Ask,
    harness::{Server, run},
};

const GROUP: &str = "/api/schemagroups/shop";

/// Formats with an old version, one that reads its data, and one that doesn't, and the rule that
/// names why.
const FORMATS: [(&str, &str, [&str; 3], &str); 3] = [
    (
        "JSONSchema/draft-07",
        "json",
        [
            r#"{"type":"object","properties":{"n":{"type":"integer","minimum":5}}}"#,
            r#"{"type":"object","properties":{"n":{"type":"integer","minimum":1}}}"#,
            r#"{"type":"object","properties":{"n":{"type":"integer","minimum":9}}}"#,
        ],
        "minimum_increased",
    ),
    (
        "Avro/1.12.0",
        "avsc",
        [
            r#"{"type":"record","name":"R","fields":[{"name":"n","type":"int"}]}"#,
            r#"{"type":"record","name":"R","fields":[{"name":"n","type":"long"}]}"#,
            r#"{"type":"record","name":"R","fields":[{"name":"n","type":"long"},{"name":"m","type":"int"}]}"#,
        ],
        "reader_field_missing_default_value",
    ),
    (
        "Protobuf/3",
        "proto",
        [
            "syntax = \"proto3\";\nmessage R { int32 n = 1; }\n",
            "syntax = \"proto3\";\nmessage R { int32 n = 1; string m = 2; }\n",
            "syntax = \"proto3\";\nmessage R { string n = 1; string m = 2; }\n",
        ],
        "field_scalar_kind_changed",
    ),
];

fn put(server: &Server, name: &str, format: &str, text: &str) -> crate::client::Answer {
    let request = Ask::new("POST", format!("{GROUP}/schemas/{name}"))
        .body(text)
        .header("content-type", "text/plain")
        .header("xRegistry-format", format);
    server.ask(&request)
}

#[test]
fn a_group_that_asks_for_it_takes_only_compatible_versions() {
    let server = Server::in_memory(&[]);
    server.put(GROUP, r#"{"muster":{"compatibility":"BACKWARD_TRANSITIVE"}}"#).expect(201);
    for (format, name, [old, good, bad], rule) in FORMATS {
        put(&server, name, format, old).expect(201);
        put(&server, name, format, good).expect(201);
        let before = server.position();
        let refused = put(&server, name, format, bad).expect(422).json();
        assert_eq!(refused["reason"], "invalid_document", "{refused}");
        let first = &refused["violations"][0];
        assert_eq!(first["keyword"], rule, "{refused}");
        let message = first["message"].as_str().unwrap();
        assert!(
            message.starts_with("it isn't BACKWARD_TRANSITIVE compatible with version"),
            "{message}"
        );
        assert_eq!(server.position(), before, "a refusal changes nothing");
    }
    // Without the level everything is taken, and an unknown level is refused.
    let unknown = server.patch(GROUP, r#"{"muster":{"compatibility":"SIDEWAYS"}}"#);
    unknown.refused(400, "invalid_attribute");
    server.patch(GROUP, r#"{"muster":{"compatibility":"NONE"}}"#).expect(200);
    for (format, name, [.., bad], _) in FORMATS {
        put(&server, name, format, bad).expect(201);
    }
}

#[test]
fn a_schema_that_is_none_of_its_format_is_refused_with_the_place() {
    let server = Server::in_memory(&[]);
    for (format, text, keyword) in [
        (
            "Avro/1.12.0",
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
            "duplicate_field",
        ),
        ("Protobuf/3", "syntax = \"proto3\";\nmessage R { int32 n = 0; }\n", "number"),
        ("JSONSchema/draft-07", r#"{"type":"objekt"}"#, "objekt"),
    ] {
        let refused = put(&server, "wrong", format, text).expect(422).json();
        assert!(refused["violations"].to_string().contains(keyword), "{format}: {refused}");
    }
    // What an Avro schema refers to may come later.
    put(&server, "later", "Avro/1.12.0", r#"{"type":"array","items":"shop.Order"}"#).expect(201);
}

#[test]
fn questions_about_stored_schemas_are_answered() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
    let url = server.url("127.0.0.1");
    for (format, name, [old, good, bad], rule) in FORMATS {
        put(&server, name, format, old).expect(201);
        put(&server, name, format, good).expect(201);
        let xid = format!("/schemagroups/shop/schemas/{name}");
        let new = json!({"schema": bad, "format": format});
        let ask = json!({"new": new, "against": xid, "level": "BACKWARD_TRANSITIVE"});
        let report = server.post("/schemas/check", ask.to_string()).expect(200).json();
        assert_eq!(report["compatible"], false, "{report}");
        assert_eq!(report["compared"][0]["xid"], format!("{xid}/versions/2"));
        assert_eq!(report["compared"][1]["xid"], format!("{xid}/versions/1"));
        assert_eq!(report["compared"][0]["findings"][0]["rule"], rule);
        let ask = json!({"old": {"xid": format!("{xid}/versions/1")}, "new": {"xid": xid}});
        let report = server.post("/schemas/diff", ask.to_string()).expect(200).json();
        assert!(!report["changes"].as_array().unwrap().is_empty(), "{report}");
        let ask = json!({"schema": {"xid": xid}, "payloads": [{"n": 7}, {"n": "seven"}]});
        let report = server.post("/validate", ask.to_string()).expect(200).json();
        let valid = |index: usize| report["results"][index]["valid"].clone();
        assert_eq!((valid(0), valid(1)), (Value::Bool(true), Value::Bool(false)), "{report}");
        // The command says the same.
        let file = scratch.path().join(format!("new.{name}"));
        std::fs::write(&file, bad).unwrap();
        let file = file.to_str().unwrap();
        let told = run(
            scratch.path(),
            &["schema", "check", file, "--against", &xid[1..], "--server", &url],
        );
        let told = told.expect(1);
        assert!(told.out.contains(rule) && told.err.contains("[incompatible]"), "{}", told.out);
    }
    for (path, body, status, code) in [
        ("/schemas/check", r#"{"new":{"schema":{}}}"#, 400, "parsing_data"),
        (
            "/schemas/check",
            r#"{"new":{"schema":{}},"old":[{"schema":{}}],"level":"UP"}"#,
            400,
            "parsing_data",
        ),
        (
            "/schemas/check",
            r#"{"new":{"schema":{"type":5}},"old":[{"schema":{}}]}"#,
            422,
            "invalid_document",
        ),
        (
            "/schemas/diff",
            r#"{"new":{"xid":"/schemagroups/no/schemas/no"},"old":{"schema":{}}}"#,
            404,
            "not_found",
        ),
        (
            "/validate",
            r#"{"schema":{"schema":{},"format":"xml"},"payloads":[]}"#,
            400,
            "parsing_data",
        ),
        (
            "/validate",
            r#"{"schema":{"schema":"int","format":"avro"},"encoding":"binary","payloads":[5]}"#,
            400,
            "parsing_data",
        ),
    ] {
        server.post(path, body).refused(status, code);
    }
}

#[test]
fn files_are_compared_and_checked_without_a_registry() {
    let scratch = TempDir::new().unwrap();
    for (_, name, [old, good, bad], rule) in FORMATS {
        for (stem, text) in [("old", old), ("good", good), ("bad", bad)] {
            std::fs::write(scratch.path().join(format!("{stem}.{name}")), text).unwrap();
        }
        let [old, good, bad] = ["old", "good", "bad"].map(|stem| format!("{stem}.{name}"));
        run(scratch.path(), &["schema", "check", &good, "--old", &old]).expect(0);
        let told = run(scratch.path(), &["schema", "check", &bad, "--old", &good, "--old", &old]);
        assert!(told.expect(1).out.contains(rule));
        let told =
            run(scratch.path(), &["schema", "diff", &old, &good, "--output", "json"]).expect(0);
        let told: Value = serde_json::from_str(&told.out).unwrap();
        assert!(!told["changes"].as_array().unwrap().is_empty());
        std::fs::write(scratch.path().join("lines"), "{\"n\":7}\n\n{\"n\":\"seven\"}\n").unwrap();
        let told = run(scratch.path(), &["schema", "validate", &old, "lines", "--lines"]).expect(1);
        assert!(
            told.out.contains("lines:1 passes") && told.out.contains("lines:3"),
            "{}",
            told.out
        );
    }
}
