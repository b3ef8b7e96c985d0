//! Checks of entities.

use super::*;

fn checked(attributes: &Value, entity: &Value) -> Result<Value, AttributeFault> {
    let model = bare(json!({
        "attributes": attributes,
        "groups": { "dirs": { "singular": "dir", "resources": { "files": { "singular": "file" } } } },
    }))
    .unwrap();
    let mut entity = entity.as_object().unwrap().clone();
    model.registry().check(&mut entity, Readonly::Drop)?;
    Ok(Value::Object(entity))
}

#[test]
fn brings_values_into_the_form_that_is_kept() {
    for (attributes, sent, kept) in [
        (json!({}), json!({ "name": null, "$schema": "x" }), json!({})),
        (json!({}), json!({ "self": 7, "epoch": "x" }), json!({})),
        (
            json!({}),
            json!({ "createdat": "2026-01-01T02:00:00+02:00" }),
            json!({ "createdat": "2026-01-01T00:00:00Z" }),
        ),
        (
            json!({}),
            json!({ "labels": { "a": null, "b-1": "" } }),
            json!({ "labels": { "b-1": "" } }),
        ),
        (json!({}), json!({ "dirs": { "A": null } }), json!({ "dirs": { "A": null } })),
        (
            json!({ "a": { "type": "string", "required": true, "default": "x" } }),
            json!({ "a": null }),
            json!({ "a": "x" }),
        ),
        (
            json!({ "a": { "type": "object", "attributes":
                { "b": { "type": "integer", "required": true, "default": 5 } } } }),
            json!({ "a": {} }),
            json!({ "a": { "b": 5 } }),
        ),
        (
            json!({ "a": { "type": "string", "enum": ["x"] } }),
            json!({ "a": "X" }),
            json!({ "a": "X" }),
        ),
        (
            json!({ "a": { "type": "string", "enum": ["x"], "strict": false } }),
            json!({ "a": "y" }),
            json!({ "a": "y" }),
        ),
        (
            json!({ "a": { "type": "array", "item": { "type": "integer" }, "enum": [1, 2] } }),
            json!({ "a": [2, 1, 2] }),
            json!({ "a": [2, 1, 2] }),
        ),
        (
            json!({ "*": { "type": "any" } }),
            json!({ "a": [null, { "B C": null }] }),
            json!({ "a": [null, { "B C": null }] }),
        ),
        (
            json!({ "a": { "type": "integer", "ifvalues": { "5": { "siblingattributes": {
                "b": { "type": "string", "required": true, "default": "on", "ifvalues": { "ON": {
                    "siblingattributes": { "c": { "type": "boolean" } } } } } } } } } }),
            json!({ "a": 5, "c": true }),
            json!({ "a": 5, "b": "on", "c": true }),
        ),
        (
            json!({ "a": { "type": "xid", "target": "/dirs/files[/versions]" }, "b": { "type": "xidtype" },
                    "c": { "type": "url", "target": "/dirs" } }),
            json!({ "a": "/dirs/d1/files/f1", "b": "/dirs/files/versions", "c": "http://x/y" }),
            json!({ "a": "/dirs/d1/files/f1", "b": "/dirs/files/versions", "c": "http://x/y" }),
        ),
        (
            json!({ "a": { "type": "array", "item": { "type": "map", "item": { "type": "uinteger" } } } }),
            json!({ "a": [{ "x": 1.0 }, {}] }),
            json!({ "a": [{ "x": 1 }, {}] }),
        ),
        (
            json!({ "a": { "type": "object", "namecharset": "extended",
                "attributes": { "*": { "type": "string" } } } }),
            json!({ "a": { "x-y.z": "1" } }),
            json!({ "a": { "x-y.z": "1" } }),
        ),
    ] {
        assert_eq!(checked(&attributes, &sent), Ok(kept), "{sent}");
    }
}

