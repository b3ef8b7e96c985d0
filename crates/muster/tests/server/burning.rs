//! Rules and schemas that are written to burn time or memory.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::Server;

/// Longer than any answer may take, in a debug build on a busy machine.
const TIME: Duration = Duration::from_secs(30);

/// More than the server may ever hold for these.
const BYTES: u64 = 1024 * 1024 * 1024;

/// What became of a hostile schema or rule, and of a document that met it.
fn outcome(
    server: &mut Server,
    name: &str,
    binding: &Value,
    put: &str,
    body: &str,
    document: &str,
) -> String {
    let began = Instant::now();
    let stored = server.put(&format!("/api{put}"), body);
    let mut said = format!("{}{}", stored.status, stored.code());
    if stored.status == 201 {
        let group = format!("/api/configs/{name}");
        let bound = server.put(&group, json!({"muster": binding}).to_string());
        said.push_str(&format!(" {}{}", bound.status, bound.code()));
        if bound.status == 201 {
            let met = server.put(&format!("{group}/entries/x"), document);
            said.push_str(&format!(" {}{}", met.status, met.code()));
            if met.status == 422 {
                let violations = met.json()["violations"].as_array().unwrap().len();
                assert!((1..=101).contains(&violations), "{name}: {violations} violations");
                assert!(met.body.len() < 200_000, "{name}: {} bytes", met.body.len());
            }
        }
    }
    let took = began.elapsed();
    assert!(took < TIME, "{name} took {took:?}: {said}");
    assert!(server.is_running(), "{name} ended the server");
    let resident = server.resident_bytes();
    assert!(resident < BYTES, "{name}: {resident} bytes");
    said
}

#[test]
fn bounds_what_rules_may_burn() {
    let mut server = Server::in_memory(&[]);
    let list = format!("[{}]", vec!["1"; 200].join(","));
    let loops = |depth: usize| {
        (0..depth).fold("true".to_owned(), |inner, _| format!("document.l.all(x, {inner})"))
    };
    let maps = |depth: usize| {
        (0..depth).fold("document.l".to_owned(), |inner, _| format!("{inner}.map(x, document.l)"))
    };
    let doubling =
        (0..40).fold("['aaaaaaaaaa']".to_owned(), |inner, _| format!("{inner}.map(x, x + x)"));
    let brackets = format!("{}1{} == 1", "(".repeat(2_000), ")".repeat(2_000));
    let sum = vec!["1"; 4_000].join(" + ");
    let rule = |expression: &str| {
        json!({"expression": expression, "severity": "error", "message": "m", "pointer": ""})
            .to_string()
    };
    let message = json!({"expression": "false", "severity": "error", "pointer": "",
        "message": "${document.l.map(x, document.l.map(y, document.l))}"})
    .to_string();
    let document = format!("{{\"l\":{list},\"s\":\"{}!\"}}", "a".repeat(60_000));
    let refused = "422invalid_document";
    for (name, body, expect) in [
        ("loops", rule(&loops(4)), "201 201 422invalid_document"),
        ("many-loops", rule(&loops(30)), refused),
        ("maps", rule(&format!("size({}) == 0", maps(6))), "201 201 422invalid_document"),
        ("doubling", rule(&format!("size({doubling}[0]) > 0")), "201 201 422invalid_document"),
        ("brackets", rule(&brackets), refused),
        ("sum", rule(&format!("{sum} > 0")), refused),
        ("backtracking", rule("document.s.matches('^(a+)+$')"), "201 201 422invalid_document"),
        ("counting", rule("document.s.matches('(a{1000}){1000}')"), refused),
        (
            "pattern-of-the-document",
            rule("document.s.matches(document.s + '{1000}')"),
            "201 201 422invalid_document",
        ),
        ("dividing", rule("1 / 0 == 1"), "201 201 422invalid_document"),
        ("overflowing", rule("9223372036854775807 + 1 > 0"), "201 201 422invalid_document"),
        ("a-message", message, "201 201 422invalid_document"),
        ("a-long-rule", rule(&format!("'{}' == ''", "a".repeat(40_000))), refused),
        ("an-unknown-function", rule("exec('rm')"), refused),
        ("an-unknown-variable", rule("environment.HOME == ''"), refused),
    ] {
        let binding = json!({"rules": [format!("/rulegroups/{name}")]});
        let put = format!("/rulegroups/{name}/rules/r");
        assert_eq!(outcome(&mut server, name, &binding, &put, &body, &document), expect, "{name}");
    }
}

