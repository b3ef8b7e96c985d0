use muster_schema::protobuf::{ProtobufFrame, ProtobufFrameError, ProtobufSchema};
use muster_words::json::Value;

use crate::schema;

const SHOP: &str = r#"
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
message Order {
  string id = 1;
  int32 count = 2;
  uint64 cents = 3;
  repeated Line lines = 4;
  map<int32, Line> by_number = 5;
  Color color = 6;
  oneof payment { string card = 7; bool cash = 8; }
  bytes raw = 9;
  google.protobuf.Timestamp at = 10;
  google.protobuf.Duration took = 11;
  google.protobuf.Int32Value boxed = 12;
  google.protobuf.Value free = 13;
  google.protobuf.Any any = 14;
  google.protobuf.FieldMask mask = 15;
  float ratio = 16;
  repeated sint32 packed = 17;
  enum Color { NONE = 0; RED = 1; }
  message Line { string sku = 1; Line inner = 2; }
}
message Other { int32 n = 1; }
"#;

const OLD: &str = "syntax = \"proto2\"; message A { required int32 n = 1; optional group G = 2 { required A a = 3; } optional E e = 4; enum E { X = 0; } repeated A all = 5; }";

/// Each violation as `pointer keyword`, warnings in brackets.
fn short(found: &[muster_schema::Violation]) -> Vec<String> {
    let short = found.iter().map(|violation| {
        let muster_schema::ViolationSource::Keyword(keyword) = &violation.source else {
            unreachable!()
        };
        match violation.is_error() {
            true => format!("{} {keyword}", violation.pointer),
            false => format!("({} {keyword})", violation.pointer),
        }
    });
    short.collect()
}

