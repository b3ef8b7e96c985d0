#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use serde_json::{Value, json, to_value};

use super::*;
use crate::command::Mode;

fn change(sent: &Value, mode: Mode) -> Result<Value, CapabilityFault> {
    updated(&BARE, sent, mode, Foundation::Bare).map(|settled| to_value(settled).unwrap())
}

#[test]
fn patches_what_is_named_and_replaces_the_rest() {
    let patched = change(&json!({"flags": ["Inline"]}), Mode::Patch).unwrap();
    assert_eq!(patched["flags"], json!(["inline"]));
    assert_eq!(patched["ignores"], json!(IGNORES));
    let replaced = change(&json!({"flags": ["*"]}), Mode::Put).unwrap();
    assert_eq!(replaced["flags"], json!(FLAGS));
    assert_eq!(replaced["ignores"], json!([]));
    assert_eq!(replaced["versionmodes"], json!(["manual"]));
    for (sent, expect) in [
        (json!(["1.0.5-RC4"]), json!(["1.0.5-rc4"])),
        (json!(["1.0.5-rc4", "1.0-rc4", "1.0-rc4"]), json!(["1.0-rc4", "1.0.5-rc4"])),
        (json!(["*"]), json!([SPECVERSION])),
    ] {
        let found = change(&json!({"specversions": sent}), Mode::Put).unwrap();
        assert_eq!(found["specversions"], expect, "{sent}");
    }
    let reset = updated(&Capabilities::default(), &Value::Null, Mode::Patch, Foundation::Bare);
    assert_eq!(reset.unwrap(), **BARE);
}

#[test]
fn refuses_what_it_cannot_do() {
    use CapabilityFault as Fault;
    let text = str::to_owned;
    let value = |name, value, allowed| Fault::Value {
        name: text(name),
        value: text(value),
        allowed: text(allowed),
    };
    let missing = |name, value| Fault::MissingValue { name: text(name), value: text(value) };
    let shape = |name, expected| Fault::Shape { name: text(name), expected };
    let (list, flag) = ("a list of texts", "true or false");
    for (sent, expect) in [
        (json!({}), None),
        (json!({"flags": []}), None),
        (json!({"pagination": true}), Some(value("pagination", "true", "false"))),
        (json!({"flags": null}), None),
        (json!({"foo": 1}), Some(Fault::Unknown(text("foo")))),
        (json!({"flags": ["foo"]}), Some(value("flags", "foo", &FLAGS.join(",")))),
        (json!({"flags": ["*", "doc"]}), Some(Fault::Wildcard(text("flags")))),
        (json!({"flags": "doc"}), Some(shape("flags", list))),
        (json!({"flags": [1]}), Some(shape("flags", list))),
        (json!({"shortself": true}), Some(value("shortself", "true", "false"))),
        (json!({"pagination": "yes"}), Some(shape("pagination", flag))),
        (json!({"specversions": []}), Some(missing("specversions", SPECVERSION))),
        (json!({"specversions": "1.0-rc4"}), Some(shape("specversions", list))),
        (json!({"specversions": ["*", "1.0-rc4"]}), Some(Fault::Wildcard(text("specversions")))),
        (
            json!({"specversions": ["1.0-rc4", "1.0-rc3"]}),
            Some(value("specversions", "1.0-rc3", SPECVERSION)),
        ),
        (json!({"specversions": ["0.5"]}), Some(value("specversions", "0.5", SPECVERSION))),
        (json!({"versionmodes": ["createdat"]}), Some(missing("versionmodes", "manual"))),
        (json!({"available": {"model": {"mutable": true}}}), Some(Fault::NeverMutable("model"))),
        (
            json!({"available": {"export": {"mutable": "no"}}}),
            Some(shape("available.export.mutable", flag)),
        ),
        (json!({"available": {"history": {}}}), Some(Fault::UnknownKind(text("history")))),
        (json!({"available": []}), Some(shape("available", "an object"))),
        (json!({"available": {}}), None),
        (json!({"$schema": "urn:capabilities", "flags": []}), None),
        (json!({"compatibilities": {"avro": ["backward"]}}), Some(Fault::Compatibilities)),
        (json!(["flags"]), Some(Fault::NotObject)),
    ] {
        assert_eq!(change(&sent, Mode::Patch).err(), expect, "{sent}");
    }
}

#[test]
fn keeps_itself_changeable_but_in_a_bare_registry() {
    let settled = |sent: &Value, foundation: Foundation| {
        updated(&BARE, sent, Mode::Put, foundation)
            .map(|settled| to_value(settled.available).unwrap())
            .map_err(|fault| matches!(fault, CapabilityFault::MissingValue { .. }))
    };
    let entities = json!({"entities": {"mutable": true}});
    for (sent, foundation, expect) in [
        (json!({}), Foundation::Bare, Ok(entities.clone())),
        (
            json!({}),
            Foundation::BuiltIn,
            Ok(json!({
                "capabilities": {"mutable": true},
                "entities": {"mutable": true},
                "model": {"mutable": false},
            })),
        ),
        (json!({"available": {}}), Foundation::Bare, Ok(entities)),
        (json!({"available": {}}), Foundation::BuiltIn, Err(true)),
        (
            json!({"available": {"Export": {}, "entities": {}}}),
            Foundation::Bare,
            Ok(json!({"entities": {"mutable": false}, "export": {"mutable": false}})),
        ),
    ] {
        assert_eq!(settled(&sent, foundation), expect, "{sent} {foundation:?}");
    }
}
