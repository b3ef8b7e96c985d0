use super::parse;
use crate::avro::AvroSchema;

/// Schemas with their canonical forms and fingerprints, whose values are those of the test cases
/// that Apache Avro's libraries share.
#[test]
fn has_the_canonical_forms_and_fingerprints_that_all_libraries_have() {
    for (text, canonical, rabin) in [
        (r#""null""#, r#""null""#, 7195948357588979594),
        (r#"{"type":"boolean"}"#, r#""boolean""#, -6970731678124411036),
        (r#""int""#, r#""int""#, 8247732601305521295),
        (r#""long""#, r#""long""#, -3434872931120570953),
        (r#""float""#, r#""float""#, 5583340709985441680),
        (r#""double""#, r#""double""#, -8181574048448539266),
        (r#""bytes""#, r#""bytes""#, 5746618253357095269),
        (r#""string""#, r#""string""#, -8142146995180207161),
        ("[  ]", "[]", -1241056759729112623),
        (r#"[ "int" ]"#, r#"["int"]"#, -5232228896498058493),
        (r#"["int", {"type":"boolean"}]"#, r#"["int","boolean"]"#, 5392556393470105090),
        (
            r#"{"fields":[], "type":"record", "name":"foo", "doc":"about", "aliases":["foo","bar"]}"#,
            r#"{"name":"foo","type":"record","fields":[]}"#,
            -4824392279771201922,
        ),
        (
            r#"{"fields":[], "type":"record", "name":"foo", "namespace":"x.y"}"#,
            r#"{"name":"x.y.foo","type":"record","fields":[]}"#,
            5916914534497305771,
        ),
        (
            r#"{"fields":[], "type":"record", "name":"a.b.foo", "namespace":"x.y"}"#,
            r#"{"name":"a.b.foo","type":"record","fields":[]}"#,
            -4616218487480524110,
        ),
        (
            r#"{"fields":[{"type":{"type":"boolean"}, "name":"f1"}], "type":"record", "name":"foo"}"#,
            r#"{"name":"foo","type":"record","fields":[{"name":"f1","type":"boolean"}]}"#,
            7843277075252814651,
        ),
        // There the default of f1 is the text "true", which is no boolean and refused here.
        (
            r#"{"fields":[{"type":"boolean","aliases":[],"name":"f1","default":true},{"order":"descending","name":"f2","doc":"Hello","type":"int"}],"type":"record","name":"foo"}"#,
            r#"{"name":"foo","type":"record","fields":[{"name":"f1","type":"boolean"},{"name":"f2","type":"int"}]}"#,
            -4860222112080293046,
        ),
        (
            r#"{"type":"enum", "name":"foo", "symbols":["A1"]}"#,
            r#"{"name":"foo","type":"enum","symbols":["A1"]}"#,
            -6342190197741309591,
        ),
        (
            r#"{"namespace":"x.y.z", "type":"enum", "name":"foo", "doc":"foo bar", "symbols":["A1", "A2"]}"#,
            r#"{"name":"x.y.z.foo","type":"enum","symbols":["A1","A2"]}"#,
            -4448647247586288245,
        ),
        (
            r#"{"name":"foo","type":"fixed","size":15}"#,
            r#"{"name":"foo","type":"fixed","size":15}"#,
            1756455273707447556,
        ),
        (
            r#"{"namespace":"x.y.z", "type":"fixed", "name":"foo", "doc":"foo bar", "size":32}"#,
            r#"{"name":"x.y.z.foo","type":"fixed","size":32}"#,
            -3064184465700546786,
        ),
        (
            r#"{ "items":{"type":"null"}, "type":"array"}"#,
            r#"{"type":"array","items":"null"}"#,
            -589620603366471059,
        ),
        (
            r#"{ "values":"string", "type":"map"}"#,
            r#"{"type":"map","values":"string"}"#,
            -8732877298790414990,
        ),
        (
            r#"{"name":"PigValue","type":"record","fields":[{"name":"value", "type":["null", "int", "long", "PigValue"]}]}"#,
            r#"{"name":"PigValue","type":"record","fields":[{"name":"value","type":["null","int","long","PigValue"]}]}"#,
            -1759257747318642341_i64,
        ),
    ] {
        let schema = parse(text);
        assert_eq!(schema.canonical_form(), canonical, "{text}");
        assert_eq!(schema.rabin().cast_signed(), rabin, "{text}");
        // It is the canonical form of itself.
        assert_eq!(parse(canonical).canonical_form(), canonical);
    }
    // Of "\"int\"", by other programs.
    let int = parse(r#""int""#);
    let md5: String = int.md5().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(md5, "ef524ea1b91e73173d938ade36c1db32");
    let sha256 = "3f2b87a9fe7cc9b13835598c3981cd45e3e355309e5090aa0933d7becb6fba45";
    assert_eq!(int.sha256().to_string(), sha256);
}

/// A schema as it is written, as Java prints it, and as it is normalised.
#[test]
fn prints_attributes_in_the_order_of_javas_library() {
    for (text, printed, normalized) in [
        (r#" {"type" : "int"} "#, r#""int""#, r#""int""#),
        (r#"{"type":"int","doc":"x"}"#, r#""int""#, r#""int""#),
        (
            r#"{"zeta":1,"type":"string","alpha":{"d":1,"c":[1.50,2]}}"#,
            r#"{"type":"string","zeta":1,"alpha":{"d":1,"c":[1.50,2]}}"#,
            r#"{"type":"string","alpha":{"d":1,"c":[1.50,2]},"zeta":1}"#,
        ),
        (
            r#"{"precision":4,"a":1,"type":"bytes","scale":2,"logicalType":"decimal"}"#,
            r#"{"type":"bytes","precision":4,"a":1,"scale":2,"logicalType":"decimal"}"#,
            r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2,"a":1}"#,
        ),
        (
            r#"{"name":"a.R","aliases":["z.Q","B"],"doc":"","x-y":true,"type":"record","fields":[{"order":"descending","default":{"k":1e2},"p":0,"aliases":["g","b"],"doc":"d\n\u0001é","type":{"values":"double","type":"map"},"name":"f"},{"name":"r","type":["null","R"],"order":"ASCENDING"}]}"#,
            r#"{"type":"record","name":"R","namespace":"a","doc":"","fields":[{"name":"f","type":{"type":"map","values":"double"},"doc":"d\n\u0001é","default":{"k":1e2},"order":"descending","aliases":["g","b"],"p":0},{"name":"r","type":["null","R"]}],"x-y":true,"aliases":["z.Q","B"]}"#,
            r#"{"type":"record","name":"R","namespace":"a","fields":[{"name":"f","type":{"type":"map","values":"double"},"doc":"d\n\u0001é","default":{"k":1e2},"order":"descending","aliases":["b","g"],"p":0},{"name":"r","type":["null","R"]}],"x-y":true,"aliases":["B","z.Q"]}"#,
        ),
        (
            r#"{"type":"enum","default":"A","symbols":["A"],"name":"E","namespace":"n"}"#,
            r#"{"type":"enum","name":"E","namespace":"n","symbols":["A"],"default":"A"}"#,
            r#"{"type":"enum","name":"E","namespace":"n","symbols":["A"],"default":"A"}"#,
        ),
        // Words for kinds of types are written in full.
        (
            r#"{"type":"record","name":"n.map","fields":[{"name":"f","type":["null","map"]}]}"#,
            r#"{"type":"record","name":"map","namespace":"n","fields":[{"name":"f","type":["null","n.map"]}]}"#,
            r#"{"type":"record","name":"map","namespace":"n","fields":[{"name":"f","type":["null","n.map"]}]}"#,
        ),
        // A type without a namespace within one that has one.
        (
            r#"{"type":"error","name":"n.R","fields":[{"name":"f","type":{"type":"fixed","name":"F","namespace":"","size":1}},{"name":"g","type":"F"}]}"#,
            r#"{"type":"error","name":"R","namespace":"n","fields":[{"name":"f","type":{"type":"fixed","name":"F","namespace":"","size":1}},{"name":"g","type":"F"}]}"#,
            r#"{"type":"error","name":"R","namespace":"n","fields":[{"name":"f","type":{"type":"fixed","name":"F","namespace":"","size":1}},{"name":"g","type":"F"}]}"#,
        ),
    ] {
        let schema = parse(text);
        assert_eq!(schema.text(), printed);
        assert_eq!(schema.normalized_text(), normalized);
        // Both are schemas with the same texts.
        assert_eq!(parse(printed).text(), printed);
        assert_eq!(parse(normalized).normalized_text(), normalized);
    }
}

#[test]
fn prints_types_of_references_by_name_or_in_full() {
    let id = r#"{"type":"fixed","name":"n.Id","size":16}"#;
    let item = r#"{"type":"record","name":"n.Item","fields":[{"name":"id","type":"Id"}]}"#;
    let text = r#"{"type":"array","items":"n.Item"}"#;
    let schema = AvroSchema::parse(text, &[("id", id), ("item", item)]).unwrap();
    assert_eq!(schema.text(), text);
    let full = r#"{"type":"array","items":{"type":"record","name":"Item","namespace":"n","fields":[{"name":"id","type":{"type":"fixed","name":"Id","size":16}}]}}"#;
    assert_eq!(schema.resolved_text(), full);
    assert_eq!(parse(full).canonical_form(), schema.canonical_form());
}
