#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use muster_model::Foundation;
use serde_json::json;

use super::*;

fn xid(text: &str) -> Xid {
    text.parse().unwrap()
}

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

fn model() -> Model {
    let source = json!({"groups": {"providers": {
        "plural": "providers", "singular": "provider", "resources": {"entries": {
            "plural": "entries", "singular": "entry",
            "muster": {"schema": "/schemagroups/w/schemas/provider", "rules": ["/rulegroups/w"]}}}}}});
    Model::compile(&source, Foundation::BuiltIn).unwrap()
}

/// A schema and a rule, without those named in `without`.
fn holdings(is_all: bool, without: &[&str]) -> DocumentSet {
    let rule = json!({"expression": "document.range[0] <= document.range[1]", "severity": "error",
        "pointer": "/range", "message": "${document.range[0]} is above ${document.range[1]}"});
    let schema = json!({"$schema": DRAFT, "type": "object", "required": ["name"]});
    let mut holdings = DocumentSet::new(model(), is_all);
    for (name, document) in
        [("/rulegroups/w/rules/ordered", rule), ("/schemagroups/w/schemas/provider", schema)]
    {
        if !without.contains(&name) {
            add(&mut holdings, name, &document);
        }
    }
    for group in ["/rulegroups/w", "/schemagroups/w"] {
        holdings.add_group(&xid(group), &Map::new()).unwrap();
    }
    holdings
}

fn add(holdings: &mut DocumentSet, name: &str, document: &Value) {
    holdings.add_file(&xid(name), document.to_string().into(), "application/json");
}

/// The messages about one more document.
fn told(mut holdings: DocumentSet, name: &str, document: &Value) -> Vec<String> {
    add(&mut holdings, name, document);
    lines(&holdings, name)
}

fn lines(holdings: &DocumentSet, name: &str) -> Vec<String> {
    match holdings.judge(&xid(name)) {
        Judgement::Found(found) => found
            .iter()
            .map(|one| format!("{} {} {}", one.severity, one.pointer, one.message))
            .collect(),
        Judgement::NotChecked(why) => vec![format!("not checked: {why}")],
    }
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
        assert_eq!(told(holdings(false, &[]), name, &document), expect, "{document}");
    }
    let both = told(holdings(false, &[]), provider, &json!({"range": [2, 1]}));
    assert_eq!(both.len(), 2, "{both:?}");
    let mut twice = holdings(false, &[]);
    twice.add_file(&xid(provider), "{\"a\":1,\"a\":2}".into(), "");
    assert_eq!(lines(&twice, provider).len(), 1);
}

#[test]
fn holds_what_is_bound_to_what_it_must_be() {
    for (name, document, count) in [
        ("/rulegroups/w/rules/a", json!({"expression": "1 +"}), 1),
        ("/schemagroups/w/schemas/provider", json!({"$schema": DRAFT, "type": 1}), 1),
        ("/schemagroups/w/schemas/provider", json!({"type": "record", "fields": 1}), 1),
        // Whether or not something is bound to it, it must be a schema.
        ("/schemagroups/w/schemas/a", json!({"type": "record", "fields": 1}), 1),
    ] {
        assert_eq!(told(holdings(false, &[]), name, &document).len(), count, "{document}");
    }
}

#[test]
fn checks_what_a_group_binds_too() {
    let mut held = holdings(false, &[]);
    add(&mut held, "/schemagroups/w/schemas/own", &json!({"required": ["more"]}));
    let binding = json!({"muster": {"schema": "/schemagroups/w/schemas/own"}});
    held.add_group(&xid("/configs/mine"), binding.as_object().unwrap()).unwrap();
    add(&mut held, "/configs/mine/entries/a", &json!({}));
    add(&mut held, "/configs/other/entries/a", &json!({}));
    assert_eq!(lines(&held, "/configs/mine/entries/a").len(), 1);
    assert_eq!(lines(&held, "/configs/other/entries/a").len(), 0);
}

#[test]
fn does_not_check_against_what_may_be_elsewhere_and_refuses_what_is_nowhere() {
    const SCHEMA: &str = "/schemagroups/w/schemas/provider";
    let refers = json!({"$ref": "/schemagroups/w/schemas/none"});
    let gone = format!("it is bound to {SCHEMA}, which isn't there");
    let folder = format!("not checked: it is bound to {SCHEMA}, which isn't in the folder");
    let through = format!(
        "not checked: it is bound to {SCHEMA}, which refers to /schemagroups/w/schemas/none; that isn't in the folder"
    );
    let broken = format!(
        "error  it is bound to {SCHEMA}, which can't be used: there is no /schemagroups/w/schemas/none"
    );
    for (is_all, schema, expect) in [
        (false, None, folder),
        (true, None, format!("error  {gone}")),
        (false, Some(&refers), through),
        (true, Some(&refers), broken),
    ] {
        let mut held = holdings(is_all, &[SCHEMA]);
        if let Some(schema) = schema {
            add(&mut held, SCHEMA, schema);
        }
        let found = told(held, "/providers/cms/entries/a", &json!({"range": [1, 2]}));
        assert_eq!(found, [expect]);
    }
}
