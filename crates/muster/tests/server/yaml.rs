//! Documents in YAML: checked like JSON, kept byte for byte, found again by every replay.

use serde_json::{Value, json};

use crate::{
    client::{Answer, Ask},
    harness::Server,
};

/// The schema and the rule of the collection, themselves in YAML.
const SCHEMA: &str = "\
$schema: https://json-schema.org/draft/2020-12/schema
type: object
required: [name]
properties:
  name: {type: string}
  port: &port {type: integer, maximum: 65535}
  spare: *port
  kind:
    enum: [web, worker]
";
const RULE: &str = "\
expression: '!has(document.port) || document.port > 1023'
severity: error
pointer: /port
message: port ${document.port} is taken
";

fn put(server: &Server, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
    server.ask(&Ask::new("PUT", path).header("Content-Type", kind).body(body))
}

fn put_yaml(server: &Server, path: &str, body: &str) -> Answer {
    put(server, path, "application/yaml", body)
}

/// Fills a server with a collection that is bound to a schema and a rule, and refers to itself.
fn bind(server: &Server) {
    put_yaml(server, "/api/schemagroups/g/schemas/service", SCHEMA).expect(201);
    put_yaml(server, "/api/rulegroups/g/rules/high-port", RULE).expect(201);
    let model = json!({"groups": {"services": {"plural": "services", "singular": "service",
        "resources": {"entries": {"plural": "entries", "singular": "entry", "muster": {
            "schema": "/schemagroups/g/schemas/service", "rules": ["/rulegroups/g"],
            "references": [{"field": "/needs/*", "collection": "/services/entries"}]}}}}}});
    server.put("/api/modelsource", model.to_string()).expect(200);
}

fn place(violation: &Value) -> (String, Option<u64>, Option<u64>) {
    let number = |name: &str| violation[name].as_u64();
    (violation["pointer"].as_str().unwrap().to_owned(), number("line"), number("column"))
}

#[test]
fn checks_yaml_like_json_and_locates_what_is_wrong() {
    let server = Server::in_memory(&[]);
    bind(&server);
    let position = server.position();
    let bad = "# a service\nkind: batch\nport:   80\nneeds:\n  - /services/a/entries/none\n";
    let refused = put_yaml(&server, "/api/services/a/entries/x", bad);
    let refused = refused.refused(422, "invalid_document").json();
    let found: Vec<_> = refused["violations"].as_array().unwrap().iter().map(place).collect();
    for expect in [
        ("/kind".to_owned(), Some(2), Some(7)),
        ("/port".to_owned(), Some(3), Some(9)),
        ("/needs/0".to_owned(), Some(5), Some(5)),
        ("/name".to_owned(), None, None),
    ] {
        assert!(found.contains(&expect), "{expect:?} in {refused}");
    }
    assert_eq!(found.len(), 4, "{refused}");
    for (body, line, column, message) in [
        ("name: a\nname: b\n", 2, 1, "line 2, column 1: the key \"name\" occurs twice in one map"),
        ("name: a\nport: .inf\n", 2, 7, "that JSON can't hold"),
        ("name: !mine a\n", 1, 7, "the tag !mine is unknown"),
        ("name: [a\n", 2, 1, "it isn't YAML"),
        ("name: a\n---\nname: b\n", 2, 1, "a second document begins here"),
        ("", 1, 1, "has no document"),
        ("a: &a [x, x, x]\nname: a\nb: &b [*a, *a]\n? *b\n: 1\n", 4, 3, "a key must be text"),
    ] {
        let refused = put_yaml(&server, "/api/services/a/entries/x", body);
        let refused = refused.refused(422, "invalid_document").json();
        let violation = &refused["violations"][0];
        assert_eq!(place(violation), (String::new(), Some(line), Some(column)), "{refused}");
        assert_eq!(violation["keyword"], "yaml");
        assert!(violation["message"].as_str().unwrap().contains(message), "{refused}");
    }
    assert_eq!(server.position(), position);
}

