//! What Confluent's documentation shows as calls of curl, in its order: each is answered as printed
//! there. An answer may have more members, as later releases of that registry give.

use serde_json::{Value, json};

use crate::{client::Ask, harness::Server};

/// Whether an answer has what is printed. The names of subjects are a set.
fn has(answer: &Value, printed: &Value) -> bool {
    match (answer, printed) {
        (Value::Object(answer), Value::Object(printed)) => printed
            .iter()
            .all(|(name, printed)| answer.get(name).is_some_and(|own| has(own, printed))),
        (Value::Array(answer), Value::Array(printed)) => {
            answer.len() == printed.len()
                && printed.iter().all(|one| answer.iter().any(|own| has(own, one)))
        }
        _ => answer == printed,
    }
}

/// Sends each request as curl does; where the body is empty, without one.
fn check(server: &Server, requests: &[(&'static str, &str, u16, Value)]) {
    for (request, body, status, printed) in requests {
        let (method, path) = request.split_once(' ').unwrap();
        let mut ask = Ask::new(method, format!("/confluent{path}"))
            .header("user-agent", "curl/8.0.0")
            .header("accept", "*/*");
        if !body.is_empty() {
            ask = ask.body(*body).header("content-type", "application/vnd.schemaregistry.v1+json");
        }
        let answer = server.ask(&ask);
        assert_eq!(answer.status, *status, "{request}: {answer:?}");
        assert!(has(&answer.json(), printed), "{request}: {} has no {printed}", answer.text());
    }
}

const STRING: &str = r#"{"schema": "{\"type\": \"string\"}"}"#;

#[test]
fn the_examples_of_the_documentation_are_answered_as_printed() {
    let server = Server::in_memory(&[]);
    let version = |subject: &str, version: u32| json!({"subject": subject, "version": version, "id": 1, "schema": "\"string\""});
    let id = || json!({"id": 1});
    check(
        &server,
        &[
            ("POST /subjects/Kafka-key/versions", STRING, 200, id()),
            ("POST /subjects/Kafka-value/versions", STRING, 200, id()),
            ("POST /subjects/Kafka2-value/versions", r#"{"schema": "\"string\""}"#, 200, id()),
            ("GET /subjects", "", 200, json!(["Kafka-value", "Kafka-key", "Kafka2-value"])),
            ("GET /schemas/ids/1", "", 200, json!({"schema": "\"string\""})),
            ("GET /schemas/ids/1/schema", "", 200, json!("string")),
            ("GET /subjects/Kafka-value/versions", "", 200, json!([1])),
            ("GET /subjects/Kafka-value/versions/1", "", 200, version("Kafka-value", 1)),
            ("GET /subjects/Kafka-value/versions/1/schema", "", 200, json!("string")),
            ("GET /subjects/Kafka-value/versions/latest", "", 200, version("Kafka-value", 1)),
            ("DELETE /subjects/Kafka-value/versions/1", "", 200, json!(1)),
            ("POST /subjects/Kafka-value/versions", STRING, 200, id()),
            ("DELETE /subjects/Kafka-value/versions/latest", "", 200, json!(2)),
            ("POST /subjects/Kafka-value/versions", STRING, 200, id()),
            ("GET /schemas/ids/1", "", 200, json!({"schema": "\"string\""})),
            ("POST /subjects/Kafka-key", STRING, 200, version("Kafka-key", 1)),
            (
                "POST /compatibility/subjects/Kafka-value/versions/latest",
                STRING,
                200,
                json!({"is_compatible": true}),
            ),
            ("GET /config", "", 200, json!({"compatibilityLevel": "BACKWARD"})),
            ("PUT /config", r#"{"compatibility": "NONE"}"#, 200, json!({"compatibility": "NONE"})),
            (
                "PUT /config/Kafka-value",
                r#"{"compatibility": "BACKWARD"}"#,
                200,
                json!({"compatibility": "BACKWARD"}),
            ),
            ("GET /config/Kafka-value", "", 200, json!({"compatibilityLevel": "BACKWARD"})),
            ("DELETE /config/Kafka-value", "", 200, json!({"compatibilityLevel": "BACKWARD"})),
            ("DELETE /config", "", 200, json!({"compatibilityLevel": "NONE"})),
            ("DELETE /subjects/Kafka-value", "", 200, json!([3])),
            ("GET /subjects", "", 200, json!(["Kafka-key", "Kafka2-value"])),
            (
                "GET /subjects?deleted=true",
                "",
                200,
                json!(["Kafka-key", "Kafka-value", "Kafka2-value"]),
            ),
            ("DELETE /subjects/Kafka-value?permanent=true", "", 200, json!([1, 2, 3])),
            ("GET /subjects/Kafka-value/versions", "", 404, json!({"error_code": 40401})),
        ],
    );
}

#[test]
fn formats_references_modes_and_contexts_are_answered_as_printed() {
    let server = Server::in_memory(&[]);
    let object = r#"{"schemaType": "JSON", "schema": "{\"type\":\"object\",\"properties\":{\"f1\":{\"type\":\"string\"}}}"}"#;
    let other = r#"{"schemaType": "PROTOBUF", "schema": "syntax = \"proto3\"; package com.acme; message OtherRecord { int32 an_id = 1; }"}"#;
    let own = r#"{"schemaType": "PROTOBUF", "references": [{"name": "other.proto", "subject": "other.proto", "version": 1}], "schema": "syntax = \"proto3\"; package com.acme; import \"other.proto\"; message MyRecord { string f1 = 1; OtherRecord f2 = 2; }"}"#;
    let ruled = r#"{"schema": "\"long\"", "ruleSet": {"domainRules": [{"name": "check", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": "value > 0"}]}}"#;
    check(
        &server,
        &[
            ("GET /", "", 200, json!({})),
            ("GET /schemas/types", "", 200, json!(["JSON", "PROTOBUF", "AVRO"])),
            ("POST /subjects/test-json/versions", object, 200, json!({"id": 1})),
            ("POST /subjects/other.proto/versions", other, 200, json!({"id": 2})),
            ("POST /subjects/test-protobuf/versions", own, 200, json!({"id": 3})),
            ("GET /subjects/other.proto/versions/1/referencedby", "", 200, json!([3])),
            ("GET /schemas/ids/3", "", 200, json!({"schemaType": "PROTOBUF"})),
            (
                "GET /schemas/ids/1/versions",
                "",
                200,
                json!([{"subject": "test-json", "version": 1}]),
            ),
            ("GET /schemas/ids/1/subjects", "", 200, json!(["test-json"])),
            ("DELETE /subjects/other.proto/versions/1", "", 422, json!({"error_code": 42206})),
            ("POST /subjects/ruled/versions", ruled, 200, json!({"id": 4})),
            ("GET /schemas?ruleType=CEL", "", 200, json!([{"subject": "ruled", "version": 1}])),
            ("GET /schemas?ruleType=ENCRYPT", "", 200, json!([])),
            ("GET /mode", "", 200, json!({"mode": "READWRITE"})),
            ("PUT /mode", r#"{"mode": "READONLY"}"#, 200, json!({"mode": "READONLY"})),
            ("GET /mode", "", 200, json!({"mode": "READONLY"})),
            ("PUT /mode", r#"{"mode": "READWRITE"}"#, 200, json!({"mode": "READWRITE"})),
            ("PUT /mode/test-json", r#"{"mode": "READONLY"}"#, 200, json!({"mode": "READONLY"})),
            ("DELETE /mode/test-json", "", 200, json!({"mode": "READONLY"})),
            ("POST /subjects/:.team:own/versions", STRING, 200, json!({"id": 1})),
            ("GET /contexts", "", 200, json!([".", ".team"])),
            ("GET /contexts/.team/subjects", "", 200, json!([":.team:own"])),
            ("GET /subjects?subjectPrefix=:.team:", "", 200, json!([":.team:own"])),
        ],
    );
    // What isn't here answers 404 in the form of this API.
    for request in [
        "GET /exporters",
        "POST /exporters",
        "GET /associations/subjects/s",
        "POST /associations",
        "GET /dek-registry/v1/keks",
        "GET /catalog/v1/search/basic",
    ] {
        let body = if request.starts_with("POST") { "{}" } else { "" };
        check(&server, &[(request, body, 404, json!({"error_code": 404}))]);
    }
}

/// What clients and their users look for in messages.
#[test]
fn the_messages_of_errors_are_confluents() {
    let server = Server::in_memory(&[]);
    let record = |fields: &str| {
        let text = format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
        json!({"schema": text}).to_string()
    };
    let (narrow, other) =
        (record(r#"{"name":"id","type":"long"}"#), record(r#"{"name":"id","type":"string"}"#));
    let referring =
        json!({"schema": r#"{"type":"record","name":"B","fields":[{"name":"r","type":"R"}]}"#,
        "references": [{"name": "R", "subject": "s", "version": 1}]})
        .to_string();
    let wide = json!({"schema": r#"{"type":"record","name":"R","fields":[]}"#}).to_string();
    for (request, body, code, message) in [
        ("GET /subjects/x/versions", "", 40401, "Subject 'x' not found."),
        ("POST /subjects/s/versions", narrow.as_str(), 200, ""),
        ("POST /subjects/s/versions", &wide, 200, ""),
        ("POST /subjects/b/versions", &referring, 200, ""),
        ("GET /subjects/s/versions/9", "", 40402, "Version 9 not found."),
        ("GET /schemas/ids/99", "", 40403, "Schema 99 not found"),
        ("POST /subjects/s", &other, 40403, "Schema not found"),
        (
            "POST /subjects/s/versions",
            r#"{"schema": "\"int\""}"#,
            409,
            "Schema being registered is incompatible with an earlier schema for subject \"s\", details: [",
        ),
        (
            "GET /subjects/s/versions/0",
            "",
            42202,
            "The specified version '0' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\" and the string \"-1\"",
        ),
        (
            "PUT /config",
            r#"{"compatibility": "SIDEWAYS"}"#,
            42203,
            "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive",
        ),
        (
            "GET /config/s",
            "",
            40408,
            "Subject 's' does not have subject-level compatibility configured",
        ),
        (
            "DELETE /subjects/s",
            "",
            42206,
            "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=s,version=1}.",
        ),
        (
            "DELETE /subjects/s/versions/1",
            "",
            42206,
            "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=s,version=1}.",
        ),
        (
            "DELETE /subjects/b?permanent=true",
            "",
            40405,
            "Subject 'b' was not deleted first before being permanently deleted",
        ),
        ("DELETE /subjects/b", "", 200, ""),
        (
            "DELETE /subjects/b",
            "",
            40404,
            "Subject 'b' was soft deleted.Set permanent=true to delete permanently",
        ),
        ("DELETE /subjects/s/versions/1", "", 200, ""),
        (
            "DELETE /subjects/s/versions/1",
            "",
            40406,
            "Subject 's' Version 1 was soft deleted.Set permanent=true to delete permanently",
        ),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        let mut ask = Ask::new(method, format!("/confluent{path}"));
        if !body.is_empty() {
            ask = ask.body(body).header("content-type", "application/json");
        }
        let answer = server.ask(&ask).json();
        let found = answer.get("error_code").and_then(Value::as_u64).unwrap_or(200);
        assert_eq!(found, code, "{request}: {answer}");
        let said = answer.get("message").and_then(Value::as_str).unwrap_or_default();
        assert!(said.starts_with(message), "{request}: {said}");
    }
}

/// Names that a Kafka topic or a record can't have are subjects all the same.
#[test]
fn subjects_can_have_every_legal_character() {
    let server = Server::in_memory(&[]);
    let names = [
        "a/b",
        "a b",
        "a%b",
        "a?b",
        "a#b",
        "a+b",
        "a&b=c",
        "é",
        "名前",
        "🦀",
        "A",
        "a",
        ".",
        "..",
        "_~x",
        "a:b",
        ":a",
        "-1",
        "latest",
        "\"",
        "\\",
        "'",
        "{}",
        "[0]",
        "a,b",
        "a;b",
        "@",
        "$x",
        "*",
        "~",
        "a.b.C-value",
        "__consumer",
    ];
    let encoded = |name: &str| name.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let ask = |method: &'static str, path: String, body: &str| {
        let mut ask = Ask::new(method, format!("/confluent{path}"));
        if !body.is_empty() {
            ask = ask.body(body).header("content-type", "application/json");
        }
        server.ask(&ask).expect(200).json()
    };
    for name in names {
        let path = format!("/subjects/{}/versions", encoded(name));
        assert_eq!(ask("POST", path, STRING)["id"], 1, "{name}");
    }
    let mut listed: Vec<String> =
        serde_json::from_value(ask("GET", "/subjects".to_owned(), "")).unwrap();
    let mut expected = names.map(ToOwned::to_owned).to_vec();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
    for name in names {
        let path = format!("/subjects/{}/versions/latest", encoded(name));
        assert_eq!(ask("GET", path, "")["subject"], name);
        let path = format!("/subjects/{}", encoded(name));
        assert_eq!(ask("DELETE", path.clone(), ""), json!([1]), "{name}");
        assert_eq!(ask("DELETE", format!("{path}?permanent=true"), ""), json!([1]), "{name}");
    }
    assert_eq!(ask("GET", "/subjects?deleted=true".to_owned(), ""), json!([]));
}
