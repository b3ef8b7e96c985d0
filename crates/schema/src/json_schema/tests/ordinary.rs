//! Schemas and documents of everyday size, and large ones: none is refused for its cost.

use super::*;
use crate::steps::metered;

/// A list with this many texts.
fn list(count: usize, text: impl Fn(usize) -> String) -> Value {
    (0..count).map(text).collect()
}

/// Ordinary patterns, each with a matching text and a count.
fn patterns() -> Vec<(&'static str, Value)> {
    let uuid = |n: usize| format!("{n:08x}-0123-4567-89ab-{n:012x}");
    let mail = |n: usize| format!("first.last+{n}@mail{n}.example.org");
    vec![
        ("^[ -~]{0,2000}$", list(85, |n| format!("{n:0500}"))),
        ("^.{1,255}$", list(3_200, |n| format!("{n:0100}"))),
        ("^[a-z0-9.-]{1,253}$", list(13_000, |n| format!("host-{n}.zone.example.org"))),
        ("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", list(62_000, uuid)),
        (
            "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
            list(20_000, uuid),
        ),
        (r"^[^@\s]+@[^@\s]+\.[a-z]{2,24}$", list(30_000, mail)),
        (
            "^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\
             (?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$",
            list(30_000, mail),
        ),
        (
            r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$",
            list(40_000, |n| format!("{n}.0.12-alpha.{n}+build.9a")),
        ),
        ("^([a-z]+\\.)*[a-z]+$", list(30_000, |_| "some.name.of.many.parts".to_owned())),
        (
            r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$",
            list(30_000, |n| format!("2026-11-21T18:53:29.{n}Z")),
        ),
        (
            r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
            list(30_000, |n| format!("pod-{n}.some-name.of.many-parts")),
        ),
        (
            r"^(([0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])\.){3}([0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])$",
            list(40_000, |n| format!("10.{}.{}.7", n % 256, n / 256)),
        ),
        (
            r"^(([0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|([0-9a-fA-F]{1,4}:){1,7}:|([0-9a-fA-F]{1,4}:){1,6}:[0-9a-fA-F]{1,4}|([0-9a-fA-F]{1,4}:){1,5}(:[0-9a-fA-F]{1,4}){1,2})$",
            list(20_000, |n| format!("2001:db8:0:1:2:3:4:{n:x}")),
        ),
        (
            "^(https?|wss?)://[^\\s/$.?#].[^\\s]{0,500}$",
            list(20_000, |n| format!("https://example.org/a/b?c={n}")),
        ),
        (r"^\p{L}[\p{L}' -]{0,30}$", list(20_000, |_| "Čeněk Ščerbić-Žižka".to_owned())),
        ("^[A-Za-z0-9+/]{40,4000}={0,2}$", list(200, |n| format!("{n:03900}=="))),
        ("^sha256:[0-9a-f]{64}$", list(30_000, |n| format!("sha256:{n:064x}"))),
        (
            r"^arn:aws:[a-z0-9-]{1,63}:[a-z0-9-]*:\d{12}:.{1,1024}$",
            list(10_000, |n| format!("arn:aws:s3:eu:{n:012}:bucket/{n}")),
        ),
    ]
}

#[test]
fn patterns_that_people_write_pass_in_any_number() {
    for (pattern, texts) in patterns() {
        let schema = compile(&json!({"items": {"pattern": pattern}}).to_string());
        assert_eq!(schema.validate(&texts), [], "{pattern}");
        // The same with counted steps, and with names of members.
        let steps = limits::STEPS_MAX / 4;
        assert_eq!(metered(steps, || schema.metered_for_tests().is_valid(&texts)), Ok(true));
        let names = texts.as_array().into_iter().flatten().filter_map(Value::as_str);
        let names: json::Map<_, _> = names.map(|name| (name.to_owned(), json!(1))).collect();
        let names = Value::from(names);
        for schema in [
            json!({"patternProperties": {pattern: {}}, "additionalProperties": false}),
            json!({"propertyNames": {"pattern": pattern}}),
        ] {
            let schema = compile(&schema.to_string());
            assert_eq!(schema.validate(&names), [], "{pattern}");
            assert_eq!(metered(steps, || schema.metered_for_tests().is_valid(&names)), Ok(true));
        }
    }
}

#[test]
fn many_patterns_of_names_pass_for_large_documents() {
    let named: json::Map<_, _> = (0..20)
        .map(|n| (format!("^x{n}-[a-z0-9.-]{{1,253}}$"), json!({"type": "integer"})))
        .collect();
    let schema = json!({"additionalProperties": {"patternProperties": named}});
    let member = |n: usize| (format!("x{}-some.name.of-a-label-{n}", n % 20), json!(n));
    let labels: json::Map<_, _> = (0..40).map(member).collect();
    let value: json::Map<_, _> =
        (0..300).map(|n| (format!("object-{n}"), Value::from(labels.clone()))).collect();
    let value = Value::from(value);
    assert!(value.to_string().len() > 320_000);
    assert_eq!(compile(&schema.to_string()).validate(&value), []);
}

