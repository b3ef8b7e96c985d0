use super::*;

const FORMAT: SchemaFormat = SchemaFormat::JsonSchema;

const NESTED: &str = r##"{"type": "object", "title": "R", "properties": {
    "z": {"type": "array", "items": {"type": "object", "properties": {"f": {"type": "string"}, "g": {"type": "number", "default": 1.50}}}},
    "u": {"allOf": [{"type": "string"}, {"type": "object", "properties": {"n": {"type": "boolean"}}}]},
    "not": {"not": {"type": "object", "properties": {"m": {"enum": [1, 2]}}}},
    "r": {"$ref": "#/definitions/Card"},
    "o": {"type": "object", "properties": {"in": true, "dotted.name": {"confluent:tags": ["OLD"], "type": "null"}}}},
    "definitions": {"Card": {"type": "object", "properties": {"c": {"oneOf": [{"type": "string"}, {"type": "null", "title": "none"}]}}},
        "With.Dot": {"type": "object", "properties": {"a.b": {"type": "string"}}}},
    "additionalProperties": false}"##;

#[test]
fn adds_and_removes_the_tags_of_objects_and_properties() {
    let schema = given(FORMAT, NESTED, &[]);
    let tags: Tags<'_> = &[
        ("object", RECORD, "ROOT"),
        ("object.z.array.object.f", FIELD, "PII"),
        ("object.z.array.object", RECORD, "rec"),
        // The object comes first, because paths count schemas by their kinds.
        ("object.u.allof.0.object.n", FIELD, "PII"),
        ("object.u.allof.0.object", RECORD, "rec"),
        ("object.not.not.object.m", FIELD, "PII"),
        ("object.r", FIELD, "REF"),
        ("object.o.object.dotted.name", FIELD, "NEW"),
        ("object.definitions.Card.object.c", FIELD, "PII"),
        ("object.definitions.Card.object", RECORD, "T3"),
        ("object.definitions.With.Dot.object.a.b", FIELD, "T2"),
    ];
    let expect = r##"{"type":"object","title":"R","properties":{"z":{"type":"array","items":{"type":"object","properties":{"f":{"type":"string","confluent:tags":["PII"]},"g":{"type":"number","default":1.50}},"confluent:tags":["rec"]}},"u":{"allOf":[{"type":"string"},{"type":"object","properties":{"n":{"type":"boolean","confluent:tags":["PII"]}},"confluent:tags":["rec"]}]},"not":{"not":{"type":"object","properties":{"m":{"enum":[1,2],"confluent:tags":["PII"]}}}},"r":{"$ref":"#/definitions/Card","confluent:tags":["REF"]},"o":{"type":"object","properties":{"in":true,"dotted.name":{"confluent:tags":["OLD","NEW"],"type":"null"}}}},"definitions":{"Card":{"type":"object","properties":{"c":{"oneOf":[{"type":"string"},{"type":"null","title":"none"}],"confluent:tags":["PII"]}},"confluent:tags":["T3"]},"With.Dot":{"type":"object","properties":{"a.b":{"type":"string","confluent:tags":["T2"]}}}},"additionalProperties":false,"confluent:tags":["ROOT"]}"##;
    schema.check(FORMAT, tags, expect);
    let order: Vec<String> =
        given(FORMAT, expect, &[]).found("*").into_iter().map(|(path, ..)| path).collect();
    let expect = [
        "object",
        "object.z.array.object",
        "object.z.array.object.f",
        "object.u.allof.0.object",
        "object.u.allof.0.object.n",
        "object.not.not.object.m",
        "object.r",
        "object.o.object.dotted.name",
        "object.definitions.Card.object",
        "object.definitions.Card.object.c",
        "object.definitions.With.Dot.object.a.b",
    ];
    assert_eq!(order, expect);
}

