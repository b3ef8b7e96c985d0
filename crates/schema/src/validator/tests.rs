#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde_json::json;

use super::*;

fn xid(name: &str) -> Xid {
    format!("/schemagroups/s/schemas/{name}").parse().unwrap()
}

/// A schema's name, its format, its text and what it names.
type Given<'a> = (&'a str, SchemaFormat, &'a str, &'a [(&'a str, &'a str)]);

/// A validator of schemas in their first versions.
fn validator(schemas: &[Given<'_>]) -> Validator {
    let mut bundle = SchemaBundle::default();
    for (name, format, text, references) in schemas {
        let version = xid(&format!("{name}/versions/1"));
        let reference =
            |(name, of): &(&str, &str)| ((*name).to_owned(), xid(&format!("{of}/versions/1")));
        let own = BundledSchema {
            references: references.iter().map(reference).collect(),
            ..BundledSchema::new(*format, *text)
        };
        bundle.add(version.clone(), own);
        bundle.name(xid(name), version);
    }
    Validator::new(SchemaBundle::read(&bundle.write().unwrap()).unwrap())
}

fn told(validator: &Validator, name: &str, payload: &Value) -> Vec<String> {
    let found = validator.check(&xid(name), Payload::Json(payload), None).unwrap();
    found.iter().map(|one| format!("{} {}", one.pointer, one.message)).collect()
}

#[test]
fn checks_against_schemas_that_refer_to_others_in_every_format() {
    use SchemaFormat::{Avro, JsonSchema, Protobuf};
    let holder = r#"{"type":"record","name":"R","fields":[{"name":"id","type":"Id"}]}"#;
    let outer = r#"{"type":"array","items":"R"}"#;
    let order = "syntax = \"proto3\"; import \"m.proto\"; message O { M total = 1; }";
    let checks = validator(&[
        ("id", Avro, r#"{"type":"fixed","name":"Id","size":2}"#, &[]),
        ("holder", Avro, holder, &[("Id", "id")]),
        ("outer", Avro, outer, &[("R", "holder")]),
        ("money", Protobuf, "syntax = \"proto3\"; message M { int64 cents = 1; }", &[]),
        ("order", Protobuf, order, &[("m.proto", "money")]),
        ("byxid", JsonSchema, r#"{"$ref":"/schemagroups/s/schemas/named"}"#, &[]),
        ("byid", JsonSchema, r#"{"$ref":"https://x.example/named"}"#, &[]),
        ("beside", JsonSchema, r#"{"$ref":"named"}"#, &[]),
        ("named", JsonSchema, r#"{"$id":"https://x.example/named","type":"string"}"#, &[]),
    ]);
    for (name, good, bad, pointer) in [
        ("outer", json!([{"id": "ab"}]), json!([{"id": "abc"}]), "/0/id"),
        ("outer/versions/1", json!([]), json!([{"id": "abc"}]), "/0/id"),
        (
            "order",
            json!({"total": {"cents": "5"}}),
            json!({"total": {"cents": true}}),
            "/total/cents",
        ),
        ("byxid", json!("x"), json!(1), ""),
        ("byid", json!("x"), json!(1), ""),
        ("beside", json!("x"), json!(1), ""),
    ] {
        assert_eq!(told(&checks, name, &good), Vec::<String>::new(), "{name}");
        let found = told(&checks, name, &bad);
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("{pointer} ")),
            "{name}: {found:?}"
        );
    }
    let unknown = checks.schema(&xid("none")).unwrap_err().to_string();
    assert_eq!(unknown, "there is no schema /schemagroups/s/schemas/none in the bundle");
}

#[test]
fn a_schema_is_compiled_once_and_the_oldest_goes_first() {
    let checks = validator(&[("a", SchemaFormat::Avro, "\"int\"", &[])]);
    let (first, second) = (checks.schema(&xid("a")).unwrap(), checks.schema(&xid("a")).unwrap());
    assert!(Arc::ptr_eq(&first, &second));
    let mut ready = ReadySchemas::default();
    let name = |index: usize| xid(&format!("s{index}"));
    for index in 0..READY_SCHEMAS_MAX {
        assert!(ready.find(&name(index)).is_none());
        ready.keep(&name(index), &first);
    }
    assert!(ready.find(&name(0)).is_some());
    ready.keep(&name(READY_SCHEMAS_MAX), &first);
    assert_eq!(ready.schemas.len(), READY_SCHEMAS_MAX);
    assert!(ready.find(&name(0)).is_some() && ready.find(&name(1)).is_none());
}