/// The number of kinds; each value is one of them.
const KINDS: usize = 250;

/// A description of an interface: closed objects that are built of several places and are
/// extensible by names with a pattern.
fn interfaces() -> Value {
    let object = |properties: Value| {
        json!({"$ref": "#/$defs/extensible", "type": "object", "properties": properties,
            "unevaluatedProperties": false})
    };
    let text = json!({"type": "string"});
    let kinds: Vec<Value> = (0..KINDS)
        .map(|n| {
            json!({"allOf": [{"$ref": "#/$defs/described"}, {"properties": {
                "kind": {"const": format!("kind{n}")}, "format": text, "maxLength": {"type": "integer"}}}],
                "required": ["kind"], "unevaluatedProperties": false})
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": "#/$defs/extensible",
        "properties": {"paths": {"patternProperties": {"^/": {"$ref": "#/$defs/path"}},
            "unevaluatedProperties": false}, "info": true},
        "unevaluatedProperties": false,
        "$defs": {
            "extensible": {"patternProperties": {"^x-[a-z0-9.-]{1,253}$": true}},
            "described": {"properties": {"summary": text, "description": text, "deprecated": true}},
            "path": object(json!({"get": {"$ref": "#/$defs/operation"}, "put": {"$ref": "#/$defs/operation"}})),
            "operation": object(json!({"operationId": text, "summary": text, "parameters":
                {"type": "array", "items": {"$ref": "#/$defs/parameter"}}})),
            "parameter": object(json!({"name": text, "in": {"enum": ["path", "query"]}, "required":
                {"type": "boolean"}, "schema": {"oneOf": kinds}})),
        },
    })
}

#[test]
fn closed_objects_of_many_kinds_pass_for_large_documents() {
    let operation = |n: usize| {
        let parameter = |p: usize| {
            json!({"name": format!("p{p}"), "in": "query", "required": true, "x-order": p, "schema":
                {"kind": format!("kind{}", p * n % KINDS), "description": "What it is for.", "maxLength": 9}})
        };
        let parameters: Vec<Value> = (0..6).map(parameter).collect();
        json!({"operationId": format!("get{n}"), "summary": "Tells.", "parameters": parameters})
    };
    let path = |n| (format!("/things/{n}"), json!({"get": operation(n), "put": operation(n + 1)}));
    let paths: json::Map<_, _> = (0..220).map(path).collect();
    let mut value = json!({"info": {"title": "Things"}, "paths": paths});
    assert!(value.to_string().len() > 300_000, "{}", value.to_string().len());
    let schema = compile(&interfaces().to_string());
    assert_eq!(schema.validate(&value), []);
    let counted = metered(limits::STEPS_MAX, || schema.metered_for_tests().is_valid(&value));
    assert_eq!(counted, Ok(true));
    // Only the wrong part is reported.
    value["paths"]["/things/7"]["get"]["more"] = json!(1);
    let found = schema.validate(&value);
    assert!(
        found.iter().any(|violation| violation.pointer.starts_with("/paths/~1things~17/get")),
        "{found:?}"
    );
}

#[test]
fn only_what_may_take_milliseconds_is_called_long() {
    let property = |n: usize| match n % 10 {
        0 => json!({"type": "string", "pattern": format!(
            "^{n}[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}$")}),
        1 => json!({"$ref": "#/$defs/name"}),
        2 => json!({"enum": ["one", "two", "three", "four"]}),
        3 => json!({"anyOf": [{"type": "null"}, {"$ref": "#/$defs/name"}]}),
        _ => json!({"type": "string", "maxLength": 100}),
    };
    let properties: json::Map<_, _> = (0..100).map(|n| (format!("p{n}"), property(n))).collect();
    let plain = json!({"properties": properties, "$defs": {"name": {"pattern": "^.{1,255}$"}}});
    let wide =
        json!({"items": {"oneOf": (0..200).map(|n| json!({"const": n})).collect::<Value>()}});
    for (schema, bytes, expect) in [
        (&plain, 2_000, false),
        (&plain, 10_000, false),
        (&plain, 1_000_000, true),
        (&wide, 1_000, false),
        (&wide, 10_000, true),
        (&json!({"pattern": "a[ab]{100}c"}), 1_000, false),
        (&json!({"pattern": "a[ab]{100}c"}), 4_000, true),
        (&json!({"enum": (0..10_000).collect::<Value>()}), 1_000, false),
        (&json!({"multipleOf": 0.01}), 10_000, false),
        (&json!({"items": {"multipleOf": 99_999_999_999_999_999_999_u128}}), 1_000, true),
        (&json!({}), 500_000, false),
    ] {
        let schema = compile(&schema.to_string());
        assert_eq!(schema.may_take_long(bytes), expect, "{bytes} bytes, {schema:?}");
    }
}
