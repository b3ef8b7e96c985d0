//! Tags in the texts of schemas at Confluent's API: which ones there are, and versions with others.

use serde_json::{Value, json};

use crate::{client::Ask, harness::Server};

const DOOR: &str = "/confluent";
const ADMIN: &str = "muster_admin_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn ask_as(server: &Server, key: &str, request: &str, body: &Value) -> (u16, Value) {
    let (method, path) = request.split_once(' ').unwrap();
    let method = if method == "POST" {
        "POST"
    } else if method == "PUT" {
        "PUT"
    } else {
        "GET"
    };
    let mut ask = Ask::new(method, format!("{DOOR}{path}"));
    if !key.is_empty() {
        ask = ask.header("authorization", format!("Bearer {key}"));
    }
    if !body.is_null() {
        let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        ask = ask.body(text).header("content-type", "application/vnd.schemaregistry.v1+json");
    }
    let answer = server.ask(&ask);
    (answer.status, answer.json())
}

fn ask(server: &Server, request: &str, body: &Value) -> Value {
    ask_as(server, "", request, body).1
}

fn good(server: &Server, request: &str, body: &Value) -> Value {
    let (status, answer) = ask_as(server, "", request, body);
    assert_eq!(status, 200, "{request}: {answer}");
    answer
}

fn tags(path: &str, kind: &str, tags: &[&str]) -> Value {
    json!({"schemaEntity": {"entityPath": path, "entityType": kind}, "tags": tags})
}

fn add(all: Value) -> Value {
    json!({ "tagsToAdd": all })
}

fn remove(all: Value) -> Value {
    json!({ "tagsToRemove": all })
}

const RECORD: &str =
    r#"{"type":"record","name":"myrecord","fields":[{"name":"f1","type":"string"}]}"#;

fn record() -> Value {
    json!({ "schema": RECORD })
}

