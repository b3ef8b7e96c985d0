use super::*;

const NESTED: &str = r#"["null",
    {"type": "record", "name": "shop.Order", "doc": "o", "fields": [
        {"name": "a", "type": {"type": "record", "name": "Inner", "fields": [
            {"name": "x", "type": "string", "default": "ü"},
            {"name": "y", "type": "double", "default": 1.50, "confluent:tags": ["OLD"], "k": 1}]}},
        {"name": "b", "type": ["null", "Inner"], "default": null}]},
    {"type": "array", "items": {"type": "record", "name": "other.Item", "fields": [
        {"name": "z", "type": {"type": "record", "name": "Deep", "fields": [
            {"name": "d", "type": {"type": "enum", "name": "E", "symbols": ["A"]}}]}}]}},
    {"type": "map", "values": {"type": "record", "name": "Value", "aliases": ["V"], "fields": [
        {"name": "self", "type": ["null", "Value"]}]}}]"#;

#[test]
fn adds_and_removes_the_tags_of_records_and_fields() {
    let schema = given(SchemaFormat::Avro, NESTED, &[]);
    let tags: Tags<'_> = &[
        ("shop.Order", RECORD, "PII TWO"),
        ("shop.Order.b", FIELD, "PII"),
        ("shop.Inner.y", FIELD, "NEW"),
        ("other.Item", RECORD, "PII"),
        ("other.Deep.d", FIELD, "a\"b"),
        ("Value", RECORD, "PII"),
        ("Value.self", FIELD, "PII"),
    ];
    let expect = r#"["null",{"type":"record","name":"Order","namespace":"shop","doc":"o","fields":[{"name":"a","type":{"type":"record","name":"Inner","fields":[{"name":"x","type":"string","default":"ü"},{"name":"y","type":"double","default":1.50,"confluent:tags":["OLD","NEW"],"k":1}]}},{"name":"b","type":["null","Inner"],"default":null,"confluent:tags":["PII"]}],"confluent:tags":["PII","TWO"]},{"type":"array","items":{"type":"record","name":"Item","namespace":"other","fields":[{"name":"z","type":{"type":"record","name":"Deep","fields":[{"name":"d","type":{"type":"enum","name":"E","symbols":["A"]},"confluent:tags":["a\"b"]}]}}],"confluent:tags":["PII"]}},{"type":"map","values":{"type":"record","name":"Value","fields":[{"name":"self","type":["null","Value"],"confluent:tags":["PII"]}],"confluent:tags":["PII"],"aliases":["V"]}}]"#;
    schema.check(SchemaFormat::Avro, tags, expect);
    let tagged = given(SchemaFormat::Avro, expect, &[]);
    let all: Tags<'_> = &[
        ("shop.Order", RECORD, "PII TWO"),
        ("shop.Inner.y", FIELD, "OLD NEW"),
        ("shop.Order.b", FIELD, "PII"),
        ("other.Item", RECORD, "PII"),
        ("other.Deep.d", FIELD, "a\"b"),
        ("Value", RECORD, "PII"),
        ("Value.self", FIELD, "PII"),
    ];
    assert_eq!(tagged.found("*"), owned(all));
    assert_eq!(tagged.found("TWO OLD none"), owned(&all[..2]));
    assert_eq!(tagged.found("none"), Vec::new());
}

#[test]
fn finds_a_record_without_its_namespace_where_it_is_nearest_to_the_root() {
    let text = r#"{"type":"record","name":"a.R","fields":[
        {"name":"f","type":{"type":"array","items":{"type":"record","name":"b.S","fields":[]}}},
        {"name":"g","type":{"type":"record","name":"c.S","fields":[]}}]}"#;
    let schema = given(SchemaFormat::Avro, text, &[]);
    for (path, expect) in
        [("S", "c.S"), (".S", "c.S"), ("b.S", "b.S"), ("R", "a.R"), ("R..", "a.R")]
    {
        let changed = schema.changed(&[(path, RECORD, "T")], &[]).unwrap();
        let found = given(SchemaFormat::Avro, &changed, &[]).found("*");
        assert_eq!(found, owned(&[(expect, RECORD, "T")]), "{path}");
    }
}

#[test]
fn names_the_path_that_leads_to_nothing() {
    let text = r#"{"type":"record","name":"a.R","fields":[{"name":"f","type":"int"},
        {"name":"e","type":{"type":"error","name":"X","fields":[]}},{"name":"r","type":"T"}]}"#;
    let other = r#"{"type":"record","name":"a.T","fields":[{"name":"g","type":"int"}]}"#;
    let references = [("T", other)];
    let schema = given(SchemaFormat::Avro, text, &references);
    for (path, kind) in [
        ("does.not.exist", FIELD),
        ("a.R.none", FIELD),
        ("R", FIELD),
        ("a.R", FIELD),
        ("a.R.f", RECORD),
        ("b.R", RECORD),
        (".a.R", RECORD),
        ("a.X", RECORD),
        // What it refers to isn't in its text.
        ("a.T", RECORD),
        ("a.T.g", FIELD),
        ("", RECORD),
        (".", FIELD),
    ] {
        let expect = TagError::NoPath(path.to_owned());
        assert_eq!(schema.changed(&[(path, kind, "T")], &[]), Err(expect.clone()), "{path}");
        assert_eq!(schema.changed(&[], &[(path, kind, "")]), Err(expect), "{path}");
    }
    let message = schema.changed(&[("x.y", RECORD, "T")], &[]).unwrap_err().to_string();
    assert_eq!(message, "No matching path 'x.y' found in the schema");
}

#[test]
fn finds_the_tags_of_what_a_schema_refers_to() {
    let other = r#"{"type":"record","name":"a.T","confluent:tags":["P"],"fields":[
        {"name":"g","type":"int","confluent:tags":["Q","Q",7]}]}"#;
    let text = r#"{"type":"record","name":"R","fields":[{"name":"t","type":"a.T"},
        {"name":"u","type":["null","a.T"],"confluent:tags":"no list"}]}"#;
    let references = [("T", other)];
    let schema = given(SchemaFormat::Avro, text, &references);
    assert_eq!(schema.found("*"), owned(&[("a.T", RECORD, "P"), ("a.T.g", FIELD, "Q 7")]));
}
