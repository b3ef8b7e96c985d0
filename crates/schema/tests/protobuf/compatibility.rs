//! What Confluent's registry answers, one row per rule and direction.

use muster_schema::{
    Direction, Policy,
    protobuf::{ProtobufSchema, compare},
};

use crate::schema;

/// The rules that a change breaks, with the paths; `old` and `new` are the bodies of a message `M`
/// in the package `p`, or whole files.
pub(crate) fn rules(old: &str, new: &str, direction: Direction, policy: Policy) -> Vec<String> {
    let broken = compare(&schema(&file(old)), &schema(&file(new)), direction, policy);
    for broken in &broken {
        assert_eq!(broken.direction, direction);
        assert!(!broken.message.contains("takes too long"), "{broken:?}");
        assert!(broken.suggestion.is_some(), "{broken:?}");
    }
    let mut rules: Vec<_> =
        broken.into_iter().map(|broken| format!("{} {}", broken.rule, broken.path)).collect();
    rules.dedup();
    rules
}

fn file(text: &str) -> String {
    match text.trim_start() {
        whole if whole.starts_with("syntax") => whole.to_owned(),
        whole if whole.starts_with("package") => format!("syntax = \"proto3\"; {whole}"),
        body => match body.strip_prefix("proto2") {
            Some(body) => format!("syntax = \"proto2\"; package p; message M {{ {body} }}"),
            None => format!("syntax = \"proto3\"; package p; message M {{ {body} }}"),
        },
    }
}

pub(crate) const BOTH: [Direction; 2] = [Direction::Backward, Direction::Forward];

#[test]
fn answers_as_confluent_does() {
    let e = "enum E { X = 0; Y = 1; }";
    let e_less = "enum E { X = 0; }";
    // The old body, the new one, what breaks backward, what breaks forward.
    for (old, new, backward, forward) in [
        ("int32 a = 1;", "int32 a = 1;", "", ""),
        (
            "package p; message M {}",
            "package q; message M {}",
            "package_changed .q",
            "package_changed .q",
        ),
        ("", "message N {}", "", "message_removed .p.M.N"),
        ("message N {}", "", "message_removed .p.M.N", ""),
        ("package p; message M {} message N {}", "package p; message N {} message M {}", "", ""),
        ("", e, "", ""),
        (e, "", "", ""),
        (e_less, e, "", ""),
        (e, e_less, "", ""),
        ("enum E { X = 0; Y = 1; }", "enum E { X = 0; Z = 1; }", "", ""),
        ("", "int32 a = 1;", "", ""),
        ("int32 a = 1;", "", "", ""),
        ("int32 a = 1;", "int32 b = 1;", "", ""),
        ("int32 a = 1;", "int32 a = 2;", "", ""),
        (
            "proto2",
            "proto2 required int32 a = 1;",
            "required_field_added .p.M.a",
            "required_field_removed .p.M.a",
        ),
        (
            "proto2 required int32 a = 1;",
            "proto2",
            "required_field_removed .p.M.a",
            "required_field_added .p.M.a",
        ),
        // Types within a group may be exchanged.
        ("int32 a = 1;", "int64 a = 1;", "", ""),
        ("int32 a = 1;", "uint32 a = 1;", "", ""),
        ("uint64 a = 1;", "bool a = 1;", "", ""),
        ("sint32 a = 1;", "sint64 a = 1;", "", ""),
        ("string a = 1;", "bytes a = 1;", "", ""),
        ("fixed32 a = 1;", "sfixed32 a = 1;", "", ""),
        ("fixed64 a = 1;", "sfixed64 a = 1;", "", ""),
        ("E a = 1; enum E { X = 0; }", "int32 a = 1; enum E { X = 0; }", "", ""),
        // Others may not.
        (
            "int32 a = 1;",
            "sint32 a = 1;",
            "field_scalar_kind_changed .p.M.a",
            "field_scalar_kind_changed .p.M.a",
        ),
        (
            "int32 a = 1;",
            "string a = 1;",
            "field_scalar_kind_changed .p.M.a",
            "field_scalar_kind_changed .p.M.a",
        ),
        (
            "int32 a = 1;",
            "fixed32 b = 1;",
            "field_scalar_kind_changed .p.M.b",
            "field_scalar_kind_changed .p.M.b",
        ),
        (
            "float a = 1;",
            "double a = 1;",
            "field_scalar_kind_changed .p.M.a",
            "field_scalar_kind_changed .p.M.a",
        ),
        (
            "fixed32 a = 1;",
            "fixed64 a = 1;",
            "field_scalar_kind_changed .p.M.a",
            "field_scalar_kind_changed .p.M.a",
        ),
        (
            "E a = 1; enum E { X = 0; }",
            "string a = 1; enum E { X = 0; }",
            "field_scalar_kind_changed .p.M.a",
            "field_scalar_kind_changed .p.M.a",
        ),
        ("int32 a = 1;", "M a = 1;", "field_kind_changed .p.M.a", "field_kind_changed .p.M.a"),
        ("bytes a = 1;", "M a = 1;", "field_kind_changed .p.M.a", "field_kind_changed .p.M.a"),
        (
            "M a = 1;",
            "map<string, M> a = 1;",
            "field_kind_changed .p.M.a",
            "field_kind_changed .p.M.a",
        ),
        (
            "N a = 1; message N {} message O {}",
            "O a = 1; message N {} message O {}",
            "field_named_type_changed .p.M.a",
            "field_named_type_changed .p.M.a",
        ),
        ("map<string, int32> a = 1;", "map<string, int64> a = 1;", "", ""),
        (
            "map<string, int32> a = 1;",
            "map<int32, int32> a = 1;",
            "field_scalar_kind_changed .p.M.a",
            "field_scalar_kind_changed .p.M.a",
        ),
        (
            "map<string, int32> a = 1;",
            "map<string, M> a = 1;",
            "field_kind_changed .p.M.a",
            "field_kind_changed .p.M.a",
        ),
        // Labels count only where both are written.
        (
            "optional int32 a = 1;",
            "repeated int32 a = 1;",
            "field_numeric_label_changed .p.M.a",
            "field_numeric_label_changed .p.M.a",
        ),
        ("int32 a = 1;", "repeated int32 a = 1;", "", ""),
        ("optional string a = 1;", "repeated string a = 1;", "", ""),
        ("optional M a = 1;", "repeated M a = 1;", "", ""),
        (
            "proto2 optional int32 a = 1;",
            "proto2 required int32 a = 1;",
            "field_numeric_label_changed .p.M.a",
            "field_numeric_label_changed .p.M.a",
        ),
        // Oneofs.
        ("int32 a = 1;", "oneof o { int32 a = 1; int32 b = 2; }", "", ""),
        (
            "int32 a = 1; int32 b = 2;",
            "oneof o { int32 a = 1; int32 b = 2; }",
            "multiple_fields_moved_to_oneof .p.M.a",
            "",
        ),
        (
            "int32 a = 1; oneof o { int32 b = 2; }",
            "oneof o { int32 a = 1; int32 b = 2; }",
            "field_moved_to_existing_oneof .p.M.a",
            "",
        ),
        (
            "oneof o { int32 a = 1; int32 b = 2; }",
            "oneof o { int32 a = 1; }",
            "oneof_field_removed .p.M.b",
            "",
        ),
        (
            "oneof o { int32 a = 1; int32 b = 2; }",
            "oneof o { int32 a = 1; } int32 b = 2;",
            "",
            "field_moved_to_existing_oneof .p.M.b",
        ),
        ("oneof o { int32 a = 1; }", "", "", ""),
        (
            "oneof o { int32 a = 1; }",
            "oneof p { string a = 1; }",
            "field_scalar_kind_changed .p.M.a",
            "field_scalar_kind_changed .p.M.a",
        ),
        (
            "int32 a = 1;",
            "oneof o { string a = 1; }",
            "field_scalar_kind_changed .p.M.a",
            "field_scalar_kind_changed .p.M.a",
        ),
        // Reserved numbers don't count.
        ("reserved 1;", "int32 a = 1;", "", ""),
    ] {
        for (direction, expect) in BOTH.into_iter().zip([backward, forward]) {
            for policy in [Policy::ConfluentStrict, Policy::ConfluentLenient] {
                let found = rules(old, new, direction, policy).join(", ");
                assert_eq!(found, expect, "{direction:?} {policy:?}\n{old}\n{new}");
            }
        }
    }
}

