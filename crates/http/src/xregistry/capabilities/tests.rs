#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use super::*;

fn current() -> Capabilities {
    Capabilities(Arc::new(Value::Object(built(true))))
}

fn change(sent: &Value, change: Change) -> Result<Value, Problem> {
    settle(&current(), sent.as_object(), change, true).map(Value::Object)
}

#[test]
fn patches_what_is_named_and_replaces_the_rest() {
    let patched = change(&json!({"flags": ["Inline"]}), Change::Patch).unwrap();
    assert_eq!(patched["flags"], json!(["inline"]));
    assert_eq!(patched["ignores"], json!(IGNORES));
    let replaced = change(&json!({"flags": ["*"]}), Change::Replace).unwrap();
    assert_eq!(replaced["flags"], json!(FLAGS));
    assert_eq!(replaced["ignores"], json!([]));
    assert_eq!(replaced["versionmodes"], json!(["manual"]));
    let reset = settle(&current(), None, Change::Replace, true).unwrap();
    assert_eq!(Value::Object(reset), Value::Object(built(true)));
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
        (json!({"flags": "doc"}), Some("capability_value")),
        (json!({"flags": [1]}), Some("capability_value")),
        (json!({"shortself": true}), Some("capability_value")),
        (json!({"pagination": "yes"}), Some("capability_value")),
        (json!({"specversions": []}), Some("capability_missing_value")),
        (json!({"specversions": ["0.5"]}), Some("capability_value")),
        (json!({"versionmodes": ["createdat"]}), Some("capability_missing_value")),
        (json!({"available": {"model": {"mutable": true}}}), Some("capability_value")),
        (json!({"available": {}}), Some("capability_missing_value")),
        (json!({"compatibilities": {"avro": ["backward"]}}), Some("capability_error")),
    ] {
        let code = change(&sent, Change::Patch).err().map(|problem| problem.code().name());
        assert_eq!(code, expect, "{sent}");
    }
}

#[test]
fn offers_every_capability_that_it_has() {
    let offered = offered(false);
    let built = built(false);
    let names = |value: &Map<String, Value>| value.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(offered.as_object().unwrap()), names(&built));
}