#[test]
fn refuses_what_the_model_does_not_allow() {
    let long = "x".repeat(4_096);
    for (attributes, sent, code, path) in [
        (json!({}), json!({ "a": 1 }), "unknown_attribute", "a"),
        (json!({}), json!({ "A": 1 }), "invalid_attribute", "A"),
        (json!({ "*": { "type": "any" } }), json!({ "a-b": 1 }), "invalid_attribute", "a-b"),
        (json!({}), json!({ "name": 1 }), "invalid_attribute", "name"),
        (json!({}), json!({ "name": long }), "invalid_attribute", "name"),
        (json!({}), json!({ "labels": [] }), "invalid_attribute", "labels"),
        (json!({}), json!({ "labels": { "A": "b" } }), "invalid_attribute", "labels"),
        (json!({}), json!({ "labels": { "a.b": 1 } }), "invalid_attribute", "labels['a.b']"),
        (json!({}), json!({ "createdat": "now" }), "invalid_attribute", "createdat"),
        (
            json!({ "a": { "type": "object", "attributes": { "b": { "type": "string" } } } }),
            json!({ "a": { "c": 1 } }),
            "unknown_attribute",
            "a.c",
        ),
        (
            json!({ "a": { "type": "object" } }),
            json!({ "a": { "c": 1 } }),
            "unknown_attribute",
            "a.c",
        ),
        (
            json!({ "a": { "type": "array", "item": { "type": "string" } } }),
            json!({ "a": ["x", null] }),
            "invalid_attribute",
            "a[1]",
        ),
        (
            json!({ "a": { "type": "string", "enum": ["x"] } }),
            json!({ "a": "z" }),
            "invalid_attribute",
            "a",
        ),
        (
            json!({ "a": { "type": "array", "item": { "type": "integer" }, "enum": [1, 2] } }),
            json!({ "a": [1, 3] }),
            "invalid_attribute",
            "a[1]",
        ),
        (
            json!({ "a": { "type": "map", "item": { "type": "string" }, "enum": ["x"] } }),
            json!({ "a": { "k": "X", "l": "y" } }),
            "invalid_attribute",
            "a.l",
        ),
        (
            json!({ "a": { "type": "string", "required": true }, "b": { "type": "string", "required": true } }),
            json!({ "a": null }),
            "required_attribute_missing",
            "a",
        ),
        (
            json!({ "a": { "type": "object", "attributes": { "b": { "type": "string", "required": true } } } }),
            json!({ "a": {} }),
            "required_attribute_missing",
            "a.b",
        ),
        (
            json!({ "a": { "type": "string", "ifvalues": { "x": { "siblingattributes": { "c": { "type": "any" } } } } },
                    "b": { "type": "string", "ifvalues": { "x": { "siblingattributes": { "c": { "type": "any" } } } } } }),
            json!({ "a": "x", "b": "x" }),
            "invalid_attribute",
            "b",
        ),
        (
            json!({ "a": { "type": "string", "ifvalues": { "x": { "siblingattributes": { "c": { "type": "any" } } } } } }),
            json!({ "a": "y", "c": 1 }),
            "unknown_attribute",
            "c",
        ),
        (json!({ "a": { "type": "xid" } }), json!({ "a": "dirs" }), "invalid_attribute", "a"),
        (json!({ "a": { "type": "xid" } }), json!({ "a": "/docs/d" }), "invalid_attribute", "a"),
        (json!({ "a": { "type": "xidtype" } }), json!({ "a": "/docs" }), "invalid_attribute", "a"),
        (
            json!({ "a": { "type": "xid", "target": "/dirs/files" } }),
            json!({ "a": "/dirs/d1" }),
            "invalid_attribute",
            "a",
        ),
        (
            json!({ "a": { "type": "url", "target": "/dirs" } }),
            json!({ "a": "/dirs/d1/files/f1" }),
            "invalid_attribute",
            "a",
        ),
    ] {
        let fault = checked(&attributes, &sent).unwrap_err();
        let found = match &fault {
            AttributeFault::Unknown { .. } => "unknown_attribute",
            AttributeFault::Missing { .. } => "required_attribute_missing",
            _ => "invalid_attribute",
        };
        assert_eq!((found, fault.path()), (code, path), "{sent}");
    }
}

