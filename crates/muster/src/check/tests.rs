#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use muster_model::Foundation;
use serde_json::json;

use super::*;

fn xid(text: &str) -> Xid {
    text.parse().unwrap()
}

fn held(value: &Value) -> Held {
    let content_type = "application/json".to_owned();
    Held { bytes: value.to_string().into(), content_type }
}

fn model() -> Model {
    let source = json!({"groups": {"providers": {
        "plural": "providers", "singular": "provider", "resources": {"entries": {
            "plural": "entries", "singular": "entry",
            "muster": {"schema": "/schemagroups/w/schemas/provider", "rules": ["/rulegroups/w"]}}}}}});
    Model::compile(&source, Foundation::BuiltIn).unwrap()
}

fn holdings() -> Holdings {
    let rule = json!({"expression": "document.range[0] <= document.range[1]", "severity": "error",
        "pointer": "/range", "message": "${document.range[0]} is above ${document.range[1]}"});
    let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object", "required": ["name"]});
    let documents = [
        ("/rulegroups/w/rules/ordered", held(&rule)),
        ("/schemagroups/w/schemas/provider", held(&schema)),
    ];
    Holdings {
        documents: documents.map(|(name, held)| (xid(name), held)).into(),
        groups: [(xid("/rulegroups/w"), json!({})), (xid("/schemagroups/w"), json!({}))].into(),
        ..Holdings::default()
    }
}

fn told(holdings: &Holdings, name: &str, document: &Held) -> Vec<String> {
    let model = model();
    let found = Checker::new(&model, holdings).check(&xid(name), document);
    found.iter().map(|one| format!("{} {} {}", one.severity, one.pointer, one.message)).collect()
}

#[test]
fn finds_what_schemas_and_rules_find() {
    let provider = "/providers/cms/entries/sanity";
    for (name, document, expect) in [
        (provider, json!({"name": "a", "range": [1, 2]}), vec![]),
        (provider, json!({"name": "a", "range": [2, 1]}), vec!["error /range 2 is above 1"]),
        ("/configs/a/entries/b", json!({}), vec![]),
        ("/unknown/a/entries/b", json!({}), vec![]),
    ] {
        assert_eq!(told(&holdings(), name, &held(&document)), expect, "{document}");
    }
    let both = told(&holdings(), provider, &held(&json!({"range": [2, 1]})));
    assert_eq!(both.len(), 2, "{both:?}");
    let broken = Held { bytes: "{\"a\":1,\"a\":2}".into(), content_type: String::new() };
    assert_eq!(told(&holdings(), provider, &broken).len(), 1);
}

#[test]
fn holds_what_is_bound_to_what_it_must_be() {
    for (name, document, count) in [
        ("/rulegroups/w/rules/a", json!({"expression": "1 +"}), 1),
        (
            "/schemagroups/w/schemas/a",
            json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": 1}),
            1,
        ),
        ("/schemagroups/w/schemas/a", json!({"type": "record", "fields": 1}), 0),
    ] {
        assert_eq!(told(&holdings(), name, &held(&document)).len(), count, "{document}");
    }
}

#[test]
fn checks_what_a_group_binds_too() {
    let mut holdings = holdings();
    let schema = json!({"required": ["more"]});
    holdings.documents.insert(xid("/schemagroups/w/schemas/own"), held(&schema));
    let binding = json!({"muster": {"schema": "/schemagroups/w/schemas/own"}});
    holdings.groups.insert(xid("/configs/mine"), binding);
    assert_eq!(told(&holdings, "/configs/mine/entries/a", &held(&json!({}))).len(), 1);
    assert_eq!(told(&holdings, "/configs/other/entries/a", &held(&json!({}))).len(), 0);
}

#[test]
fn warns_of_what_may_be_elsewhere_and_refuses_what_is_nowhere() {
    for (is_all, expect) in [(false, "warning"), (true, "error")] {
        let mut holdings = Holdings { is_all, ..holdings() };
        holdings.documents.remove(&xid("/schemagroups/w/schemas/provider"));
        let found = told(&holdings, "/providers/cms/entries/a", &held(&json!({"range": [1, 2]})));
        let text = "it is bound to /schemagroups/w/schemas/provider, which isn't there";
        assert_eq!(found, [format!("{expect}  {text}")]);
    }
}