#[test]
fn keeps_yaml_byte_for_byte_under_each_of_its_media_types() {
    let server = Server::in_memory(&[]);
    bind(&server);
    let body = "# keep me\nname:   'x'   # and me\nport: 0x1F90\n";
    for (id, kind) in [
        ("a", "application/yaml"),
        ("b", "application/x-yaml"),
        ("c", "text/yaml; charset=utf-8"),
        ("d", "text/x-yaml"),
        ("e", "application/service+yaml"),
    ] {
        let path = format!("/api/services/a/entries/{id}");
        put(&server, &path, kind, body).expect(201);
        let got = server.get(&path).expect(200);
        assert_eq!(
            (got.body.as_slice(), got.header("content-type")),
            (body.as_bytes(), Some(kind))
        );
        // Without a media type, a document keeps the one that it has.
        let again = server.ask(&Ask::new("PUT", &path).body("name: y\n")).expect(200);
        assert_eq!(again.header("content-type"), Some(kind));
    }
    let validated = server.get("/validate/services/a").expect(200).json();
    assert_eq!((&validated["documents"], &validated["findings"]), (&json!(5), &json!([])));
}

#[test]
fn says_what_is_accepted_where_a_document_is_neither_json_nor_yaml() {
    let server = Server::in_memory(&[]);
    bind(&server);
    for (kind, is_told) in
        [("text/plain", true), ("application/toml", true), ("application/json", false)]
    {
        let refused = put(&server, "/api/services/a/entries/x", kind, "name: x\n");
        let refused = refused.refused(422, "invalid_document").json();
        let message = refused["violations"][0]["message"].as_str().unwrap();
        assert_eq!(
            message.contains("JSON, or YAML if its media type says so"),
            is_told,
            "{message}"
        );
    }
    // Where nothing is bound, no YAML is read.
    put_yaml(&server, "/api/configs/a/entries/chart", "a: {{ .Values.a }}\n---\nb\n").expect(201);
}

