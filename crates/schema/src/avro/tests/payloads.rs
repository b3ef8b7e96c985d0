use muster_words::json;

use super::parse;
use crate::{
    Violation,
    avro::{ConfluentFrame, FrameFault},
    limits,
};

fn shown(found: &[Violation]) -> String {
    let shown = found.iter().map(|violation| format!("{}@{}", violation.source, violation.pointer));
    shown.collect::<Vec<_>>().join(" ")
}

const RECORD: &str = r#"{"type":"record","name":"n.R","fields":[
    {"name":"i","type":"int"},
    {"name":"u","type":["null","string",{"type":"enum","name":"E","symbols":["A","B"]}]},
    {"name":"m","type":{"type":"map","values":{"type":"array","items":{"type":"fixed","name":"F","size":2}}}},
    {"name":"id","type":{"type":"string","logicalType":"uuid"}}]}"#;

const ID: &str = r#""f81d4fae-7dec-11d0-a765-00a0c91e6bf6""#;

#[test]
fn finds_all_violations_of_a_datum_in_json() {
    let primitive = |name: &str| format!("{name:?}");
    for (schema, datum, expect) in [
        (primitive("null"), "null".to_owned(), ""),
        (primitive("int"), "-2147483648".to_owned(), ""),
        (primitive("int"), "2147483648".to_owned(), "type@"),
        (primitive("long"), "1.5".to_owned(), "type@"),
        (primitive("double"), "1.5e300".to_owned(), ""),
        (primitive("float"), r#""NaN""#.to_owned(), ""),
        (primitive("bytes"), r#""\u00ff""#.to_owned(), ""),
        (primitive("bytes"), r#""\u0100""#.to_owned(), "type@"),
        (primitive("string"), "1".to_owned(), "type@"),
        (RECORD.to_owned(), format!(r#"{{"i":1,"u":null,"m":{{}},"id":{ID}}}"#), ""),
        (
            RECORD.to_owned(),
            format!(r#"{{"i":1,"u":{{"string":"x"}},"m":{{"k":["ab"]}},"id":{ID}}}"#),
            "",
        ),
        (RECORD.to_owned(), format!(r#"{{"i":1,"u":{{"n.E":"A"}},"m":{{}},"id":{ID}}}"#), ""),
        (RECORD.to_owned(), format!(r#"{{"i":1,"u":{{"E":"A"}},"m":{{}},"id":{ID}}}"#), "union@/u"),
        (
            RECORD.to_owned(),
            format!(r#"{{"i":1,"u":{{"null":null}},"m":{{}},"id":{ID}}}"#),
            "union@/u",
        ),
        (
            RECORD.to_owned(),
            r#"{"i":"1","u":{"n.E":"C"},"m":{"a/b":["ab","abc",1]},"ID":"x"}"#.to_owned(),
            "type@/i symbols@/u/n.E size@/m/a~1b/1 type@/m/a~1b/2 fields@/id fields@/ID",
        ),
        (
            RECORD.to_owned(),
            r#"{"i":1,"u":null,"m":[],"id":"x"}"#.to_owned(),
            "type@/m logicalType@/id",
        ),
        (RECORD.to_owned(), "[]".to_owned(), "type@"),
        (r#"{"type":"array","items":"null"}"#.to_owned(), "{}".to_owned(), "type@"),
    ] {
        let found = parse(&schema).check_json(&json::parse(datum.as_bytes()).unwrap());
        assert_eq!(shown(&found), expect, "{datum}");
    }
}

#[test]
fn finds_the_violations_of_a_datum_in_binary() {
    let list = r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#;
    let endless = r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#;
    let deep = vec![2; limits::AVRO_DATUM_DEPTH_MAX];
    let nulls = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0];
    for (schema, bytes, expect) in [
        (r#""null""#, &[][..], ""),
        (r#""null""#, &[0], "trailing_bytes@"),
        (r#""boolean""#, &[2], "type@"),
        (r#""int""#, &[0xff, 0xff, 0xff, 0xff, 0x0f], ""),
        (r#""int""#, &[0x80, 0x80, 0x80, 0x80, 0x10], "type@"),
        (r#""long""#, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], ""),
        (r#""long""#, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], "type@"),
        (r#""long""#, &[0x80; 11], "type@"),
        (r#""long""#, &[0x80], "end@"),
        (r#""double""#, &[0; 7], "end@"),
        (r#""string""#, &[4, b'a', b'b'], ""),
        (r#""string""#, &[4, b'a'], "end@"),
        (r#""string""#, &[1], "type@"),
        (r#""string""#, &[2, 0xff], "utf8@"),
        (r#""bytes""#, &[2, 0xff], ""),
        (r#"["null","int"]"#, &[2, 2], ""),
        (r#"["null","int"]"#, &[4, 2], "union@"),
        (r#"["null",{"type":"enum","name":"E","symbols":["A"]}]"#, &[2, 2], "symbols@/E"),
        (r#"{"type":"fixed","name":"F","size":3}"#, &[1, 2, 3], ""),
        (r#"{"type":"fixed","name":"F","size":2000000000}"#, &[1, 2, 3], "end@"),
        (r#"{"type":"array","items":"int"}"#, &[2, 2, 2, 4, 0], ""),
        // A block with its size: right, wrong, and impossible.
        (r#"{"type":"array","items":"int"}"#, &[1, 2, 2, 0], ""),
        (r#"{"type":"array","items":"int"}"#, &[1, 4, 2, 0], "block@/0"),
        (r#"{"type":"array","items":"int"}"#, &[1, 90, 2, 0], "block@"),
        (r#"{"type":"array","items":"boolean"}"#, &[6, 5, 0, 5, 0], "type@/0 type@/2"),
        (r#"{"type":"map","values":"boolean"}"#, &[2, 2, b'/', 5, 0], "type@/~1"),
        (r#"{"type":"array","items":"null"}"#, &nulls, "too_complex@"),
        (list, &[2, 2, 0], ""),
        (list, &[2, 2, 6], "union@/next/L/next/L/next"),
        (list, &deep, "too_deep@"),
        (endless, &[], "too_deep@"),
    ] {
        let found = parse(schema).check_binary(bytes);
        let found = shown(&found);
        if expect.ends_with("too_deep@") || expect.ends_with("too_complex@") {
            assert!(found.starts_with(expect), "{schema}: {found}");
        } else {
            assert_eq!(found, expect, "{schema} {bytes:?}");
        }
    }
}

#[test]
fn splits_a_framed_payload() {
    for (bytes, expect) in [
        (&[0, 1, 2, 3, 4, 9][..], Ok(ConfluentFrame { schema_id: 0x0102_0304, payload: &[9][..] })),
        (&[0, 0, 0, 0, 1], Ok(ConfluentFrame { schema_id: 1, payload: &[] })),
        (&[0, 0, 0, 0], Err(FrameFault::TooShort(4))),
        (&[], Err(FrameFault::TooShort(0))),
        (b"{\"a\":1}", Err(FrameFault::Magic(b'{'))),
    ] {
        assert_eq!(ConfluentFrame::split(bytes), expect);
    }
}
