//! Protobuf schemas, as text and as descriptors: one is read, printed and compared with others, and
//! payloads meet it. What follows a zero byte is a second schema, and what follows a second one is
//! a payload.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use muster_schema::{
    Direction, Policy,
    protobuf::{ProtobufFrame, ProtobufSchema, compare, difference},
};
use muster_words::json::parse;

static OTHER: LazyLock<ProtobufSchema> = LazyLock::new(|| {
    let text = "syntax = \"proto3\"; message A { int32 a = 1; A b = 2; oneof o { string c = 3; } }";
    ProtobufSchema::parse(text, &[]).expect("it is a schema")
});

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let (first, second, payload) = (next(), next(), next());
    let _ = ProtobufFrame::read(payload);
    let Ok(schema) = ProtobufSchema::parse_bytes(first, &[]) else { return };
    // What is printed reads as the same.
    let printed = ProtobufSchema::parse(schema.canonical_text(), &[]).expect("it was printed");
    assert_eq!(printed.canonical_text(), schema.canonical_text());
    assert_eq!(printed.normalised_text(), schema.normalised_text());
    let other = ProtobufSchema::parse_bytes(second, &[]).unwrap_or_else(|_| OTHER.clone());
    for policy in [Policy::ConfluentStrict, Policy::Sound] {
        assert!(compare(&schema, &schema, Direction::Backward, policy).is_empty());
        for direction in [Direction::Backward, Direction::Forward] {
            let _ = compare(&schema, &other, direction, policy);
        }
    }
    assert!(difference(&schema, &schema).is_empty());
    let _ = difference(&schema, &other);
    let _ = schema.check_binary(payload, None);
    if let Ok(value) = parse(payload) {
        let _ = schema.check_json(&value, None);
    }
});