#[test]
fn imported_messages_are_compared_where_they_are_used() {
    let root = |package: &str, file: &str| {
        format!("syntax = \"proto3\"; import \"{file}\"; message M {{ .{package}.Home home = 1; }}")
    };
    let home = |package: &str, kind: &str| {
        format!(
            "syntax = \"proto3\"; package {package}; message Home {{ {kind} id = 1; Home in = 2; }}"
        )
    };
    let parse = |package: &str, file: &str, kind: &str| {
        ProtobufSchema::parse(&root(package, file), &[(file, &home(package, kind))]).unwrap()
    };
    let old = parse("a", "a.proto", "int32");
    for (new, expect) in [
        (parse("a", "a.proto", "int32"), ""),
        (parse("a", "b.proto", "int64"), ""),
        // Another package of an imported file is fine where the message is.
        (parse("b", "b.proto", "int32"), ""),
        (
            parse("b", "b.proto", "string"),
            "field_named_type_changed, field_named_type_changed, field_scalar_kind_changed",
        ),
    ] {
        let mut found: Vec<String> =
            compare(&old, &new, Direction::Backward, Policy::ConfluentStrict)
                .into_iter()
                .map(|broken| broken.rule)
                .collect();
        found.sort();
        assert_eq!(found.join(", "), expect);
    }
    // From an import to a message of its own, and back.
    let own = schema(
        "syntax = \"proto3\"; message M { Home home = 1; } message Home { int32 id = 1; Home in = 2; }",
    );
    assert!(compare(&old, &own, Direction::Backward, Policy::ConfluentStrict).is_empty());
    let back = compare(&own, &old, Direction::Backward, Policy::ConfluentStrict);
    assert_eq!(
        back.iter().map(|broken| broken.rule.as_str()).collect::<Vec<_>>(),
        ["message_removed"]
    );
}

#[test]
fn says_what_was_and_is_in_both_directions() {
    let (old, new) = (schema(&file("int32 a = 1;")), schema(&file("string a = 1;")));
    for (direction, whom) in
        BOTH.into_iter().zip(["readers with the new schema", "readers with the old schema"])
    {
        let broken = compare(&old, &new, direction, Policy::Sound).remove(0);
        assert_eq!((broken.was.as_deref(), broken.is.as_deref()), (Some("int32"), Some("string")));
        assert!(broken.message.contains(whom), "{broken:?}");
    }
}