/// A schema in which each definition asks for the next one twice.
fn doubling(levels: usize) -> Value {
    let mut definitions = serde_json::Map::new();
    for level in 0..levels {
        let next = format!("#/$defs/d{}", level + 1);
        definitions.insert(format!("d{level}"), json!({"allOf": [{"$ref": next}, {"$ref": next}]}));
    }
    definitions.insert(format!("d{levels}"), json!(true));
    json!({"$ref": "#/$defs/d0", "$defs": definitions})
}

#[test]
fn bounds_what_schemas_may_burn() {
    let mut server = Server::in_memory(&[]);
    server.put(
        "/api/schemagroups/other/schemas/two",
        r#"{"$ref":"/schemagroups/two-files/schemas/s"}"#,
    );
    let text = format!("\"{}!\"", "a".repeat(100_000));
    let numbers = format!("[{}]", (0..60_000).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    let objects = format!(
        "[{}]",
        (0..20_000).map(|n| format!("{{\"a\":{n}}}")).collect::<Vec<_>>().join(",")
    );
    let mut deep = json!(true);
    for _ in 0..60 {
        deep = json!({"properties": {"a": deep}});
    }
    let wrong = format!("[{}]", vec!["\"x\""; 100_000].join(","));
    let fine = "201 201 201";
    let broken = "201 201 422invalid_document";
    let unusable = "201 422binding_broken";
    let refused = "422invalid_document";
    let mut others = Vec::new();
    for (name, schema, document, expect) in [
        ("backtracking", json!({"pattern": "^(a+)+$"}), text.as_str(), broken),
        ("nested-repeats", json!({"pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}), &text, broken),
        ("counting", json!({"pattern": "(a{1000}){1000}"}), &text, refused),
        ("looking-around", json!({"pattern": "^(?=(a+)+$)"}), &text, refused),
        ("looking-back", json!({"pattern": "(a+)\\1+$"}), &text, refused),
        ("itself", json!({"$ref": "#"}), "1", refused),
        (
            "each-other",
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
            "1",
            refused,
        ),
        ("doubling", doubling(30), "1", refused),
        ("a-tree", json!({"items": {"$ref": "#"}}), "[[[[[[1]]]]]]", fine),
        ("elsewhere", json!({"$ref": "http://127.0.0.1:1/schema"}), "1", unusable),
        ("a-file", json!({"$ref": "file:///etc/passwd"}), "1", unusable),
        ("nowhere", json!({"$ref": "/schemagroups/none/schemas/none"}), "1", unusable),
        ("two-files", json!({"$ref": "/schemagroups/other/schemas/two"}), "1", refused),
        ("unique-numbers", json!({"uniqueItems": true}), &numbers, fine),
        ("unique-objects", json!({"uniqueItems": true}), &objects, fine),
        ("contains", json!({"contains": {"const": 70_000}, "minContains": 1}), &numbers, broken),
        ("all-wrong", json!({"items": {"type": "integer"}}), &wrong, broken),
        (
            "all-wrong-twice",
            json!({"items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}),
            &wrong,
            broken,
        ),
        ("deep", deep, "{\"a\":{\"a\":1}}", fine),
        ("a-large-number", json!({"maximum": 5}), "1e999999999", broken),
        ("a-small-number", json!({"multipleOf": 1}), "1e-999999999", broken),
        (
            "a-large-limit",
            serde_json::from_str(r#"{"maximum":1e999999999}"#).unwrap(),
            "5",
            refused,
        ),
        (
            "a-large-multiple",
            serde_json::from_str(r#"{"multipleOf":1e-99999999}"#).unwrap(),
            "1e99999999",
            refused,
        ),
        ("many-digits", json!({"type": "integer", "multipleOf": 7}), &"7".repeat(200_000), broken),
        ("fewer-digits", json!({"type": "integer", "multipleOf": 7}), &"7".repeat(1_000), fine),
        ("an-integer", json!({"type": "integer"}), "1e999999999", broken),
        ("a-smaller-integer", json!({"type": "integer"}), "1e999", fine),
        ("no-schema", json!([1, 2]), "1", refused),
    ] {
        let binding = json!({"schema": format!("/schemagroups/{name}/schemas/s")});
        let put = format!("/schemagroups/{name}/schemas/s");
        let said = outcome(&mut server, name, &binding, &put, &schema.to_string(), document);
        if said != expect {
            others.push(format!("{name}: {said} instead of {expect}"));
        }
    }
    assert!(others.is_empty(), "{others:#?}");
}
