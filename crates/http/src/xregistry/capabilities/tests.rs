#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use serde_json::{Value, json, to_value};

use super::*;

fn current() -> Capabilities {
    Capabilities(Arc::clone(&BUILT_BARE))
}

fn change(sent: &Value, change: UpdateMode) -> Result<Value, Problem> {
    update_capabilities(&current(), sent.as_object(), change, true)
        .map(|settled| to_value(settled).unwrap())
}

#[test]
fn patches_what_is_named_and_replaces_the_rest() {
    let patched = change(&json!({"flags": ["Inline"]}), UpdateMode::Patch).unwrap();
    assert_eq!(patched["flags"], json!(["inline"]));
    assert_eq!(patched["ignores"], json!(IGNORES));
    let replaced = change(&json!({"flags": ["*"]}), UpdateMode::Replace).unwrap();
    assert_eq!(replaced["flags"], json!(FLAGS));
    assert_eq!(replaced["ignores"], json!([]));
    assert_eq!(replaced["versionmodes"], json!(["manual"]));
    let reset = update_capabilities(&current(), None, UpdateMode::Replace, true).unwrap();
    assert_eq!(reset, built(true));
}

#[test]
fn refuses_what_it_cannot_do() {
    for (sent, expect) in [
        (json!({}), None),
        (json!({"flags": []}), None),
        (json!({"pagination": true}), Some("capability_value")),
        (json!({"flags": null}), None),
        (json!({"foo": 1}), Some("capability_unknown")),
        (json!({"flags": ["foo"]}), Some("capability_value")),
        (json!({"flags": ["*", "doc"]}), Some("capability_wildcard")),
        (json!({"flags": "doc"}), Some("capability_error")),
        (json!({"flags": [1]}), Some("capability_error")),
        (json!({"shortself": true}), Some("capability_value")),
        (json!({"pagination": "yes"}), Some("capability_error")),
        (json!({"specversions": []}), Some("capability_missing_value")),
        (json!({"specversions": ["0.5"]}), Some("capability_value")),
        (json!({"versionmodes": ["createdat"]}), Some("capability_missing_value")),
        (json!({"available": {"model": {"mutable": true}}}), Some("capability_error")),
        (json!({"available": {"export": {"mutable": "no"}}}), Some("capability_error")),
        (json!({"available": {"history": {}}}), Some("capability_error")),
        (json!({"available": []}), Some("capability_error")),
        (json!({"available": {}}), None),
        (json!({"$schema": "urn:capabilities", "flags": []}), None),
        (json!({"compatibilities": {"avro": ["backward"]}}), Some("capability_error")),
    ] {
        let code = change(&sent, UpdateMode::Patch).err().map(|problem| problem.code().name());
        assert_eq!(code, expect, "{sent}");
    }
}

#[test]
fn keeps_itself_changeable_but_in_a_bare_registry() {
    let settled = |sent: Value, bare: bool| {
        update_capabilities(&current(), sent.as_object(), UpdateMode::Replace, bare)
            .map(|settled| to_value(settled.available).unwrap())
            .map_err(|problem| problem.code().name())
    };
    let entities = json!({"entities": {"mutable": true}});
    for (sent, bare, expect) in [
        (json!({}), true, Ok(entities.clone())),
        (
            json!({}),
            false,
            Ok(json!({
                "capabilities": {"mutable": true},
                "entities": {"mutable": true},
                "model": {"mutable": false},
            })),
        ),
        (json!({"available": {}}), true, Ok(entities)),
        (json!({"available": {}}), false, Err("capability_missing_value")),
        (
            json!({"available": {"Export": {}, "entities": {}}}),
            true,
            Ok(json!({"entities": {"mutable": false}, "export": {"mutable": false}})),
        ),
    ] {
        assert_eq!(settled(sent.clone(), bare), expect, "{sent} {bare}");
    }
}

#[test]
fn offers_every_capability_that_it_has() {
    let built = to_value(built(false)).unwrap();
    let names: Vec<String> = built.as_object().unwrap().keys().cloned().collect();
    assert_eq!(offered(false).into_keys().collect::<Vec<_>>(), names);
}
