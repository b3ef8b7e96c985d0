use super::parse;
use crate::avro::AvroSchema;

/// A schema, and the code and the pointer of each problem.
#[test]
fn locates_each_problem_and_several_at_once() {
    for (text, expect) in [
        (r#"{"type":"#, vec!["not_json "]),
        ("1", vec!["not_a_schema "]),
        (r#""it""#, vec!["unknown_type "]),
        ("{}", vec!["missing_attribute "]),
        (r#"{"type":["null"]}"#, vec!["attribute_kind /type"]),
        (r#"{"type":"array"}"#, vec!["missing_attribute "]),
        (
            r#"{"type":"map","values":{"type":"array","items":7}}"#,
            vec!["not_a_schema /values/items"],
        ),
        (r#"{"type":"record"}"#, vec!["missing_attribute ", "missing_attribute "]),
        (
            r#"{"type":"record","name":"a-b","fields":{}}"#,
            vec!["invalid_name /name", "attribute_kind /fields"],
        ),
        (r#"{"type":"record","name":"int","fields":[]}"#, vec!["primitive_name /name"]),
        (r#"{"type":"record","name":"a..b","fields":[]}"#, vec!["invalid_name /name"]),
        (
            r#"{"type":"record","name":"R","namespace":"1x","fields":[]}"#,
            vec!["invalid_name /namespace"],
        ),
        (
            r#"{"type":"record","name":"R","aliases":["ok","a.b","1"],"fields":[]}"#,
            vec!["invalid_name /aliases/2"],
        ),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"itn"},{"name":"b"},{"type":"int"},5]}"#,
            vec![
                "unknown_type /fields/1/type",
                "missing_attribute /fields/2",
                "missing_attribute /fields/3",
                "attribute_kind /fields/4",
            ],
        ),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
            vec!["duplicate_field /fields/1"],
        ),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"a b","type":"int","order":"up"}]}"#,
            vec!["invalid_name /fields/0/name", "attribute_kind /fields/0/order"],
        ),
        (
            r#"{"type":"enum","name":"E","symbols":["A","B","A","x-y"],"default":"C"}"#,
            vec![
                "duplicate_symbol /symbols/2",
                "invalid_name /symbols/3",
                "invalid_enum_default /default",
            ],
        ),
        (r#"{"type":"enum","name":"E"}"#, vec!["missing_attribute "]),
        (r#"{"type":"enum","name":"E","symbols":"A"}"#, vec!["attribute_kind /symbols"]),
        (r#"{"type":"fixed","name":"F","size":-1}"#, vec!["attribute_kind /size"]),
        (r#"{"type":"fixed","name":"F","size":3000000000}"#, vec!["attribute_kind /size"]),
        (r#"{"type":"fixed","name":"F","size":1.0}"#, vec!["attribute_kind /size"]),
        (r#"{"type":"fixed","name":"F"}"#, vec!["missing_attribute "]),
        (
            r#"["int",["null"],"int",{"type":"int","logicalType":"date"}]"#,
            vec!["nested_union /1", "duplicate_branch /2", "duplicate_branch /3"],
        ),
        (
            r#"[{"type":"array","items":"int"},{"type":"array","items":"long"}]"#,
            vec!["duplicate_branch /1"],
        ),
        (
            r#"[{"type":"fixed","name":"F","size":1},{"type":"enum","name":"F","symbols":[]}]"#,
            vec!["duplicate_name /1/name", "duplicate_branch /1"],
        ),
        // A name is known only after its definition.
        (r#"["F",{"type":"fixed","name":"F","size":1}]"#, vec!["unknown_type /0"]),
    ] {
        let error = AvroSchema::parse(text, &[]).map(|_| ()).unwrap_err();
        let found: Vec<String> = error
            .problems
            .iter()
            .map(|problem| format!("{} {}", problem.fault.code(), problem.pointer))
            .collect();
        assert_eq!(found, expect, "{text}");
        assert_eq!(error.violations().len(), found.len());
    }
}

#[test]
fn checks_defaults_against_their_types() {
    let long_text = r#"{"type":"record","name":"I","fields":[{"name":"x","type":"int"},{"name":"y","type":"int","default":1}]}"#;
    for (of, default, fits) in [
        (r#""null""#, "null", true),
        (r#""null""#, "0", false),
        (r#""boolean""#, "true", true),
        (r#""boolean""#, r#""true""#, false),
        (r#""int""#, "2147483647", true),
        (r#""int""#, "2147483648", false),
        (r#""int""#, "1.0", false),
        (r#""long""#, "9223372036854775807", true),
        (r#""long""#, "9223372036854775808", false),
        (r#""float""#, "1e3", true),
        (r#""float""#, "1", true),
        (r#""double""#, r#""NaN""#, true),
        (r#""double""#, r#""1""#, false),
        (r#""bytes""#, r#""\u00FF""#, true),
        (r#""bytes""#, r#""\u0100""#, false),
        (r#""string""#, r#""\u0100""#, true),
        (r#""string""#, "null", false),
        (r#"{"type":"fixed","name":"F","size":2}"#, r#""\u00FFa""#, true),
        (r#"{"type":"fixed","name":"F","size":2}"#, r#""a""#, false),
        (r#"{"type":"enum","name":"E","symbols":["A"]}"#, r#""A""#, true),
        (r#"{"type":"enum","name":"E","symbols":["A"]}"#, r#""B""#, false),
        (r#"{"type":"array","items":"int"}"#, "[1,2]", true),
        (r#"{"type":"array","items":"int"}"#, r#"[1,"2"]"#, false),
        (r#"{"type":"map","values":"int"}"#, r#"{"a":1}"#, true),
        (r#"{"type":"map","values":"int"}"#, r#"{"a":null}"#, false),
        (r#"["null","int"]"#, "null", true),
        // Since 1.12 any branch will do.
        (r#"["null","int"]"#, "7", true),
        (r#"["null","int"]"#, r#""7""#, false),
        (long_text, r#"{"x":1}"#, true),
        (long_text, r#"{"y":1}"#, false),
        (long_text, r#"{"x":"1"}"#, false),
        (r#"["null","R"]"#, "null", true),
        // A default within itself has no end.
        (r#""R""#, "{}", false),
        (r#"["R","null"]"#, "{}", false),
    ] {
        let text = format!(
            r#"{{"type":"record","name":"R","fields":[{{"name":"f","type":{of},"default":{default}}}]}}"#
        );
        match AvroSchema::parse(&text, &[]) {
            Ok(_) => assert!(fits, "{text}"),
            Err(error) => {
                assert!(!fits, "{text}: {error}");
                assert_eq!(error.problems[0].pointer, "/fields/0/default", "{text}");
            }
        }
    }
}

#[test]
fn says_where_in_the_text_a_problem_is() {
    let text = "{\"type\": \"record\", \"name\": \"R\",\n \"fields\": [\n  {\"name\": \"a\", \"type\": \"strin\"}]}";
    let error = AvroSchema::parse(text, &[]).unwrap_err();
    let problem = &error.problems[0];
    let place = problem.place.unwrap();
    assert_eq!((place.line, place.column), (3, 25));
    assert_eq!(
        error.to_string(),
        "/fields/0/type: there is no type \"strin\"; did you mean \"string\"?"
    );
}

#[test]
fn finds_names_in_their_namespaces_and_in_references_only() {
    let a = r#"{"type":"record","name":"x.A","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["S"]}}]}"#;
    for (text, references, expect) in [
        (r#""x.A""#, vec![("a", a)], None),
        (r#""x.E""#, vec![("a", a)], None),
        (r#""A""#, vec![("a", a)], Some("unknown_type")),
        (
            r#"{"type":"record","name":"x.B","fields":[{"name":"a","type":"A"}]}"#,
            vec![("a", a)],
            None,
        ),
        (
            r#"{"type":"record","name":"y.B","fields":[{"name":"a","type":"A"}]}"#,
            vec![("a", a)],
            Some("unknown_type"),
        ),
        (
            r#"{"type":"record","name":"A","namespace":"x","fields":[]}"#,
            vec![("a", a)],
            Some("duplicate_name"),
        ),
        (r#""x.A""#, vec![], Some("unknown_type")),
        (
            r#""int""#,
            vec![("b", r#"{"type":"array","items":"x.A"}"#), ("a", a)],
            Some("unknown_type"),
        ),
        // A type without a namespace is found from within one.
        (
            r#"["int",{"type":"fixed","name":"F","size":1},{"type":"record","name":"n.R","fields":[{"name":"f","type":"F"}]}]"#,
            vec![],
            None,
        ),
        // A nested type is in the namespace of the type around it, whose full name wins.
        (
            r#"{"type":"record","name":"p.q.R","namespace":"no","fields":[{"name":"f","type":{"type":"fixed","name":"F","size":1}},{"name":"g","type":"p.q.F"}]}"#,
            vec![],
            None,
        ),
    ] {
        let found = AvroSchema::parse(text, &references).err();
        let code = found.as_ref().map(|error| error.problems[0].fault.code());
        assert_eq!(code, expect, "{text}: {found:?}");
    }
    let error = AvroSchema::parse(r#""int""#, &[("subject a", "[")]).unwrap_err();
    assert_eq!(error.problems[0].reference.as_deref(), Some("subject a"));
    assert_eq!(error.violations()[0].pointer, "");
}

#[test]
fn ignores_ill_formed_logical_types_and_says_so() {
    for (text, logical, warnings) in [
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#,
            Some("decimal(4, 2)"),
            0,
        ),
        (r#"{"type":"bytes","logicalType":"decimal","precision":4}"#, Some("decimal(4, 0)"), 0),
        (r#"{"type":"bytes","logicalType":"decimal"}"#, None, 1),
        (r#"{"type":"bytes","logicalType":"decimal","precision":0}"#, None, 1),
        (r#"{"type":"bytes","logicalType":"decimal","precision":2,"scale":3}"#, None, 1),
        (r#"{"type":"bytes","logicalType":"decimal","precision":"4"}"#, None, 1),
        (
            r#"{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":4}"#,
            Some("decimal(4, 0)"),
            0,
        ),
        (r#"{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":5}"#, None, 1),
        (r#"{"type":"string","logicalType":"decimal","precision":4}"#, None, 1),
        (r#"{"type":"string","logicalType":"uuid"}"#, Some("uuid"), 0),
        (r#"{"type":"fixed","name":"F","size":16,"logicalType":"uuid"}"#, Some("uuid"), 0),
        (r#"{"type":"int","logicalType":"date"}"#, Some("date"), 0),
        (r#"{"type":"long","logicalType":"date"}"#, None, 1),
        (
            r#"{"type":"long","logicalType":"local-timestamp-nanos"}"#,
            Some("local-timestamp-nanos"),
            0,
        ),
        (r#"{"type":"fixed","name":"F","size":12,"logicalType":"duration"}"#, Some("duration"), 0),
        (r#"{"type":"long","logicalType":"our-own"}"#, None, 0),
        (r#"{"type":"long","logicalType":5}"#, None, 1),
    ] {
        let schema = parse(text);
        let found = schema.node(schema.root.node).logical.map(|logical| logical.to_string());
        assert_eq!((found.as_deref(), schema.warnings().len()), (logical, warnings), "{text}");
    }
}
