use muster_schema::protobuf::ProtobufSchema;

use crate::schema;

/// A schema with everything that can be printed.
pub(crate) const RICH: &str = r#"
// A comment.
syntax = "proto3";
package shop.v1;

import public "google/protobuf/wrappers.proto";
import "google/protobuf/timestamp.proto";
import "confluent/meta.proto";

option java_package = "com.example";
option (confluent.file_meta) = { doc: "a \"file\"", params: [{ key: "k", value: "v" }] };
option go_package = "shop/v1";

enum Color { COLOR_NONE = 0; RED = 2 [deprecated = true]; BLUE = 1; reserved 5 to 7, 9; reserved "GREEN"; }

message Order {
  reserved 20 to 29, 40;
  reserved "old", "older";
  option deprecated = true;
  map<string, Line> lines = 3;
  string id = 1 [(confluent.field_meta) = { doc: "id", tags: ["a", "b"] }, json_name = "ID"];
  optional int32 count = 2;
  repeated double prices = 8 [packed = false];
  oneof payment { Line line = 5; string card = 4; }
  Color color = 6;
  .google.protobuf.Timestamp at = 7;
  message Line { sint64 n = 1; Kind kind = 2; enum Kind { NONE = 0; } }
}

service Orders {
  rpc Get (Order) returns (stream Order) { option deprecated = true; }
  rpc Put (stream .shop.v1.Order) returns (Order);
}
"#;

pub(crate) const RICH_2: &str = r#"
syntax = "proto2";
package a;
message M {
  required int32 n = 1 [default = -7];
  optional string s = 2 [default = "it's\n\"\001"];
  optional bytes b = 3 [default = "\x00\xff\"x"];
  optional float f = 4 [default = -inf];
  optional E e = 5 [default = B];
  optional group Part = 6 { optional bool x = 1 [default = true]; }
  extensions 100 to 199, 500 to max;
  oneof o { string left = 7; int32 right = 8; }
  extend M { optional int32 inner = 150; optional group Deep = 151 { optional int32 x = 1; } }
}
enum E { option allow_alias = true; B = 3; A = -1; C = 3; }
extend M { repeated group Outer = 102 { optional M m = 1; } }
extend M { repeated string outside = 100; optional M other = 101 [deprecated = true]; }
"#;

#[test]
fn prints_sections_in_confluents_order() {
    let text = "syntax = \"proto3\";\npackage a;\nenum E { X = 0; }\n// gone\nmessage A {\n\
                message B { int32 x = 1; }\n reserved 9;\n B b = 1; oneof o { E e = 2; }\n\
                repeated string s = 3 [deprecated = true, json_name = \"t\"]; }\n\
                option java_package = \"p\";\nimport \"google/protobuf/any.proto\";";
    let expect = "syntax = \"proto3\";\npackage a;\n\nimport \"google/protobuf/any.proto\";\n\n\
                  option java_package = \"p\";\n\nmessage A {\n  reserved 9;\n\n  B b = 1;\n  \
                  repeated string s = 3 [\n    deprecated = true,\n    json_name = \"t\"\n  ];\n\n  \
                  oneof o {\n    E e = 2;\n  }\n\n  message B {\n    int32 x = 1;\n  }\n}\n\
                  enum E {\n  X = 0;\n}\n";
    assert_eq!(schema(text).canonical_text(), expect);
    let normal = expect.replace("  B b = 1", "  .a.A.B b = 1").replace("    E e", "    .a.E e");
    assert_eq!(schema(text).normalised_text(), normal);
}

#[test]
fn what_is_printed_reads_as_the_same() {
    for text in [RICH, RICH_2, "message A {}", "syntax = \"proto3\";"] {
        let first = schema(text);
        let again = schema(first.canonical_text());
        assert_eq!(again.canonical_text(), first.canonical_text());
        assert_eq!(again.normalised_text(), first.normalised_text(), "{}", first.canonical_text());
        assert_eq!(again.fingerprint(), first.fingerprint());
        let normal = schema(&first.normalised_text());
        assert_eq!(normal.normalised_text(), first.normalised_text());
    }
}

#[test]
fn a_descriptor_reads_as_the_text_it_comes_from() {
    for text in [RICH, RICH_2] {
        let from_text = schema(text);
        let from_bytes = schema(&from_text.serialised());
        assert_eq!(from_bytes.normalised_text(), from_text.normalised_text());
        assert_eq!(from_bytes.serialised(), from_text.serialised());
        assert_eq!(
            schema(from_bytes.canonical_text()).canonical_text(),
            from_bytes.canonical_text()
        );
    }
}

#[test]
fn the_normal_form_ignores_what_has_no_meaning() {
    let left = "syntax = \"proto3\"; import \"google/protobuf/any.proto\"; import \"a.proto\";
        option java_package = \"j\"; option go_package = \"g\";
        message A { string b = 2; int32 a = 1; A c = 3 [deprecated = true, json_name = \"x\"]; }";
    let right = "syntax = \"proto3\"; option go_package = \"g\";  option java_package = \"j\";
        import \"a.proto\"; import \"google/protobuf/any.proto\";
        message A { .A c = 3 [json_name = \"x\", deprecated = true]; int32 a = 1; string b = 2; }";
    let parse = |text| ProtobufSchema::parse(text, &[("a.proto", "syntax = \"proto3\";")]).unwrap();
    assert_eq!(parse(left).normalised_text(), parse(right).normalised_text());
    assert_ne!(parse(left).canonical_text(), parse(right).canonical_text());
}
