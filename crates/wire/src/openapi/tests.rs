#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use muster_schema::{NoSources, Schema};

use super::*;
use crate::operations::OperationAnswer;

/// The schema of every body, with the operation's id and the body's examples.
fn bodies(document: &Value) -> Vec<(String, Value, Vec<Value>)> {
    let mut bodies = Vec::new();
    let mut take = |id: &str, holder: &Value| {
        for media in holder["content"].as_object().into_iter().flat_map(Map::values) {
            let one = media.get("example").cloned();
            let several = media["examples"].as_object().into_iter().flat_map(Map::values);
            let examples = one.into_iter().chain(several.map(|example| example["value"].clone()));
            bodies.push((id.to_owned(), media["schema"].clone(), examples.collect()));
        }
    };
    for operation in document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
    {
        let id = operation["operationId"].as_str().unwrap();
        take(id, &operation["requestBody"]);
        for answer in operation["responses"].as_object().unwrap().values() {
            take(id, answer);
        }
    }
    for (name, refused) in document["components"]["responses"].as_object().unwrap() {
        take(name, refused);
    }
    bodies
}

#[test]
fn gives_no_body_an_empty_schema() {
    let document = document("0.0.0");
    let bodies = bodies(&document);
    let content = |outcome: &&OperationAnswer| !matches!(outcome.content, BodyContent::None);
    let answers = OPERATIONS.iter().flat_map(|operation| operation.answers).filter(content);
    assert!(bodies.len() > answers.count());
    for (id, schema, _) in bodies {
        let schema = match schema["$ref"].as_str() {
            Some(target) => document.pointer(target.trim_start_matches('#')).unwrap(),
            None => &schema,
        };
        let says = |member: &str| schema.get(member).is_some_and(|value| *value != json!({}));
        let is_said = match schema["type"].as_str() {
            Some("object") => says("properties") || says("additionalProperties"),
            Some(_) => true,
            None => says("anyOf") || says("oneOf"),
        };
        assert!(is_said, "{id}: {schema}");
    }
}

#[test]
fn shows_examples_that_keep_their_schemas() {
    let document = document("0.0.0");
    let mut checked = 0;
    for (id, schema, examples) in bodies(&document) {
        let mut whole = schema;
        whole["components"] = document["components"].clone();
        let schema = Schema::compile(&whole, &NoSources).unwrap();
        for example in examples {
            assert!(example.is_object() || example.is_string(), "{id}: {example}");
            let violations = schema.validate(&example);
            assert!(violations.is_empty(), "{id}: {violations:?} in {example}");
            checked += 1;
        }
    }
    assert!(checked > OPERATIONS.len(), "{checked}");
}

#[test]
fn refers_only_to_what_is_there_and_uses_all_of_it() {
    let document = document("0.0.0");
    let mut open = vec![&document];
    let mut used = BTreeSet::new();
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    let pointer = target.trim_start_matches('#');
                    assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
                    used.insert(pointer.to_owned());
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    for kind in ["parameters", "headers", "responses", "schemas"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(used.contains(&format!("/components/{kind}/{name}")), "nothing uses {name}");
        }
    }
    let tags: BTreeSet<_> = OPERATIONS.iter().map(|operation| tag(operation.path)).collect();
    assert_eq!(tags, TAGS.iter().map(|(name, _)| *name).collect());
}