#[test]
fn what_is_deprecated_goes_no_sooner_than_that_takes_effect() {
    let model = of_versions(json!({ "deprecated": { "type": "any" } })).unwrap();
    let kind = model.resource_type("dirs", "files").unwrap();
    let group = &model.group_type("dirs").unwrap().attributes;
    let late = json!({ "deprecated": {
        "effective": "2031-05-01T00:00:00.5Z", "removal": "2031-05-01T02:00:00+02:00" } });
    let same = json!({ "deprecated": {
        "effective": "2031-05-01T00:00:00Z", "removal": "2031-05-01T02:00:00+02:00" } });
    let expect = Err(Some("deprecated.removal".to_owned()));
    for (level, sent, expect) in [
        (&kind.meta_attributes, &late, &expect),
        (&kind.meta_attributes, &same, &Ok(())),
        (group, &late, &expect),
        (group, &json!({ "deprecated": { "removal": "2031-05-01T00:00:00Z" } }), &Ok(())),
        // For a version it is an ordinary attribute of the model.
        (&kind.attributes, &late, &Ok(())),
    ] {
        let mut sent = sent.as_object().unwrap().clone();
        let found = level.check(&mut sent, Readonly::Drop);
        let found = found.map_err(|fault| Some(fault.path().to_owned()));
        assert_eq!(found, *expect, "{sent:?}");
    }
}

#[test]
fn what_is_stored_is_checked_too_and_a_document_has_no_header_s_limit() {
    let model = of_versions(json!({ "a": { "type": "integer", "readonly": true } })).unwrap();
    let attributes = &model.resource_type("dirs", "files").unwrap().attributes;
    let stored = json!({ "a": "x" });
    let mut kept = stored.as_object().unwrap().clone();
    assert!(attributes.check(&mut kept.clone(), Readonly::Drop).is_ok());
    assert!(attributes.check(&mut kept, Readonly::Keep).is_err());
    let document = json!({ "filebase64": "x".repeat(10_000), "file": { "A": null } });
    let mut kept = document.as_object().unwrap().clone();
    assert_eq!(attributes.check(&mut kept, Readonly::Drop), Ok(()));
    assert_eq!(Value::Object(kept), document);
}

#[test]
fn gives_texts_the_type_of_their_attribute() {
    let model = bare(json!({ "attributes": {
        "flag": { "type": "boolean" },
        "size": { "type": "integer" },
        "share": { "type": "decimal" },
        "counts": { "type": "map", "item": { "type": "uinteger" } },
        "box": { "type": "object", "attributes": { "wide": { "type": "boolean" } } },
        "mode": { "type": "string", "ifvalues": {
            "a": { "siblingattributes": { "level": { "type": "integer" } } },
            "b": { "siblingattributes": { "level": { "type": "boolean" } } } } },
        "*": { "type": "boolean" },
    } }))
    .unwrap();
    for (name, text, expect) in [
        ("flag", "true", json!(true)),
        ("flag", "yes", json!("yes")),
        ("size", "12", json!(12)),
        ("size", "1.5", json!("1.5")),
        ("share", "1.50", serde_json::from_str("1.50").unwrap()),
        ("counts.a", "3", json!(3)),
        ("counts.a", "-3", json!("-3")),
        ("box.wide", "false", json!(false)),
        ("labels.a", "5", json!("5")),
        ("name", "5", json!("5")),
        ("unknown", "5", json!("5")),
        ("unknown", "true", json!(true)),
        ("level", "5", json!(5)),
        ("level", "true", json!(true)),
        ("level", "x", json!("x")),
    ] {
        assert_eq!(model.registry().value_of_text(name, text), expect, "{name}: {text}");
    }
}

#[test]
fn finds_what_must_be_the_same_in_all_versions() {
    let model = of_versions(json!({
        "a": { "type": "string", "matchversions": true },
        "b": { "type": "object", "attributes": { "c": { "type": "integer", "matchversions": true } } },
        "d": { "type": "string" },
    }))
    .unwrap();
    let files = model.resource_type("dirs", "files").unwrap();
    assert_eq!(files.matched_across_versions(), [vec!["a"], vec!["b", "c"]]);
}