#[test]
fn checks_json_and_locates_every_violation() {
    let shop = schema(SHOP);
    for (json, expect) in [
        (r#"{}"#, vec![]),
        (
            r#"{"id":"a","count":1,"cents":"18446744073709551615","color":"RED","raw":"_-8","at":"2026-11-21T10:00:00.5Z"}"#,
            vec![],
        ),
        (
            r#"{"count":1.0,"by_number":{"1":{"sku":"x"}},"boxed":7,"took":"-1.5s","ratio":"NaN","mask":"a,bC.d"}"#,
            vec![],
        ),
        (
            r#"{"count":null,"lines":null,"free":null,"any":{"@type":"type.googleapis.com/shop.Other","n":1}}"#,
            vec![],
        ),
        (r#"{"free":{"a":[1,null]},"color":1,"packed":[1,"2",-3e0]}"#, vec![]),
        (r#"7"#, vec![" type"]),
        (
            r#"{"id":7,"count":"x","cents":-1,"lines":{}}"#,
            vec!["/id type", "/count type", "/cents range", "/lines type"],
        ),
        (r#"{"count":2147483648}"#, vec!["/count range"]),
        (r#"{"count":1.5}"#, vec!["/count type"]),
        (r#"{"count":1e400}"#, vec!["/count range"]),
        (r#"{"ratio":1e39}"#, vec!["/ratio range"]),
        (
            r#"{"lines":[{"sku":1},null,{"inner":{"inner":{"sku":false}}}]}"#,
            vec!["/lines/0/sku type", "/lines/1 type", "/lines/2/inner/inner/sku type"],
        ),
        (
            r#"{"byNumber":{"x":{},"1":{"sku":2}}}"#,
            vec!["/byNumber/x type", "/byNumber/1/sku type"],
        ),
        (r#"{"byNumber":{},"by_number":{}}"#, vec!["/by_number duplicate"]),
        (r#"{"card":"1","cash":true}"#, vec!["/cash oneof"]),
        (r#"{"card":"1","cash":null}"#, vec![]),
        (r#"{"color":"RAD"}"#, vec!["/color enum"]),
        (r#"{"color":9}"#, vec!["(/color enum)"]),
        (r#"{"colour":"RED"}"#, vec!["(/colour unknownField)"]),
        (r#"{"raw":"a b"}"#, vec!["/raw type"]),
        (
            r#"{"at":"2026-02-30T10:00:00Z","took":"1","mask":"a b"}"#,
            vec!["/at type", "/took type", "/mask type"],
        ),
        (r#"{"any":{}}"#, vec![]),
        (r#"{"any":{"n":1}}"#, vec!["/any/@type required"]),
        (r#"{"any":{"@type":"x/shop.Other","n":"x"}}"#, vec!["/any/n type"]),
        (r#"{"any":{"@type":"x/elsewhere.A"}}"#, vec!["(/any unknownType)"]),
    ] {
        let value: Value = muster_words::json::parse(json.as_bytes()).unwrap();
        let mut found = short(&shop.check_json(&value, None).unwrap());
        let mut expect = expect;
        found.sort();
        expect.sort_unstable();
        assert_eq!(found, expect, "{json}");
    }
    let old = schema(OLD);
    for (json, expect) in [
        (r#"{"n":1}"#, vec![]),
        (r#"{"n":null,"all":[{}]}"#, vec!["/all/0/n required", "/n required"]),
        (r#"{"n":1,"e":5}"#, vec!["/e enum"]),
    ] {
        let value: Value = muster_words::json::parse(json.as_bytes()).unwrap();
        let mut found = short(&old.check_json(&value, None).unwrap());
        found.sort();
        assert_eq!(found, expect, "{json}");
    }
}

#[test]
fn checks_bytes_and_locates_every_violation() {
    let (shop, old) = (schema(SHOP), schema(OLD));
    for (of, bytes, expect) in [
        (&shop, &[][..], vec![]),
        (&shop, b"\x0a\x01a\x10\x05", vec![]),
        (&shop, b"\x0a\x01\xff\x10\x05", vec!["/id utf8"]),
        (&shop, b"\x08\x01\x12\x00", vec!["/id type", "/count type"]),
        (
            &shop,
            b"\x22\x03\x0a\x01\xff\x22\x00\x22\x03\x0a\x01\xff",
            vec!["/lines/0/sku utf8", "/lines/2/sku utf8"],
        ),
        (&shop, b"\x2a\x07\x08\x07\x12\x03\x0a\x01\xff", vec!["/byNumber/7/sku utf8"]),
        (&shop, b"\x30\x09", vec!["(/color enum)"]),
        (&shop, b"\xa0\x06\x01", vec!["( unknownField)"]),
        (&shop, b"\x8a\x01\x02\x01\x02\x88\x01\x03", vec![]),
        (&shop, b"\x0a\x05a", vec![" wire"]),
        (&shop, b"\x0a", vec![" wire"]),
        (&shop, b"\x00", vec![" wire"]),
        (&shop, b"\x0f", vec![" wire"]),
        (&shop, b"\x0c", vec![" wire"]),
        (&shop, b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", vec![]),
        (&shop, b"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", vec!["/count wire"]),
        (&old, b"\x08\x01", vec![]),
        (&old, b"", vec!["/n required"]),
        (&old, b"\x08\x01\x13\x14", vec!["/g/a required"]),
        (&old, b"\x08\x01\x13\x1a\x02\x08\x01\x14", vec![]),
        // A group in two parts is one group.
        (&old, b"\x08\x01\x13\x14\x13\x1a\x02\x08\x01\x14", vec![]),
        (&old, b"\x08\x01\x13\x1c", vec![" wire"]),
        (&old, b"\x08\x01\x2a\x00\x2a\x02\x08\x02", vec!["/all/0/n required"]),
    ] {
        let mut found = short(&of.check_binary(bytes, None).unwrap());
        let mut expect = expect;
        found.sort();
        expect.sort_unstable();
        // A number that can't be read is reported at the message or at the field.
        let found: Vec<String> = found
            .into_iter()
            .map(|found| match found.ends_with(" wire") && expect == [" wire"] {
                true => " wire".into(),
                false => found,
            })
            .collect();
        let same = found == expect || (expect == ["/count wire"] && found == [" wire"]);
        assert!(same, "{bytes:02x?}: {found:?} {expect:?}");
    }
}

#[test]
fn payloads_that_are_nested_deeply_are_refused() {
    let shop = schema(SHOP);
    let mut bytes = Vec::new();
    for _ in 0..5_000 {
        let mut outer = vec![0x12];
        prost_reflect::prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
        outer.extend(&bytes);
        bytes = outer;
    }
    let found = short(&shop.check_binary(&bytes, Some("Order.Line")).unwrap());
    assert!(found[0].ends_with(" depth"), "{found:?}");
    // Groups that the schema doesn't know are skipped, but not endlessly deep.
    let found = short(&shop.check_binary(&[0x3b].repeat(100_000), Some("Other")).unwrap());
    assert_eq!(found, [" wire"]);
    let mut json = Value::Null;
    for _ in 0..110 {
        json = serde_json::json!({ "inner": json });
    }
    let found = short(&shop.check_json(&json, Some("shop.Order.Line")).unwrap());
    assert!(found[0].ends_with(" depth"), "{found:?}");
}

#[test]
fn finds_messages_by_name_and_by_index() {
    let shop = schema(SHOP);
    for (indexes, name) in [
        (vec![0], Some("shop.Order")),
        (vec![1], Some("shop.Other")),
        (vec![0, 0], Some("shop.Order.ByNumberEntry")),
        (vec![0, 1], Some("shop.Order.Line")),
        (vec![], None),
        (vec![2], None),
        (vec![0, 9], None),
    ] {
        assert_eq!(shop.message_at(&indexes).as_deref(), name);
        if let Some(name) = name {
            assert_eq!(shop.message_indexes(name), Some(indexes));
        }
    }
    assert_eq!(shop.message_indexes("google.protobuf.Any"), None);
    for name in ["shop.Order", ".shop.Order", "Order", "Order.Line"] {
        assert!(shop.check_binary(&[], Some(name)).is_ok(), "{name}");
    }
    let error = shop.check_binary(&[], Some("Oder")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the schema has no message \"Oder\"; it has shop.Order, shop.Other"
    );
    let empty = ProtobufSchema::parse("syntax = \"proto3\";", &[]).unwrap();
    assert!(empty.check_binary(&[], None).is_err());
}

#[test]
fn reads_and_writes_frames() {
    for (bytes, expect) in [
        (&[0, 0, 0, 1, 2, 0, 9][..], Ok((258, vec![0], &[9][..]))),
        (&[0, 0, 0, 0, 1, 2, 0], Ok((1, vec![0], &[]))),
        (&[0, 0, 0, 0, 1, 4, 2, 6, 8], Ok((1, vec![1, 3], &[8]))),
        (&[0, 0, 0, 0, 1, 2, 0x80, 0x01], Ok((1, vec![64], &[]))),
        (&[], Err(ProtobufFrameError::Short)),
        (&[1, 0, 0, 0, 1, 0], Err(ProtobufFrameError::Magic(1))),
        (&[0, 0, 0, 0, 1], Err(ProtobufFrameError::Short)),
        (&[0, 0, 0, 0, 1, 4, 2], Err(ProtobufFrameError::Short)),
        (&[0, 0, 0, 0, 1, 1], Err(ProtobufFrameError::Indexes)),
        (&[0, 0, 0, 0, 1, 2, 1], Err(ProtobufFrameError::Indexes)),
        (&[0, 0, 0, 0, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f], Err(ProtobufFrameError::Indexes)),
        (&[0, 0, 0, 0, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80], Err(ProtobufFrameError::Indexes)),
    ] {
        let found = ProtobufFrame::read(bytes);
        let short = found.clone().map(|frame| (frame.schema_id, frame.indexes, frame.payload));
        assert_eq!(short, expect, "{bytes:?}");
        if let Ok(frame) = found {
            assert_eq!(ProtobufFrame::read(&frame.to_bytes()), Ok(frame));
        }
    }
}
