//! Hostile sources: each is refused with its fault.

use super::*;

fn nested(levels: usize) -> Value {
    (0..levels).fold(
        json!({ "type": "string" }),
        |inner, _| json!({ "type": "object", "attributes": { "a": inner } }),
    )
}

#[test]
fn refuses_what_lies_too_deep() {
    assert!(of_versions(json!({ "a": nested(50) })).is_ok());
    let fault = of_versions(json!({ "a": nested(70) })).err();
    assert_eq!(fault, Some(ModelFault::TooDeep));
    // Building this value recurses in the test itself, and a debug build needs more stack for it
    // than a test's thread has. Parsed JSON is never that deep.
    let deepest = std::thread::Builder::new().stack_size(64 << 20).spawn(|| {
        assert_eq!(of_versions(json!({ "a": nested(1_000) })).err(), Some(ModelFault::TooDeep));
    });
    deepest.unwrap().join().unwrap();
}

#[test]
fn refuses_includes_that_end_nowhere() {
    for (attributes, reason) in [
        (json!({ "$include": "#/attributes" }), "it includes itself"),
        (json!({ "a": { "$include": "#/attributes" } }), "it includes itself"),
        (
            json!({ "a": { "$include": "#/attributes/b" }, "b": { "$includes": ["#/attributes/a"] } }),
            "it includes itself",
        ),
        (json!({ "$include": "#/nowhere" }), "its target doesn't exist"),
        (json!({ "$include": "#/description" }), "its target isn't an object"),
        (json!({ "$include": "#" }), "it includes itself"),
        (
            json!({ "$include": "http://127.0.0.1/model.json" }),
            "only a JSON Pointer into the same model (#/…) is supported",
        ),
        (
            json!({ "$include": "model.json#/a" }),
            "only a JSON Pointer into the same model (#/…) is supported",
        ),
    ] {
        let source = json!({ "description": "x", "attributes": attributes });
        match bare(source) {
            Err(ModelFault::Include { reason: found, .. }) => {
                assert_eq!(found, reason, "{attributes}")
            }
            other => panic!("{attributes}: {other:?}"),
        }
    }
    for attributes in [
        json!({ "$include": 1 }),
        json!({ "$includes": "#/a" }),
        json!({ "$include": "#/a", "$includes": [] }),
    ] {
        assert!(bare(json!({ "attributes": attributes })).is_err());
    }
}

#[test]
fn refuses_includes_that_grow_without_end() {
    let mut parts = Map::new();
    parts.insert("p0".to_owned(), json!({ "x": { "type": "any" } }));
    for level in 1..40 {
        let below = format!("#/labels/p{}", level - 1);
        let part = json!({ "a": { "$include": below }, "b": { "$include": below } });
        parts.insert(format!("p{level}"), part);
    }
    let source = json!({ "labels": parts });
    assert_eq!(bare(source).err(), Some(ModelFault::TooLarge));
}

#[test]
fn refuses_names_of_a_mebibyte_and_repeats_only_their_beginning() {
    let name = "x".repeat(1024 * 1024);
    for source in [
        json!({ "attributes": { &name: { "type": "any" } } }),
        json!({ "attributes": { "a": { "type": &name } } }),
        json!({ "attributes": { "a": { "type": "string", &name: 1 } } }),
        json!({ "attributes": { "a": { "type": "string", "name": &name } } }),
        json!({ "attributes": { "a": { "type": "xid", "target": &name } } }),
        json!({ "attributes": { "a": { "type": "integer", "enum": [&name] } } }),
        json!({ "attributes": { "a": { "$include": &name } } }),
        json!({ "groups": { &name: { "singular": "a" } } }),
        json!({ "groups": { "as": { "singular": &name } } }),
        json!({ "groups": { "as": { "singular": "a", "ximportresources": [&name] } } }),
        dirs(json!({ "versionmode": &name })),
        dirs(json!({ "typemap": { &name: "xml" } })),
        dirs(json!({ "singular": &name })),
        dirs(json!({ "hasdocument": &name })),
    ] {
        let text = bare(source).err().map(|fault| fault.to_string()).unwrap_or_default();
        assert!((1..1_000).contains(&text.len()), "{} bytes", text.len());
    }
    let mut entity = Map::new();
    entity.insert(name.clone(), json!(1));
    let model = bare(json!({})).unwrap();
    let fault = model.registry().check(&mut entity, Readonly::Drop).unwrap_err();
    assert!(fault.to_string().len() < 1_000);
}

#[test]
fn refuses_imports_that_multiply() {
    let mut groups = Map::new();
    let resources: Map<String, Value> =
        (0..200).map(|n| (format!("r{n}s"), json!({ "singular": format!("r{n}") }))).collect();
    let imports: Vec<String> = (0..200).map(|n| format!("/as/r{n}s")).collect();
    groups.insert("as".to_owned(), json!({ "singular": "a", "resources": resources }));
    for n in 0..10 {
        let group = json!({ "singular": format!("g{n}"), "ximportresources": imports });
        groups.insert(format!("g{n}s"), group);
    }
    assert_eq!(bare(json!({ "groups": groups })).err(), Some(ModelFault::TooManyTypes));
}

#[test]
fn a_value_that_lies_deep_is_checked_without_going_deep_under_any() {
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let model = bare(json!({ "attributes": { "*": { "type": "any" } } })).unwrap();
    let mut entity = Map::new();
    entity.insert("a".to_owned(), deep);
    assert_eq!(model.registry().check(&mut entity, Readonly::Drop), Ok(()));
}
