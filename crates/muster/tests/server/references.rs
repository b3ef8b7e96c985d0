//! Schemas, rules and references: a refusal names everything that is wrong.

use serde_json::{Value, json};

use crate::{client::Ask, harness::Server};

const SCHEMA: &str = r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
    "properties":{"port":{"type":"integer","maximum":65535},"name":{"type":"string"},
    "kind":{"enum":["web","worker"]}},"required":["name"]}"#;

fn rule(expression: &str, severity: &str, message: &str, pointer: &str) -> String {
    json!({"expression": expression, "severity": severity, "message": message, "pointer": pointer})
        .to_string()
}

/// A server with a collection that is bound to a schema and to two rules, and that refers to
/// itself.
fn bound() -> Server {
    let server = Server::in_memory(&[]);
    server.put("/api/schemagroups/g/schemas/service", SCHEMA).expect(201);
    let rules = "/api/rulegroups/g/rules";
    let low = rule(
        "!has(document.port) || document.port > 1023",
        "error",
        "port ${document.port} is taken",
        "/port",
    );
    server.put(&format!("{rules}/high-port"), low).expect(201);
    let short = rule("size(document.name) < 10", "warning", "the name is long", "/name");
    server.put(&format!("{rules}/short-name"), short).expect(201);
    let model = json!({"groups": {"services": {"plural": "services", "singular": "service",
        "resources": {"entries": {"plural": "entries", "singular": "entry", "muster": {
            "schema": "/schemagroups/g/schemas/service", "rules": ["/rulegroups/g"],
            "references": [{"field": "/needs/*", "collection": "/services/entries", "group": "a"}]}}}}}});
    server.put("/api/modelsource", model.to_string()).expect(200);
    server
}