/// Each schema has one place for a tag: the path to it, in the text marked by `HERE`.
#[test]
fn names_each_part_by_what_is_on_the_way() {
    let object = r#"{"type":"object","properties":{"p":{"type":"string",HERE}}}"#;
    let with = |outer: &str| outer.replace("INNER", object);
    for (text, path, kind) in [
        (object.to_owned(), "object.p", FIELD),
        // By its keywords, without a type.
        (r#"{"properties":{"p":{HERE}}}"#.to_owned(), "object.p", FIELD),
        (r#"{"minProperties":1,HERE}"#.to_owned(), "object", RECORD),
        (with(r#"{"type":"array","items":INNER}"#), "array.object.p", FIELD),
        (with(r#"{"items":INNER}"#), "array.object.p", FIELD),
        (with(r#"{"anyOf":[{"type":"string"},INNER]}"#), "anyof.0.object.p", FIELD),
        (with(r#"{"oneOf":[{"type":"null"},INNER]}"#), "oneof.1.object.p", FIELD),
        (with(r#"{"oneOf":[{"type":"object","title":"b"},INNER]}"#), "oneof.0.object.p", FIELD),
        (
            with(r#"{"oneOf":[{"type":"object","properties":{"a":{}}},INNER]}"#),
            "oneof.1.object.p",
            FIELD,
        ),
        (
            with(r#"{"oneOf":[{"oneOf":[{"type":"null"},{"type":"null"}]},{"anyOf":[INNER]}]}"#),
            "oneof.0.anyof.0.object.p",
            FIELD,
        ),
        (
            with(r#"{"allOf":[{"allOf":[{"type":"string"},{"allOf":[INNER]}]}]}"#),
            "allof.0.allof.0.allof.0.object.p",
            FIELD,
        ),
        (with(r#"{"$defs":{"D":INNER},"type":"object"}"#), "object.$defs.D.object.p", FIELD),
        // A list of types is an anyOf of them.
        (
            r#"{"type":["object","null"],"properties":{"p":{HERE}}}"#.to_owned(),
            "anyof.1.object.p",
            FIELD,
        ),
        // What is several things is an allOf of them.
        (
            with(r#"{"type":"object","if":{"minProperties":1},"else":INNER}"#),
            "allof.0.conditional.else.object.p",
            FIELD,
        ),
        (
            r#"{"type":"object","properties":{"p":{HERE}},"if":{}}"#.to_owned(),
            "allof.1.object.p",
            FIELD,
        ),
        (r#"{"type":"object","if":{},HERE}"#.to_owned(), "allof.1.object", RECORD),
        (with(r#"{"if":{},"then":INNER}"#), "conditional.then.object.p", FIELD),
        (with(r#"{"type":"object","allOf":[{},INNER]}"#), "allof.0.allof.1.object.p", FIELD),
        (
            r#"{"type":"object","allOf":[{}],"properties":{"p":{HERE}}}"#.to_owned(),
            "allof.1.object.p",
            FIELD,
        ),
        (
            with(r#"{"type":"object","anyOf":[INNER],"oneOf":[{}]}"#),
            "allof.0.anyof.0.object.p",
            FIELD,
        ),
    ] {
        let without = text.replace(",HERE", "").replace("HERE", "");
        let schema = given(FORMAT, &without, &[]);
        let expect = text.replace("HERE", r#""confluent:tags":["T"]"#);
        schema.check(FORMAT, &[(path, kind, "T")], &expect);
        let found = given(FORMAT, &expect, &[]).found("*");
        assert_eq!(found, owned(&[(path, kind, "T")]), "{text}");
    }
}

#[test]
fn names_the_path_that_leads_to_nothing() {
    let text = r#"{"$schema":"http://json-schema.org/draft-07/schema#",
        "type":"object","properties":{"p":{"type":"string"},"b":true,
        "l":{"oneOf":[{"type":"null"}]},"a":{"items":[{"type":"object"}]}}}"#;
    let schema = given(FORMAT, text, &[]);
    for (path, kind) in [
        ("object.none", FIELD),
        ("object", FIELD),
        ("p", FIELD),
        ("object.p.object.q", FIELD),
        ("object.b", FIELD),
        ("object.l.oneof.1.object", RECORD),
        ("object.l.oneof.x", RECORD),
        ("object.l.oneof", RECORD),
        ("object.l.oneof.18446744073709551616.object", RECORD),
        ("object.a.array.object", RECORD),
        ("object.definitions.D.object", RECORD),
        (".object.p", FIELD),
        ("conditional.if.object", RECORD),
        ("anyof", RECORD),
        ("", RECORD),
    ] {
        let found = schema.changed(&[(path, kind, "T")], &[]);
        assert_eq!(found, Err(TagError::NoPath(path.to_owned())), "{path}");
    }
    // As in Confluent's registry, a schema can be named as an object whatever it is, and a property
    // as a record.
    for path in ["object.p.object", "object.p"] {
        let changed = schema.changed(&[(path, RECORD, "T")], &[]).unwrap();
        assert_eq!(given(FORMAT, &changed, &[]).found("*"), owned(&[("object.p", FIELD, "T")]));
    }
}

#[test]
fn counts_schemas_within_each_other_once() {
    // Comparing each with each, at each level again, would take three to the power of the depth.
    let mut text = r#"{"type":"null"}"#.to_owned();
    for _ in 0..12 {
        text = format!(r#"{{"oneOf":[{text},{text}]}}"#);
    }
    let schema = given(FORMAT, r#"{"type":"object"}"#, &[]);
    assert_eq!(schema.schema.tagged_parts(&text, &words("*")), Ok(Vec::new()));
    let mut changes = TagChanges::default();
    let path = "oneof.0.".repeat(12) + "object";
    changes.add(&path, RECORD, words("T"));
    assert!(schema.schema.changed_tags(&text, &[], &changes).is_ok());
}

#[test]
fn refuses_a_text_that_cannot_be_read() {
    let schema = given(FORMAT, "{}", &[]);
    for text in ["", "{", "{\"a\":1,\"a\":2}"] {
        let found = schema.schema.tagged_parts(text, &words("*"));
        assert!(matches!(found, Err(TagError::Unreadable(_))), "{text}: {found:?}");
    }
}
