//! A `$schema` that is a schema of the registry, and its `$vocabulary`.

use super::*;

const HOME: &str = "/schemagroups/g/schemas/root";
const META: &str = "/schemagroups/g/schemas/meta";
const DRAFT: &str = "https://json-schema.org/draft/2020-12";

/// A metaschema of 2020-12 with all vocabularies that may not be left out, and these.
fn metaschema(more: &[(&str, bool)]) -> Value {
    let mut vocabulary = json!({});
    for name in ["core", "applicator", "unevaluated", "validation"] {
        vocabulary[format!("{DRAFT}/vocab/{name}")] = Value::Bool(true);
    }
    for (name, required) in more {
        vocabulary[*name] = Value::Bool(*required);
    }
    json!({
        "$schema": format!("{DRAFT}/schema"), "$id": "https://x.example/meta",
        "$vocabulary": vocabulary, "$dynamicAnchor": "meta",
        "allOf": [{"$ref": format!("{DRAFT}/schema")}],
        "properties": {"title": {"type": "string", "minLength": 3}},
    })
}

fn at_home(schema: &Value, metaschema: &Value) -> Result<Schema, CompileError> {
    let members = family(&[(META, &metaschema.to_string())]);
    Schema::parse_at(&HOME.parse().unwrap(), schema.to_string().as_bytes(), &members)
}

#[test]
fn a_vocabulary_asserts_formats() {
    let assertion = format!("{DRAFT}/vocab/format-assertion");
    let annotation = format!("{DRAFT}/vocab/format-annotation");
    for (more, expect) in [
        (vec![(assertion.as_str(), true)], 1),
        // Whoever knows the vocabulary follows it, whether it is required or not.
        (vec![(assertion.as_str(), false)], 1),
        (vec![(annotation.as_str(), true)], 0),
        (vec![], 0),
    ] {
        // By its $id and by its xid.
        for named in ["https://x.example/meta", META] {
            let schema = json!({"$schema": named, "type": "string", "format": "ipv4"});
            let schema = at_home(&schema, &metaschema(&more)).unwrap();
            assert_eq!(lines(&schema, r#""300.0.0.1""#).len(), expect, "{named} {more:?}");
            assert_eq!(lines(&schema, "1").len(), 1, "{named}");
            assert!(schema.references().contains(&META.parse().unwrap()));
            assert_eq!(schema.dialect(), Dialect::Draft202012);
        }
    }
}

#[test]
fn a_vocabulary_of_2019_asserts_formats_if_it_is_true() {
    let draft = "https://json-schema.org/draft/2019-09";
    for (required, expect) in [(true, 1), (false, 0)] {
        let mut vocabulary = json!({});
        for name in ["core", "applicator", "validation", "meta-data", "content"] {
            vocabulary[format!("{draft}/vocab/{name}")] = Value::Bool(true);
        }
        vocabulary[format!("{draft}/vocab/format")] = Value::Bool(required);
        let metaschema = json!({
            "$schema": format!("{draft}/schema"), "$id": "https://x.example/meta",
            "$vocabulary": vocabulary, "$recursiveAnchor": true,
            "allOf": [{"$ref": format!("{draft}/schema")}],
        });
        let schema = json!({"$schema": "https://x.example/meta", "format": "ipv4"});
        let schema = at_home(&schema, &metaschema).unwrap();
        assert_eq!(lines(&schema, r#""300.0.0.1""#).len(), expect, "{required}");
        assert_eq!(schema.dialect(), Dialect::Draft201909);
    }
}

#[test]
fn what_is_asked_for_and_unknown_is_refused() {
    let refused = |metaschema: &Value, schema: &Value| at_home(schema, metaschema).unwrap_err();
    let schema = json!({"$schema": "https://x.example/meta", "type": "string"});
    let unknown = metaschema(&[("https://x.example/vocab/money", true)]);
    let error = refused(&unknown, &schema);
    assert_eq!(error.violations()[0].pointer, "/$schema");
    assert!(error.to_string().contains("https://x.example/vocab/money"), "{error}");
    // What isn't required doesn't matter.
    let optional = metaschema(&[("https://x.example/vocab/money", false)]);
    assert!(lines(&at_home(&schema, &optional).unwrap(), "1").len() == 1);
    let mut without = metaschema(&[]);
    without["$vocabulary"].as_object_mut().unwrap().remove(&format!("{DRAFT}/vocab/validation"));
    let error = refused(&without, &schema);
    let told = error.to_string();
    assert!(told.contains("leaves out the vocabulary") && told.contains("\"type\""), "{told}");
    // What the schema doesn't use may be left out; a name isn't a keyword.
    let plain = json!({"$schema": "https://x.example/meta", "properties": {"type": true},
        "default": {"type": 1}});
    assert!(at_home(&plain, &without).is_ok());
    let mut other = metaschema(&[]);
    other["$schema"] = json!("https://x.example/other");
    let error = refused(&other, &schema);
    assert!(error.to_string().contains("https://x.example/other"), "{error}");
}

#[test]
fn a_schema_satisfies_its_own_metaschema_and_its_draft() {
    for (schema, pointer) in [
        (json!({"$schema": META, "title": "ab"}), "/title"),
        (json!({"$schema": META, "type": 7}), "/type"),
    ] {
        let error = at_home(&schema, &metaschema(&[])).unwrap_err();
        assert_eq!(error.violations()[0].pointer, pointer, "{error}");
    }
    let missing = json!({"$schema": "/schemagroups/g/schemas/gone"});
    let error = at_home(&missing, &metaschema(&[])).unwrap_err();
    assert_eq!(error.missing().unwrap().to_string(), "/schemagroups/g/schemas/gone");
}

#[test]
fn a_metaschema_may_describe_itself() {
    let mut own = metaschema(&[]);
    own["$schema"] = own["$id"].clone();
    assert!(
        Schema::parse_at(&META.parse().unwrap(), own.to_string().as_bytes(), &NoSources).is_ok()
    );
    let schema = json!({"$schema": "https://x.example/meta", "title": "ab"});
    let error = at_home(&schema, &own).unwrap_err();
    assert_eq!(error.violations()[0].pointer, "/title", "{error}");
}

/// Each would be compiled once for each way to it, twice as often with each link.
#[test]
fn what_a_metaschema_refers_to_is_written_in_a_draft() {
    let mut texts = Vec::new();
    for level in 0..30 {
        let mut meta = metaschema(&[]);
        meta["$id"] = json!(format!("https://x.example/meta{level}"));
        meta["properties"] = json!({
            "a": {"$ref": format!("/schemagroups/g/schemas/r{level}")},
        });
        let next = level + 1;
        let refers = json!({
            "$schema": format!("/schemagroups/g/schemas/m{next}"),
            "$id": format!("https://x.example/r{level}"),
            "properties": {"a": {"$ref": format!("/schemagroups/g/schemas/r{next}")}},
        });
        texts.push((format!("/schemagroups/g/schemas/m{level}"), meta.to_string()));
        texts.push((format!("/schemagroups/g/schemas/r{level}"), refers.to_string()));
    }
    let pairs: Vec<(&str, &str)> =
        texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let members = family(&pairs);
    let root = json!({"$schema": "/schemagroups/g/schemas/m0"});
    let error = Schema::parse_at(&HOME.parse().unwrap(), root.to_string().as_bytes(), &members)
        .unwrap_err();
    assert!(error.to_string().contains("must itself have a draft"), "{error}");
}
