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

/// What can't be compared isn't compatible.
#[test]
fn a_level_lets_nothing_in_that_it_cant_compare() {
    let server = Server::in_memory(&[]);
    server.put(GROUP, r#"{"muster":{"compatibility":"BACKWARD"}}"#).expect(201);
    let sent = |media: &str, format: Option<&str>, text: &str| {
        let ask = Ask::new("POST", format!("{GROUP}/schemas/n")).body(text);
        let ask = ask.header("content-type", media);
        server.ask(&match format {
            Some(format) => ask.header("xRegistry-format", format),
            None => ask,
        })
    };
    let yaml = "application/yaml";
    sent(yaml, None, "type: integer").expect(201);
    for (media, format, text, rule) in [
        (yaml, None, "type: string", "type_changed"),
        (yaml, None, "{type: string}", "type_changed"),
        ("application/json", None, r#"{"type":"string"}"#, "type_changed"),
        ("application/json", None, r#"{"$ref":"nothere","type":"string"}"#, "undecided"),
        ("application/json", Some("Foo/1"), r#"{"type":"integer"}"#, "undecided"),
        ("application/json", Some("Avro/1.12.0"), r#"{"type":"int"}"#, "schema_format_changed"),
    ] {
        let refused = sent(media, format, text).expect(422).json();
        assert_eq!(refused["violations"][0]["keyword"], rule, "{text}: {refused}");
    }
    // Nobody moves a version to another place among the versions by its time.
    sent(yaml, None, "type: number").expect(201);
    let old = format!("{GROUP}/schemas/n/versions/1$details");
    server.patch(&old, r#"{"createdat":"2099-01-01T00:00:00Z"}"#).expect(200);
    sent(yaml, None, "type: integer").refused(422, "invalid_document");
}

#[test]
fn questions_show_nothing_beyond_the_scope_of_a_key() {
    let server = Server::in_memory(&[]);
    server.put("/api/configs/app/entries/x", r#"{"password":"hunter2"}"#).expect(201);
    server.put("/api/schemagroups/own/schemas/s", r#"{"type":"integer"}"#).expect(201);
    let made = |by: Option<&str>, request: Value| {
        let ask = Ask::json("POST", "/keys", request.to_string());
        let made = server.ask(&match by {
            Some(key) => ask.header("Authorization", format!("Bearer {key}")),
            None => ask,
        });
        made.expect(201).json()["key"].as_str().unwrap().to_owned()
    };
    let root = made(None, json!({"name": "root"}));
    let reader = json!({"name": "reader", "role": "consumer", "scope": ["/schemagroups/own"]});
    let key = made(Some(&root), reader);
    let ask = |path: &str, body: Value| {
        let ask = Ask::json("POST", path, body.to_string());
        server.ask(&ask.header("Authorization", format!("Bearer {key}")))
    };
    let outside = json!({"xid": "/configs/app/entries/x"});
    let own = json!({"xid": "/schemagroups/own/schemas/s"});
    for (path, body) in [
        ("/schemas/diff", json!({"old": outside, "new": {"schema": {}}})),
        ("/schemas/check", json!({"new": {"schema": {}}, "against": "/configs/app/entries/x"})),
        ("/schemas/check", json!({"new": outside, "old": [{"schema": {}}]})),
        ("/schemas/quality", json!({"schema": outside})),
        ("/validate", json!({"schema": outside, "payloads": [1]})),
    ] {
        let refused = ask(path, body).expect(403);
        assert!(!refused.text().contains("hunter2"), "{}", refused.text());
    }
    let refers = json!({"schema": {"$ref": "/configs/app/entries/x"}});
    let refused = ask("/validate", json!({"schema": refers, "payloads": [1]})).expect(422);
    assert!(!refused.text().contains("password"), "{}", refused.text());
    ask("/validate", json!({"schema": own, "payloads": [1]})).expect(200);
}

#[test]
fn a_schema_is_rated_and_profiled() {
    let (scratch, server) = (TempDir::new().unwrap(), Server::in_memory(&[]));
    let schema = json!({"type": "object", "properties": {"a": {"minimum": 5, "maximum": 3}}});
    let ask = json!({"schema": {"schema": schema}}).to_string();
    let report = server.post("/schemas/quality", ask.clone()).expect(200).json();
    assert!(report["qualityScore"].as_u64().unwrap() < 100, "{report}");
    assert_eq!(report["issues"][0]["path"], "/properties/a", "{report}");
    let report = server.post("/schemas/profile", ask).expect(200).json();
    assert_eq!(report["profiles"][0]["provider"], "openai");
    assert_eq!(report["profiles"][0]["usable"], false, "{report}");
    let ask = json!({"schema": {"schema": "\"int\"", "format": "avro"}}).to_string();
    server.post("/schemas/quality", ask).refused(400, "parsing_data");
    let ask = json!({"schema": {"schema": schema}, "providers": ["nobody"]}).to_string();
    server.post("/schemas/profile", ask).refused(400, "parsing_data");
    std::fs::write(scratch.path().join("a.json"), schema.to_string()).unwrap();
    let told =
        run(scratch.path(), &["schema", "quality", "a.json", "--min-score", "100"]).expect(1);
    assert!(told.err.contains("[low_quality]"), "{}", told.err);
    run(scratch.path(), &["schema", "quality", "a.json"]).expect(0);
    let told = run(scratch.path(), &["schema", "profile", "a.json", "--provider", "openai"]);
    let told = told.expect(1);
    assert!(told.out.contains("to pass:") && told.err.contains("[profile_obstacles]"));
    // What every provider takes.
    let closed = json!({
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": false,
    });
    std::fs::write(scratch.path().join("b.json"), closed.to_string()).unwrap();
    run(scratch.path(), &["schema", "profile", "b.json"]).expect(0);
}

/// A stored schema is read as what its attribute says, and not as anything else.
#[test]
fn a_format_that_isnt_known_isnt_read_as_another() {
    let server = Server::in_memory(&[]);
    put(&server, "own", "Foo/1", r#"{"type":"integer"}"#).expect(201);
    let ask = json!({"schema": {"xid": "/schemagroups/shop/schemas/own"}, "payloads": [1]});
    let refused = server.post("/validate", ask.to_string()).expect(400).text().to_owned();
    assert!(refused.contains("Foo/1"), "{refused}");
}

/// Relative references lead to the schemas beside one, wherever it is asked about.
#[test]
fn relative_references_lead_to_the_schemas_beside() {
    let server = Server::in_memory(&[]);
    let at = |name: &str| format!("{GROUP}/schemas/{name}");
    server.put(&at("val"), r#"{"type":"integer"}"#).expect(201);
    let uses = json!({"properties": {"o": {"$ref": "val"}}});
    server.put(&at("uses"), uses.to_string()).expect(201);
    let xid = "/schemagroups/shop/schemas/uses";
    let ask = json!({"schema": {"xid": xid}, "payloads": [{"o": 1}, {"o": "x"}]});
    let report = server.post("/validate", ask.to_string()).expect(200).json();
    assert_eq!(report["invalid"], 1, "{report}");
    let ask = json!({"new": {"schema": uses}, "against": xid});
    let report = server.post("/schemas/check", ask.to_string()).expect(200).json();
    assert_eq!(report["compatible"], true, "{report}");
    let ask = json!({"old": {"xid": xid}, "new": {"schema": uses}});
    let report = server.post("/schemas/diff", ask.to_string()).expect(200).json();
    assert_eq!(report["changes"], json!([]), "{report}");
}