fn pointers(violations: &Value, by: &str) -> Vec<String> {
    let list = violations.as_array().unwrap().iter();
    list.filter(|violation| violation.get(by).is_some())
        .map(|violation| violation["pointer"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn names_every_violation_of_a_document() {
    let server = bound();
    let position = server.position();
    let bad = r#"{"port":80,"kind":"batch","needs":["nobody","nothing"]}"#;
    let refused = server.put("/api/services/a/entries/x", bad).refused(422, "invalid_document");
    assert_eq!(server.position(), position);
    let violations = &refused.json()["violations"];
    assert_eq!(pointers(violations, "keyword"), ["/kind", "/name"]);
    assert_eq!(pointers(violations, "rule"), ["/port"]);
    assert_eq!(pointers(violations, "reference"), ["/needs/0", "/needs/1"]);
    let text = violations.to_string();
    assert!(
        text.contains("port 80 is taken") && text.contains("/services/a/entries/nobody"),
        "{text}"
    );
    server.get("/api/services/a/entries/x").refused(404, "not_found");
    // A warning doesn't refuse; it travels beside the answer.
    let long =
        server.put("/api/services/a/entries/x", r#"{"name":"a very long name"}"#).expect(201);
    assert!(long.header("muster-warnings").unwrap().contains("short-name"), "{long:?}");
    let fine = server.put("/api/services/a/entries/y", r#"{"name":"y","needs":["x"]}"#).expect(201);
    assert_eq!(fine.header("muster-warnings"), None);
}

#[test]
fn does_not_delete_what_others_refer_to_unless_forced() {
    let server = bound();
    let path = |id: &str| format!("/api/services/a/entries/{id}");
    server.put(&path("x"), r#"{"name":"x"}"#).expect(201);
    for id in ["y", "z"] {
        server.put(&path(id), r#"{"name":"n","needs":["x"]}"#).expect(201);
    }
    let position = server.position();
    for path in [path("x"), path("x/versions/1")] {
        let refused = server.delete(&path).refused(409, "referenced").json();
        assert_eq!(
            refused["references"],
            json!(["/services/a/entries/y", "/services/a/entries/z"]),
            "{refused}"
        );
    }
    server.delete("/api/services/a/entries/x?purge").refused(409, "referenced");
    assert_eq!(server.position(), position);
    server.delete(&path("y")).expect(204);
    let refused = server.delete(&path("x")).refused(409, "referenced").json();
    assert_eq!(refused["references"], json!(["/services/a/entries/z"]));
    server.delete(&format!("{}?force", path("x"))).expect(204);
    // What dangles now is refused when it is put again.
    server.put(&path("z"), r#"{"name":"z","needs":["x"]}"#).refused(422, "invalid_document");
    // What goes together doesn't hold itself back.
    server.put(&path("x"), r#"{"name":"x"}"#).expect(201);
    server.delete("/api/services/a").expect(204);
}

#[test]
fn takes_a_circle_of_references_in_one_request_only() {
    let server = bound();
    let one = r#"{"name":"p","needs":["q"]}"#;
    server.put("/api/services/a/entries/p", one).refused(422, "invalid_document");
    let both = r#"{"entries":{"p":{"entry":{"name":"p","needs":["q"]}},"q":{"entry":{"name":"q","needs":["p"]}}}}"#;
    server.post("/api/services/a", both).expect(200);
    server.delete("/api/services/a/entries/p").refused(409, "referenced");
    let both = r#"{"p":{},"q":{}}"#;
    server.ask(&crate::client::Ask::json("DELETE", "/api/services/a/entries", both)).expect(204);
}

#[test]
fn protects_what_binds() {
    let server = bound();
    server.put("/api/services/a/entries/x", r#"{"name":"x"}"#).expect(201);
    let position = server.position();
    for path in ["/api/schemagroups/g/schemas/service", "/api/rulegroups/g", "/api/schemagroups/g"]
    {
        server.delete(path).refused(409, "referenced");
    }
    // What is bound must be what it is bound as.
    for (path, body) in [
        ("/api/schemagroups/g/schemas/service", r#"{"type":"nothing"}"#),
        ("/api/schemagroups/g/schemas/service", "[]"),
        ("/api/rulegroups/g/rules/high-port", r#"{"expression":"1 +"}"#),
        (
            "/api/rulegroups/g/rules/high-port",
            r#"{"expression":"true","severity":"fatal","message":"m","pointer":""}"#,
        ),
    ] {
        server.post(path, body).refused(422, "invalid_document");
    }
    for binding in
        [json!({"schema": "/schemagroups/g/schemas/none"}), json!({"rules": ["/rulegroups/none"]})]
    {
        let body = json!({"muster": binding}).to_string();
        let refused = server.patch("/api/services/a", body);
        assert!(
            matches!(refused.code().as_str(), "binding_missing" | "binding_broken"),
            "{refused:?}"
        );
    }
    assert_eq!(server.position(), position);
}

#[test]
fn binds_a_group_to_more_than_its_type() {
    let server = bound();
    server.put("/api/schemagroups/g/schemas/strict", r#"{"required":["owner"]}"#).expect(201);
    server
        .put("/api/services/b", r#"{"muster":{"schema":"/schemagroups/g/schemas/strict"}}"#)
        .expect(201);
    let refused = server.put("/api/services/b/entries/x", "{}").refused(422, "invalid_document");
    assert_eq!(pointers(&refused.json()["violations"], "keyword"), ["/name", "/owner"]);
    server.put("/api/services/b/entries/x", r#"{"name":"x","owner":"me"}"#).expect(201);
    server.put("/api/services/a/entries/x", r#"{"name":"x"}"#).expect(201);
}

#[test]
fn stores_nothing_unchecked_where_a_group_binds_a_schema() {
    let server = Server::in_memory(&[]);
    server.put("/api/schemagroups/g/schemas/s", r#"{"required":["a"]}"#).expect(201);
    server
        .patch("/api/configs/g", r#"{"muster":{"schema":"/schemagroups/g/schemas/s"}}"#)
        .expect(201);
    let place = "/api/configs/g/entries/e";
    let details = format!("{place}$details");
    let url = Ask::new("PUT", place).header("xRegistry-entryurl", "http://x.example/e");
    let plain = Ask::new("PUT", place).header("Content-Type", "text/plain").body("{}");
    let form = Ask::new("PUT", place)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("b=1");
    for ask in [
        Ask::json("PUT", &details, "{}"),
        Ask::json("PATCH", &details, "{}"),
        Ask::json("PUT", &details, r#"{"entryurl":"http://x.example/e"}"#),
        Ask::json("PUT", format!("{place}/meta"), "{}"),
        Ask::json("POST", format!("{place}/versions"), r#"{"1":{}}"#),
        Ask::json("POST", "/api/configs/g", r#"{"entries":{"e":{}}}"#),
        Ask::new("PUT", place),
        url,
        plain,
        form,
    ] {
        let refused = server.ask(&ask).refused(422, "invalid_document").json();
        assert_eq!(refused["violations"][0]["severity"], "error", "{ask:?}: {refused}");
        server.get(place).refused(404, "not_found");
    }
    let refused = server.ask(&Ask::json("PUT", &details, "{}")).json();
    assert_eq!(
        refused["violations"][0]["message"],
        "it is bound to /schemagroups/g/schemas/s, so it needs a document; send one"
    );
    server.put(place, r#"{"a":1}"#).expect(201);
    server.patch(&details, r#"{"entry":null}"#).refused(422, "invalid_document");
    server.patch(&details, r#"{"name":"an entry"}"#).expect(200);
    assert_eq!(server.get(place).json(), json!({"a": 1}));
}

/// A `$schema` of the registry, and what its vocabulary says of formats.
#[test]
fn a_metaschema_of_the_registry_counts_like_what_a_schema_refers_to() {
    let server = Server::in_memory(&[]);
    let draft = "https://json-schema.org/draft/2020-12";
    let names = ["core", "applicator", "unevaluated", "validation", "format-assertion"];
    let mut vocabulary: Value =
        names.iter().map(|name| (format!("{draft}/vocab/{name}"), json!(true))).collect();
    let put = |vocabulary: &Value| {
        let meta = json!({"$schema": format!("{draft}/schema"), "$id": "https://x.example/meta",
            "$vocabulary": vocabulary, "$dynamicAnchor": "meta",
            "allOf": [{"$ref": format!("{draft}/schema")}]});
        server.put("/api/schemagroups/g/schemas/meta", meta.to_string())
    };
    put(&vocabulary).expect(201);
    let schema = json!({"$schema": "https://x.example/meta", "type": "string", "format": "ipv4"});
    server.put("/api/schemagroups/g/schemas/address", schema.to_string()).expect(201);
    let model = json!({"groups": {"hosts": {"singular": "host", "resources": {"entries": {
        "singular": "entry", "muster": {"schema": "/schemagroups/g/schemas/address"}}}}}});
    server.put("/api/modelsource", model.to_string()).expect(200);
    server.put("/api/hosts/a/entries/x", r#""10.0.0.1""#).expect(201);
    let refused = server.put("/api/hosts/a/entries/x", r#""10.0.0.300""#);
    refused.refused(422, "invalid_document");
    server.delete("/api/schemagroups/g/schemas/meta").refused(409, "referenced");
    // An unknown dialect, and one that asks for more than anybody knows.
    let unknown = json!({"$schema": "https://x.example/none", "type": "string"}).to_string();
    let refused = server.put("/api/schemagroups/g/schemas/other", unknown);
    let refused = refused.refused(422, "invalid_document");
    assert_eq!(refused.json()["violations"][0]["pointer"], "/$schema");
    vocabulary["https://x.example/vocab/money"] = json!(true);
    let demanding = json!({"$schema": format!("{draft}/schema"), "$vocabulary": vocabulary});
    server.put("/api/schemagroups/g/schemas/demanding", demanding.to_string()).expect(201);
    let schema = json!({"$schema": "/schemagroups/g/schemas/demanding"}).to_string();
    let refused = server.put("/api/schemagroups/g/schemas/other", schema);
    let text = refused.refused(422, "invalid_document").text().to_owned();
    assert!(text.contains("https://x.example/vocab/money"), "{text}");
}