#[test]
fn judges_again_what_becomes_yaml_or_json_by_its_media_type() {
    let server = Server::in_memory(&[]);
    bind(&server);
    let (path, details) = ("/api/services/a/entries/x", "/api/services/a/entries/x$details");
    put_yaml(&server, path, "name: x\n").expect(201);
    let patch = |kind: &str| server.patch(details, json!({"contenttype": kind}).to_string());
    patch("application/json").refused(422, "invalid_document");
    patch("text/plain").refused(422, "invalid_document");
    patch("text/yaml").expect(200);
    // JSON is YAML, so it may be called that.
    server.put(path, r#"{"name": "x"}"#).expect(200);
    patch("application/yaml").expect(200);
    patch("application/json").expect(200);
    // A PATCH that brings a document keeps its media type.
    patch("application/yaml").expect(200);
    let yaml = json!({"entrybase64": "bmFtZTogeQo="}).to_string();
    server.patch(details, yaml).expect(200);
    assert_eq!(server.get(path).expect(200).body, b"name: y\n");
    server.patch(details, json!({"entry": {"name": "z"}}).to_string()).expect(200);
    let got = server.get(path).expect(200);
    assert_eq!(got.header("content-type"), Some("application/yaml"));
    server
        .patch(details, json!({"entry": {"name": 1}}).to_string())
        .refused(422, "invalid_document");
}

/// What refers to `/services/a/entries/base`, as a deletion says.
fn referrers(server: &Server) -> String {
    let refused = server.delete("/api/services/a/entries/base").refused(409, "referenced").json();
    refused["references"].to_string()
}

#[test]
fn lifts_references_from_yaml_live_and_in_every_replay() {
    let folder = tempfile::TempDir::new().unwrap();
    let data = folder.path().join("registry");
    let server = Server::on(&data, &[]);
    // Unchecked YAML, as old releases stored it: the model comes later.
    put_yaml(&server, "/api/configs/a/entries/broken", "a: [1, 2\n").expect(201);
    bind(&server);
    put_yaml(&server, "/api/services/a/entries/base", "name: base\n").expect(201);
    let refers = "name: x\nneeds:\n- /services/a/entries/base\n";
    put_yaml(&server, "/api/services/a/entries/yaml", refers).expect(201);
    put(&server, "/api/services/a/entries/text", "text/x-yaml", refers).expect(201);
    let as_json = r#"{"name": "x", "needs": ["/services/a/entries/base"]}"#;
    server.put("/api/services/a/entries/json", as_json).expect(201);
    let details = "/api/services/a/entries/json$details";
    server.patch(details, r#"{"contenttype": "application/yaml"}"#).expect(200);
    // Deleted and restored.
    server.delete("/api/services/a/entries/yaml").expect(204);
    server.ask(&Ask::new("POST", "/restore/services/a/entries/yaml")).expect(200);
    // Another model, which lifts again.
    let model: Value = server.get("/api/modelsource").expect(200).json();
    let mut other = model.clone();
    let kind = &mut other["groups"]["services"]["resources"]["entries"];
    let labels = kind["labels"].as_object_mut().unwrap();
    labels.remove("muster.references").unwrap();
    server.put("/api/modelsource", other.to_string()).expect(200);
    server.put("/api/modelsource", model.to_string()).expect(200);
    // What comes after the last model is lifted where it is folded, and nowhere else.
    put_yaml(&server, "/api/services/a/entries/late", refers).expect(201);
    server.put("/api/services/a/entries/turned", as_json).expect(201);
    let details = "/api/services/a/entries/turned$details";
    server.patch(details, r#"{"contenttype": "application/yaml"}"#).expect(200);
    // Text that becomes YAML by its media type alone.
    let leaf = "/api/schemagroups/g/schemas/leaf";
    put_yaml(&server, leaf, "type: object\n").expect(201);
    let root = "/api/schemagroups/g/schemas/root";
    let text = Ask::new("PUT", root).header("Content-Type", "text/plain");
    let text = text.header("xRegistry-format", "Other/1.0");
    server.ask(&text.body("$ref: /schemagroups/g/schemas/leaf\n")).expect(201);
    let details = format!("{root}$details");
    server.patch(&details, r#"{"contenttype": "text/yaml"}"#).expect(200);
    server.delete(leaf).refused(409, "referenced");
    let live = referrers(&server);
    for id in ["yaml", "text", "json", "late", "turned"] {
        assert!(live.contains(&format!("/services/a/entries/{id}")), "{live}");
    }
    let refused = server.delete("/api/schemagroups/g/schemas/service");
    refused.refused(409, "referenced");
    server.stop();
    let server = Server::on(&data, &[]);
    assert_eq!(referrers(&server), live);
    server.delete(leaf).refused(409, "referenced");
    let broken = server.get("/api/configs/a/entries/broken").expect(200);
    assert_eq!(broken.body, b"a: [1, 2\n");
    put_yaml(&server, "/api/services/a/entries/y", "port: 1\n").refused(422, "invalid_document");
}

#[test]
fn takes_schemas_in_yaml_and_refuses_what_is_none() {
    let server = Server::in_memory(&[]);
    let path = |id: &str| format!("/api/schemagroups/g/schemas/{id}");
    put_yaml(&server, &path("base"), "$id: https://x.example/base\ntype: object\n").expect(201);
    for (id, reference) in
        [("by-name", "/schemagroups/g/schemas/base"), ("by-id", "https://x.example/base")]
    {
        put_yaml(&server, &path(id), &format!("$ref: {reference}\n")).expect(201);
    }
    server.put(&path("mixed"), r#"{"$ref": "/schemagroups/g/schemas/by-id"}"#).expect(201);
    let bound = r#"{"muster": {"schema": "/schemagroups/g/schemas/mixed"}}"#;
    server.put("/api/configs/a", bound).expect(201);
    server.put("/api/configs/a/entries/x", "[]").refused(422, "invalid_document");
    put_yaml(&server, "/api/configs/a/entries/x", "[]").refused(422, "invalid_document");
    put_yaml(&server, "/api/configs/a/entries/x", "a: 1").expect(201);
    for (body, pointer, line, column) in [
        ("type: object\nproperties:\n  a:\n    type: text\n", "/properties/a/type", 4, 11),
        ("type: [object\n", "", 2, 1),
    ] {
        let refused = put_yaml(&server, &path("bad"), body).refused(422, "invalid_document").json();
        let expect = (pointer.to_owned(), Some(line), Some(column));
        assert_eq!(place(&refused["violations"][0]), expect, "{refused}");
    }
    // What others refer to stays.
    server.delete(&path("base")).refused(409, "referenced");
    // A bound schema stays one, and so does what leads to it.
    let details = format!("{}$details", path("base"));
    server.patch(&details, r#"{"contenttype": "text/plain"}"#).refused(422, "invalid_document");
    server.patch(&details, r#"{"contenttype": "text/yaml"}"#).expect(200);
    put(&server, &path("new"), "application/json", "type: object\n")
        .refused(422, "invalid_document");
    let rule = "expression: 'true'\nseverity: bad\npointer: ''\nmessage: m\n";
    let refused = put_yaml(&server, "/api/rulegroups/g/rules/r", rule);
    let refused = refused.refused(422, "invalid_document").json();
    assert_eq!(place(&refused["violations"][0]), ("/severity".to_owned(), Some(2), Some(11)));
}
