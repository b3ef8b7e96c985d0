//! The comparison by what is on the wire, one row per rule and direction.

use muster_schema::{Certainty, Direction, Policy, protobuf::compare};

use crate::{
    compatibility::{BOTH, rules},
    schema,
};

#[test]
fn refuses_what_changes_a_value_and_nothing_else() {
    let kind = "field_scalar_kind_changed .p.M.a";
    for (old, new, backward, forward) in [
        ("int32 a = 1;", "int32 a = 1;", "", ""),
        // Additions that are never refused, and removals that are safe.
        ("", "int32 a = 1;", "", ""),
        ("", "repeated M a = 1;", "", ""),
        ("", "map<string, M> a = 1;", "", ""),
        ("", "oneof o { int32 a = 1; }", "", ""),
        ("oneof o { int32 a = 1; }", "oneof o { int32 a = 1; string b = 2; }", "", ""),
        ("oneof o { int32 a = 1; int32 b = 2; }", "oneof o { int32 a = 1; } reserved 2;", "", ""),
        ("enum E { X = 0; } E a = 1;", "enum E { X = 0; Y = 1; } E a = 1;", "", ""),
        ("enum E { X = 0; Y = 1; } E a = 1;", "enum E { X = 0; } E a = 1;", "", ""),
        ("", "enum E { X = 0; }", "", ""),
        ("int32 a = 1;", "reserved 1; reserved \"a\";", "", ""),
        ("int32 a = 1;", "int32 b = 1;", "", ""),
        ("int32 a = 1;", "optional int32 a = 1;", "", ""),
        ("int32 a = 1;", "oneof o { int32 a = 1; }", "", ""),
        ("repeated int32 a = 1 [packed = true];", "repeated int32 a = 1 [packed = false];", "", ""),
        ("package p; message M { int32 a = 1; }", "package q; message M { int32 a = 1; }", "", ""),
        (
            "N a = 1; message N { int32 n = 1; } message O { int32 n = 1; }",
            "O a = 1; message N { int32 n = 1; } message O { int32 n = 1; }",
            "",
            "",
        ),
        // Messages.
        ("", "message N {}", "", "message_removed .p.M.N"),
        ("message N {}", "", "message_removed .p.M.N", ""),
        // Scalars: a wider type reads a narrower one.
        ("bool a = 1;", "int32 a = 1;", "", kind),
        ("bool a = 1;", "uint64 a = 1;", "", kind),
        ("int32 a = 1;", "int64 a = 1;", "", kind),
        ("uint32 a = 1;", "uint64 a = 1;", "", kind),
        ("uint32 a = 1;", "int64 a = 1;", "", kind),
        ("int32 a = 1;", "uint32 a = 1;", kind, kind),
        ("int64 a = 1;", "uint64 a = 1;", kind, kind),
        ("sint32 a = 1;", "sint64 a = 1;", "", kind),
        ("sint32 a = 1;", "int32 a = 1;", kind, kind),
        ("fixed32 a = 1;", "sfixed32 a = 1;", kind, kind),
        ("fixed64 a = 1;", "sfixed64 a = 1;", kind, kind),
        ("fixed32 a = 1;", "float a = 1;", kind, kind),
        ("float a = 1;", "double a = 1;", kind, kind),
        ("string a = 1;", "bytes a = 1;", "", kind),
        ("repeated int32 a = 1;", "repeated int64 a = 1;", "", kind),
        ("map<string, int32> a = 1;", "map<string, int64> a = 1;", "", kind),
        ("map<int32, string> a = 1;", "map<string, string> a = 1;", kind, kind),
        ("enum E { X = 0; } E a = 1;", "enum E { X = 0; } int32 a = 1;", "", ""),
        ("enum E { X = 0; } E a = 1;", "enum E { X = 0; } uint32 a = 1;", kind, kind),
        ("bytes a = 1;", "M a = 1;", "field_kind_changed .p.M.a", "field_kind_changed .p.M.a"),
        (
            "repeated M a = 1;",
            "map<string, M> a = 1;",
            "field_kind_changed .p.M.a",
            "field_kind_changed .p.M.a",
        ),
        // Labels.
        ("optional string a = 1;", "repeated string a = 1;", "", "field_label_changed .p.M.a"),
        ("M a = 1;", "repeated M a = 1;", "", "field_label_changed .p.M.a"),
        (
            "int32 a = 1;",
            "repeated int32 a = 1;",
            "field_label_changed .p.M.a",
            "field_label_changed .p.M.a",
        ),
        ("proto2", "proto2 required int32 a = 1;", "required_field_added .p.M.a", ""),
        (
            "proto2 optional int32 a = 1;",
            "proto2 required int32 a = 1;",
            "field_made_required .p.M.a",
            "",
        ),
        (
            "proto2 optional int32 a = 1;",
            "proto2 optional int32 a = 1 [default = 1];",
            "field_default_changed .p.M.a",
            "field_default_changed .p.M.a",
        ),
        ("proto2 required int32 a = 1;", "proto2 required int32 a = 1 [default = 1];", "", ""),
        // Numbers.
        (
            "int32 a = 1;",
            "int32 a = 2;",
            "field_number_changed .p.M.a",
            "field_number_changed .p.M.a",
        ),
        (
            "int32 a = 1; int32 b = 2;",
            "int32 b = 1; int32 a = 2;",
            "field_number_changed .p.M.a, field_number_changed .p.M.b",
            "field_number_changed .p.M.a, field_number_changed .p.M.b",
        ),
        ("reserved 1;", "int32 a = 1;", "reserved_number_reused .p.M.a", ""),
        (
            "proto2 extensions 1 to 9;",
            "proto2 optional int32 a = 1;",
            "field_in_extension_range .p.M.a",
            "",
        ),
        // Enums.
        (
            "enum E { X = 0; Y = 1; } E a = 1;",
            "enum E { X = 0; Y = 2; } E a = 1;",
            "enum_const_number_changed .p.M.Y",
            "enum_const_number_changed .p.M.Y",
        ),
        (
            "proto2 enum E { X = 0; Y = 1; } optional E a = 1;",
            "proto2 enum E { X = 0; } optional E a = 1;",
            "enum_const_removed .p.M.Y",
            "",
        ),
        (
            "proto2 enum E { X = 0; Y = 1; } optional E a = 1;",
            "enum E { X = 0; Y = 1; } E a = 1;",
            "",
            "enum_closed .p.M.E",
        ),
        (
            "proto2 enum E { X = 1; Y = 2; } optional E a = 1;",
            "proto2 enum E { Y = 2; X = 1; } optional E a = 1;",
            "field_default_changed .p.M.a",
            "field_default_changed .p.M.a",
        ),
        // Oneofs.
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
            "oneof x { int32 a = 1; } oneof y { int32 b = 2; }",
            "oneof o { int32 a = 1; int32 b = 2; }",
            "multiple_fields_moved_to_oneof .p.M.a",
            "",
        ),
    ] {
        for (direction, expect) in BOTH.into_iter().zip([backward, forward]) {
            let found = rules(old, new, direction, Policy::Sound).join(", ");
            // The place of an enum is below the message here.
            let found = found.replace(".p.M.E.", ".p.M.");
            assert_eq!(found, expect, "{direction:?}\n{old}\n{new}");
        }
    }
}

#[test]
fn what_older_data_may_hold_is_undecided() {
    let old = schema("syntax = \"proto3\"; message M { reserved 1; }");
    let new = schema("syntax = \"proto3\"; message M { int32 a = 1; }");
    let broken = compare(&old, &new, Direction::Backward, Policy::Sound);
    assert_eq!(broken[0].certainty, Certainty::Undecided);
}