#[test]
fn versions_with_other_tags_are_registered_and_found() {
    let server = Server::in_memory(&[]);
    for subject in ["test", ":.ctx:test"] {
        let at = format!("/subjects/{subject}/versions");
        let first = good(&server, &format!("POST {at}"), &record());
        let change = add(json!([
            tags("myrecord", "sr_record", &["TAG1", "TAG2"]),
            tags("myrecord.f1", "sr_field", &["TAG2"]),
        ]));
        let made = good(&server, &format!("POST {at}/latest/tags"), &change);
        assert_eq!((&made["version"], &made["id"]), (&json!(2), &json!(2)), "{made}");
        assert_eq!(made["metadata"]["properties"]["confluent:version"], "2", "{made}");
        let expect = r#"{"type":"record","name":"myrecord","fields":[{"name":"f1","type":"string","confluent:tags":["TAG2"]}],"confluent:tags":["TAG1","TAG2"]}"#;
        assert_eq!(made["schema"], expect);
        let change = remove(json!([tags("myrecord", "sr_record", &["TAG2"])]));
        let made = good(&server, &format!("POST {at}/2/tags"), &change);
        assert_eq!(made["version"], 3);
        assert_eq!(made["schema"], expect.replace(r#"["TAG1","TAG2"]"#, r#"["TAG1"]"#));
        // The first version has none, and nothing is said where nothing is asked.
        let found = |query: &str| good(&server, &format!("GET {at}/{query}"), &Value::Null);
        assert_eq!(found("1?findTags=*").get("schemaTags"), None);
        assert_eq!(found("1")["guid"], first["guid"]);
        assert_eq!(found("3").get("schemaTags"), None);
        let (of_record, of_field) =
            (tags("myrecord", "sr_record", &["TAG1"]), tags("myrecord.f1", "sr_field", &["TAG2"]));
        for (query, expect) in [
            ("*", json!([of_record, of_field])),
            ("TAG2", json!([of_field])),
            ("TAG1&findTags=TAG2", json!([of_record, of_field])),
        ] {
            assert_eq!(found(&format!("3?findTags={query}"))["schemaTags"], expect, "{query}");
            let id = format!("GET /schemas/ids/3?subject={subject}&findTags={query}");
            assert_eq!(good(&server, &id, &Value::Null)["schemaTags"], expect, "{query}");
        }
        assert_eq!(found("3?findTags=none").get("schemaTags"), None);
    }
    let of_context = "GET /contexts/.ctx/subjects/test/versions/2?findTags=TAG1";
    let found = good(&server, of_context, &Value::Null);
    assert_eq!(found["schemaTags"], json!([tags("myrecord", "sr_record", &["TAG1", "TAG2"])]));
    let found = good(&server, "GET /contexts/.ctx/schemas/ids/2?findTags=TAG1", &Value::Null);
    assert_eq!(found["schemaTags"].as_array().unwrap().len(), 1, "{found}");
    // An answer that is kept in memory has none either.
    for _ in 0..2 {
        let plain = good(&server, "GET /schemas/ids/3", &Value::Null);
        assert_eq!(plain.get("schemaTags"), None);
    }
}

#[test]
fn json_schema_and_protobuf_have_tags_too() {
    let server = Server::in_memory(&[]);
    let schema = r##"{"type":"object","properties":{"b":{"$ref":"#/definitions/D"},"a":{"type":"number","default":1.50}},"definitions":{"D":{"type":"object"}}}"##;
    let sent = json!({"schemaType": "JSON", "schema": schema});
    good(&server, "POST /subjects/j/versions", &sent);
    let change = add(json!([
        tags("object.a", "sr_field", &["A"]),
        tags("object.definitions.D.object", "sr_record", &["D"]),
    ]));
    let made = good(&server, "POST /subjects/j/versions/1/tags", &change);
    let expect = schema
        .replace("1.50", r#"1.50,"confluent:tags":["A"]"#)
        .replace(r#"{"D":{"type":"object"}"#, r#"{"D":{"type":"object","confluent:tags":["D"]}"#);
    assert_eq!((&made["schema"], &made["schemaType"]), (&json!(expect), &json!("JSON")));
    let found = good(&server, "GET /subjects/j/versions/2?findTags=*", &Value::Null);
    assert_eq!(found["schemaTags"], change["tagsToAdd"], "{found}");

    let schema = "syntax = \"proto3\";\npackage com.example;\n\nmessage Message1 {\n  string f1 = 1;\n  string f2 = 2;\n}\n";
    let sent = json!({"schemaType": "PROTOBUF", "schema": schema});
    good(&server, "POST /subjects/p/versions", &sent);
    let change = add(json!([
        tags("Message1.f1", "sr_field", &["TAG1"]),
        tags(".Message1.f1", "sr_field", &["TAG2"]),
    ]));
    let made = good(&server, "POST /subjects/p/versions/latest/tags", &change);
    let tagged = "  string f1 = 1 [(confluent.field_meta) = {\n    tags: [\n      \"TAG1\",\n      \"TAG2\"\n    ]\n  }];\n";
    assert_eq!(made["schema"], schema.replace("  string f1 = 1;\n", tagged));
    let found = good(&server, "GET /schemas/ids/4?findTags=TAG2&format=serialized", &Value::Null);
    let expect = json!([tags("Message1.f1", "sr_field", &["TAG1", "TAG2"])]);
    assert_eq!(found["schemaTags"], expect, "{found}");
}

#[test]
fn tags_of_a_schema_with_references_change_with_them() {
    let server = Server::in_memory(&[]);
    let other = r#"{"type":"record","name":"a.Other","fields":[{"name":"x","type":"int","confluent:tags":["X"]}]}"#;
    good(&server, "POST /subjects/other/versions", &json!({ "schema": other }));
    let text = r#"{"type":"record","name":"R","fields":[{"name":"o","type":"a.Other"}]}"#;
    let references = json!([{"name": "a.Other", "subject": "other", "version": 1}]);
    let sent = json!({"schema": text, "references": references});
    good(&server, "POST /subjects/s/versions", &sent);
    let change = add(json!([tags("R.o", "sr_field", &["O"])]));
    let made = good(&server, "POST /subjects/s/versions/1/tags", &change);
    assert_eq!(made["references"], references, "{made}");
    let found = good(&server, "GET /subjects/s/versions/2?findTags=*", &Value::Null);
    let expect = json!([tags("R.o", "sr_field", &["O"]), tags("a.Other.x", "sr_field", &["X"])]);
    assert_eq!(found["schemaTags"], expect);

    let other = "syntax = \"proto3\";\nmessage Other {\n  int32 a = 1 [(confluent.field_meta).tags = \"A\"];\n}\n";
    let sent = json!({"schemaType": "PROTOBUF", "schema": other});
    good(&server, "POST /subjects/other.proto/versions", &sent);
    let text =
        "syntax = \"proto3\";\n\nimport \"other.proto\";\n\nmessage M {\n  Other o = 1;\n}\n";
    let references = json!([{"name": "other.proto", "subject": "other.proto", "version": 1}]);
    let sent = json!({"schemaType": "PROTOBUF", "schema": text, "references": references});
    good(&server, "POST /subjects/m/versions", &sent);
    let change = add(json!([tags("M", "sr_record", &["T"]), tags("M.o", "sr_field", &["O"])]));
    good(&server, "POST /subjects/m/versions/latest/tags", &change);
    let back = remove(change["tagsToAdd"].clone());
    let made = good(&server, "POST /subjects/m/versions/latest/tags", &back);
    assert_eq!(made["schema"], text);
}

#[test]
fn metadata_and_rules_change_with_a_version() {
    let server = Server::in_memory(&[]);
    let rule = |name: &str, tag: &str| json!({"name": name, "type": "CEL", "tags": [tag]});
    let up = |name: &str| json!({"name": name, "type": "CEL", "mode": "UPGRADE"});
    good(&server, "POST /subjects/test/versions", &record());
    let change = |body: Value| good(&server, "POST /subjects/test/versions/latest/tags", &body);
    let made = change(json!({
        "newVersion": 2,
        "rulesToMerge": {
            "migrationRules": [up("m1"), up("m2")],
            "domainRules": [rule("r1", "PII"), rule("r2", "PII"), rule("r3", "PII")],
        },
        "rulesToRemove": ["r4"],
        "metadata": {"properties": {"owner": "us"}},
    }));
    assert_eq!(made["version"], 2, "{made}");
    assert_eq!(made["metadata"], json!({"properties": {"owner": "us", "confluent:version": "2"}}));
    let made = change(json!({
        "rulesToMerge": {
            "migrationRules": [up("m3")],
            "domainRules": [rule("r5", "P2"), rule("r4", "P2"), rule("r2", "P2")],
        },
        "rulesToRemove": ["r1", "m2"],
    }));
    let expect = json!({
        "migrationRules": [up("m1"), up("m3")],
        "domainRules": [rule("r3", "PII"), rule("r5", "P2"), rule("r4", "P2"), rule("r2", "P2")],
    });
    assert_eq!(made["ruleSet"], expect, "{made}");
    // Without any, they and the metadata stay.
    let made = change(add(json!([tags("myrecord", "sr_record", &["T"])])));
    assert_eq!(made["ruleSet"], expect);
    assert_eq!(made["metadata"], json!({"properties": {"owner": "us", "confluent:version": "4"}}));
    // A set replaces them, and the last ones can go.
    let made = change(json!({"ruleSet": {"domainRules": [rule("r9", "X")]}}));
    assert_eq!(made["ruleSet"], json!({"domainRules": [rule("r9", "X")]}));
    let made = change(json!({"rulesToRemove": ["r9"]}));
    assert_eq!((&made["version"], made.get("ruleSet")), (&json!(6), None), "{made}");
    let shown = good(&server, "GET /subjects/test/versions/6", &Value::Null);
    assert_eq!(shown.get("ruleSet"), None);
}

/// A client that registers its schema without metadata gets the version that has it, and a new
/// version its own number.
#[test]
fn the_number_of_a_version_in_its_metadata_is_its_own() {
    let server = Server::in_memory(&[]);
    good(&server, "POST /subjects/s/versions", &record());
    let change = add(json!([tags("myrecord", "sr_record", &["T"])]));
    let made = good(&server, "POST /subjects/s/versions/1/tags", &change);
    let same = json!({"schema": made["schema"]});
    assert_eq!(good(&server, "POST /subjects/s/versions", &same)["version"], 2);
    assert_eq!(good(&server, "POST /subjects/s", &same)["version"], 2);
    let without = json!({"schema": made["schema"], "metadata": {}});
    assert_eq!(good(&server, "POST /subjects/s", &without)["version"], 2);
    assert_eq!(good(&server, "POST /subjects/s/versions", &without)["version"], 2);
    let other = RECORD
        .replace("\"string\"}", "\"string\"},{\"name\":\"n\",\"type\":\"int\",\"default\":0}");
    let made = good(&server, "POST /subjects/s/versions", &json!({ "schema": other }));
    assert_eq!(made["version"], 3);
    assert_eq!(made["metadata"]["properties"]["confluent:version"], "3", "{made}");
    let again = good(&server, "POST /subjects/s/versions", &json!({ "schema": other }));
    assert_eq!((&again["version"], &again["guid"]), (&json!(3), &made["guid"]));
    let shown = good(&server, "GET /subjects/s/versions/3", &Value::Null);
    assert_eq!((&shown["guid"], &shown["metadata"]), (&made["guid"], &made["metadata"]));
}

#[test]
fn what_cannot_be_tagged_is_refused_with_confluents_codes() {
    let server = Server::in_memory(&[]);
    good(&server, "POST /subjects/s/versions", &record());
    let one = || json!([tags("myrecord", "sr_record", &["T"])]);
    let many: Vec<Value> =
        (0..1_001).map(|at| tags(&format!("r{at}"), "sr_record", &["T"])).collect();
    let long = "t".repeat(1_025);
    let many_tags: Vec<&str> = vec!["T"; 10_001];
    let rules = json!({"domainRules": [{"name": "r", "type": "CEL"}]});
    let ill = json!({"domainRules": [{"name": "1", "type": "CEL"}]});
    for (path, body, code) in [
        ("none/versions/1", add(one()), 40401),
        ("s/versions/2", add(one()), 40402),
        ("s/versions/0", add(one()), 42202),
        ("s/versions/x", add(one()), 42202),
        ("s/versions/1", json!({"newVersion": 1, "tagsToAdd": one()}), 42201),
        ("s/versions/1", json!({"newVersion": 3, "tagsToAdd": one()}), 42201),
        ("s/versions/1", add(json!([tags("does.not.exist", "sr_field", &["T"])])), 42201),
        ("s/versions/1", add(json!([tags("myrecord", "sr_field", &["T"])])), 42201),
        ("s/versions/1", add(json!([tags("myrecord.f1", "sr_record", &["T"])])), 42201),
        ("s/versions/1", remove(json!([tags("none", "sr_record", &[])])), 42201),
        ("s/versions/1", add(json!([tags("", "sr_record", &["T"])])), 42201),
        ("s/versions/1", add(json!([tags("myrecord", "sr_enum", &["T"])])), 422),
        ("s/versions/1", add(json!([{"tags": ["T"]}])), 422),
        ("s/versions/1", json!({"tagsToAdd": "T"}), 422),
        ("s/versions/1", json!("{"), 422),
        ("s/versions/1", json!("[]"), 422),
        ("s/versions/1", json!("null"), 422),
        ("s/versions/1", json!({"metadata": "m"}), 422),
        ("s/versions/1", json!({"ruleSet": [], "tagsToAdd": one()}), 422),
        ("s/versions/1", add(json!(many)), 422),
        ("s/versions/1", add(json!([tags("myrecord", "sr_record", &[&long])])), 422),
        ("s/versions/1", add(json!([tags("myrecord", "sr_record", &many_tags)])), 422),
        ("s/versions/1", json!({"ruleSet": rules, "rulesToMerge": rules}), 42210),
        ("s/versions/1", json!({"ruleSet": rules, "rulesToRemove": []}), 42210),
        ("s/versions/1", json!({ "rulesToMerge": ill }), 42210),
        ("s/versions/1", json!({ "ruleSet": ill }), 42210),
    ] {
        let answer = ask(&server, &format!("POST /subjects/{path}/tags"), &body);
        let shown: String = body.to_string().chars().take(200).collect();
        assert_eq!(answer["error_code"], code, "{path} {shown}: {answer}");
    }
    let request = "POST /subjects/s/versions/1/tags";
    let message = ask(&server, request, &add(json!([tags("a.b", "sr_field", &["T"])])));
    assert_eq!(message["message"], "No matching path 'a.b' found in the schema");
    let versions = good(&server, "GET /subjects/s/versions", &Value::Null);
    assert_eq!(versions, json!([1]), "nothing was registered");
    // With nothing to change, a version has its number as its only change.
    assert_eq!(good(&server, request, &json!({}))["version"], 2);
    assert_eq!(good(&server, request, &json!({"tagsToAdd": [], "tagsToRemove": []}))["version"], 3);
}

#[test]
fn a_version_with_other_tags_is_checked_as_any_other() {
    let server = Server::in_memory(&[]);
    good(&server, "POST /subjects/s/versions", &record());
    let wide = RECORD.replace("[{\"name\":\"f1\",\"type\":\"string\"}]", "[]");
    good(&server, "PUT /config/s", &json!({"compatibility": "NONE"}));
    let typed = RECORD.replace("\"string\"", "\"int\"");
    good(&server, "POST /subjects/s/versions", &json!({ "schema": typed }));
    good(&server, "POST /subjects/s/versions", &json!({ "schema": wide }));
    good(&server, "PUT /config/s", &json!({"compatibility": "FORWARD_TRANSITIVE"}));
    let change = add(json!([tags("myrecord", "sr_record", &["T"])]));
    let refused = ask(&server, "POST /subjects/s/versions/1/tags", &change);
    assert_eq!(refused["error_code"], 409, "{refused}");
    good(&server, "PUT /config/s", &json!({"compatibility": "NONE"}));
    let request = "POST /subjects/s/versions/1/tags";
    for (mode, code) in [("READONLY", 42205), ("READWRITE", 0), ("READONLY_OVERRIDE", 42205)] {
        good(&server, "PUT /mode/s", &json!({ "mode": mode }));
        let answer = ask(&server, request, &change);
        assert_eq!(answer["error_code"].as_u64().unwrap_or_default(), code, "{mode}: {answer}");
        // Reading goes on.
        good(&server, "GET /subjects/s/versions/1?findTags=*", &Value::Null);
    }
    assert_eq!(good(&server, "GET /subjects/s/versions", &Value::Null), json!([1, 2, 3, 4]));
}

#[test]
fn a_key_that_may_only_read_finds_tags_and_changes_none() {
    let server = Server::with(&["--memory"], &[("MUSTER_ADMIN_KEY", ADMIN)]);
    let key = |name: &str, role: &str, scope: &[&str]| {
        let body = json!({"name": name, "role": role, "scope": scope}).to_string();
        let made =
            Ask::json("POST", "/keys", body).header("authorization", format!("Bearer {ADMIN}"));
        server.ask(&made).expect(201).json()["key"].as_str().unwrap().to_owned()
    };
    let reader = key("reader", "consumer", &["/schemagroups/default"]);
    let elsewhere = key("elsewhere", "admin", &["/schemagroups/other"]);
    let (status, _) = ask_as(&server, ADMIN, "POST /subjects/s/versions", &record());
    assert_eq!(status, 200);
    let change = add(json!([tags("myrecord", "sr_record", &["T"])]));
    let request = "POST /subjects/s/versions/1/tags";
    for (key, code) in [(reader.as_str(), 40301), (&elsewhere, 40301), ("", 40101)] {
        let (_, answer) = ask_as(&server, key, request, &change);
        assert_eq!(answer["error_code"], code, "{answer}");
    }
    let (status, made) = ask_as(&server, ADMIN, request, &change);
    assert_eq!((status, &made["version"]), (200, &json!(2)), "{made}");
    let read = "GET /subjects/s/versions/latest?findTags=*";
    let (status, found) = ask_as(&server, &reader, read, &Value::Null);
    assert_eq!((status, &found["schemaTags"]), (200, &change["tagsToAdd"]), "{found}");
    let (status, _) = ask_as(&server, &elsewhere, read, &Value::Null);
    assert_eq!(status, 404);
}

/// A large schema is gone through as other long work is, and its answer has an end.
#[test]
fn a_large_schema_is_tagged_and_searched_within_bounds() {
    let server = Server::in_memory(&[]);
    let name = "n".repeat(1_000);
    let fields: Vec<Value> = (0..9_000)
        .map(|at| json!({"name": format!("f{at}"), "type": "int", "confluent:tags": ["ALL"]}))
        .collect();
    let text = json!({"type": "record", "name": name, "fields": fields}).to_string();
    good(&server, "POST /subjects/s/versions", &json!({ "schema": text }));
    let change = add(json!([tags(&format!("{name}.f8999"), "sr_field", &["ONE"])]));
    good(&server, "POST /subjects/s/versions/1/tags", &change);
    let found = good(&server, "GET /subjects/s/versions/2?findTags=ONE", &Value::Null);
    assert_eq!(found["schemaTags"].as_array().unwrap().len(), 1);
    let (status, answer) =
        ask_as(&server, "", "GET /subjects/s/versions/2?findTags=*", &Value::Null);
    assert_eq!(status, 422, "{}", answer["message"]);
}
