use super::*;

const FORMAT: SchemaFormat = SchemaFormat::Protobuf;

const NESTED: &str = r#"syntax = "proto3";
package shop;

import "confluent/meta.proto";

option (confluent.file_meta).tags = "FILE";

message Order {
  option (confluent.message_meta).tags = "OTHER";

  int32 one = 1 [
    (confluent.field_meta).tags = "OTHER",
    (confluent.field_meta).tags = "PRIVATE"
  ];
  double two = 2 [(confluent.field_meta) = {
    tags: [
      "PRIVATE"
    ]
  }];
  Inner three = 3 [
    deprecated = true,
    (confluent.field_meta) = {
      doc: "it's \"quoted\"",
      params: [
        {
          key: "k",
          value: "v"
        }
      ]
    }
  ];
  map<string, Inner> four = 4;
  optional string five = 5;

  oneof choice {
    string first = 6;
    int32 second = 7 [deprecated = true];
  }

  message Inner {
    int64 deep = 1;
  }
  enum Kind {
    option (confluent.enum_meta).tags = "ENUM";
    NONE = 0;
  }
}
"#;

const TAGGED: &str = r#"syntax = "proto3";
package shop;

import "confluent/meta.proto";

option (confluent.file_meta).tags = "FILE";

message Order {
  option (confluent.message_meta) = {
    tags: [
      "OTHER",
      "PII"
    ]
  };

  int32 one = 1 [(confluent.field_meta) = {
    tags: [
      "OTHER",
      "PRIVATE",
      "PII"
    ]
  }];
  double two = 2;
  Inner three = 3 [
    deprecated = true,
    (confluent.field_meta) = {
      doc: "it\'s \"quoted\"",
      params: [
        {
          key: "k",
          value: "v"
        }
      ],
      tags: [
        "PII"
      ]
    }
  ];
  map<string, Inner> four = 4 [(confluent.field_meta) = {
    tags: [
      "a\"b"
    ]
  }];
  optional string five = 5 [(confluent.field_meta) = {
    tags: [
      "PII"
    ]
  }];

  oneof choice {
    string first = 6 [(confluent.field_meta) = {
      tags: [
        "A",
        "B"
      ]
    }];
    int32 second = 7 [
      deprecated = true,
      (confluent.field_meta) = {
        tags: [
          "B"
        ]
      }
    ];
  }

  message Inner {
    option (confluent.message_meta) = {
      tags: [
        "PII"
      ]
    };
  
    int64 deep = 1 [(confluent.field_meta) = {
      tags: [
        "PII"
      ]
    }];
  }
  enum Kind {
    option (confluent.enum_meta).tags = "ENUM";
    NONE = 0;
  }
}
"#;

#[test]
fn adds_tags_to_messages_and_fields() {
    let schema = given(FORMAT, NESTED, &[]);
    let changed = schema.changed(
        &[
            (".Order", RECORD, "PII"),
            ("Order.one", FIELD, "PII OTHER"),
            ("Order.three", FIELD, "PII"),
            ("Order.four", FIELD, "a\"b"),
            ("Order.five", FIELD, "PII"),
            (".Order.choice.first", FIELD, "A"),
            (".Order.first", FIELD, "B"),
            ("Order.second", FIELD, "B"),
            ("Order.Inner", RECORD, "PII"),
            ("Order.Inner.deep", FIELD, "PII"),
        ],
        &[("Order.two", FIELD, "PRIVATE"), ("Order.five", FIELD, "none")],
    );
    assert_eq!(changed.as_deref(), Ok(TAGGED));
    let found = given(FORMAT, TAGGED, &[]).found("*");
    let expect: Tags<'_> = &[
        ("Order", RECORD, "OTHER PII"),
        ("Order.one", FIELD, "OTHER PRIVATE PII"),
        ("Order.three", FIELD, "PII"),
        ("Order.four", FIELD, "a\"b"),
        ("Order.five", FIELD, "PII"),
        ("Order.Inner", RECORD, "PII"),
        ("Order.Inner.deep", FIELD, "PII"),
        ("Order.choice.first", FIELD, "A B"),
        ("Order.choice.second", FIELD, "B"),
    ];
    assert_eq!(found, owned(expect));
    assert_eq!(
        given(FORMAT, NESTED, &[]).found("PRIVATE FILE"),
        owned(&[("Order.one", FIELD, "OTHER PRIVATE"), ("Order.two", FIELD, "PRIVATE"),])
    );
}

#[test]
fn gives_the_text_back_when_added_tags_are_removed() {
    let plain = "syntax = \"proto3\";\npackage com.example;\n\nmessage Message1 {\n  string f1 = 1;\n  string f2 = 2;\n}\n";
    let tagged = "syntax = \"proto3\";\npackage com.example;\n\nmessage Message1 {\n  string f1 = 1 [(confluent.field_meta) = {\n    tags: [\n      \"TAG1\",\n      \"TAG2\"\n    ]\n  }];\n  string f2 = 2;\n}\n";
    given(FORMAT, plain, &[]).check(FORMAT, &[("Message1.f1", FIELD, "TAG1 TAG2")], tagged);
    // In proto2, in a group's neighbour, with a reference and without a package.
    let other = "message Other { optional int32 a = 1; }";
    let references = [("other.proto", other)];
    let plain = "\nimport \"other.proto\";\n\nmessage A {\n  option deprecated = true;\n\n  required Other o = 1 [deprecated = true];\n  optional group G = 2 {\n    optional string s = 3 [default = \"x\"];\n  }\n\n  message N {\n    repeated string r = 1;\n  }\n}\n";
    let schema = given(FORMAT, plain, &references);
    let tags: Tags<'_> =
        &[("A", RECORD, "T"), ("A.o", FIELD, "T"), ("A.N", RECORD, "T"), ("A.N.r", FIELD, "T U")];
    let changed = schema.changed(tags, &[]).unwrap();
    schema.check(FORMAT, tags, &changed);
}

#[test]
fn names_the_message_or_field_that_is_not_there() {
    let text = "syntax = \"proto3\";\npackage p;\nmessage A {\n  oneof o {\n    string f = 1;\n    int32 o2 = 2;\n  }\n  map<string, string> m = 3;\n  optional int32 x = 4;\n  message B {}\n}\n";
    let schema = given(FORMAT, text, &[]);
    let (message, field) = (
        |name: &str| TagError::NoMessage(name.to_owned()),
        |name: &str| TagError::NoField(name.to_owned()),
    );
    for (path, kind, expect) in [
        ("A", FIELD, field("A")),
        ("C.f", FIELD, field("f")),
        ("A.bad.f", FIELD, field("f")),
        ("A.none", FIELD, field("none")),
        ("A.x.x", FIELD, field("x")),
        ("A._x.x", FIELD, field("x")),
        ("A.C.D.f", FIELD, message("C")),
        ("C", RECORD, message("C")),
        ("A.f", RECORD, message("f")),
        ("A.MEntry", RECORD, message("MEntry")),
        ("p.A", RECORD, message("p")),
        ("..A", RECORD, message("")),
        ("", RECORD, message("")),
    ] {
        assert_eq!(schema.changed(&[(path, kind, "T")], &[]), Err(expect), "{path}");
    }
}

/// Options need no import, as in Confluent's registry.
#[test]
fn takes_options_of_confluent_without_their_import() {
    let text = "syntax = \"proto3\";\n\nmessage A {\n  string f = 1 [(confluent.field_meta).tags = \"T\"];\n}\n";
    let schema = given(FORMAT, text, &[]);
    assert_eq!(schema.text, text);
    assert_eq!(schema.found("*"), owned(&[("A.f", FIELD, "T")]));
    assert_eq!(
        schema.changed(&[], &[("A.f", FIELD, "T")]).unwrap(),
        text.replace(" [(confluent.field_meta).tags = \"T\"]", "")
    );
    assert!(!schema.schema.normalized_text(text.as_bytes()).contains("import"));
    // A schema that imports it lends it to the next, and one that brings its own keeps that.
    let other = format!("{text}\nmessage B {{}}").replace("message A", "message C");
    let references = [("other.proto", other.as_str())];
    let with = text.replace("message A", "import \"other.proto\";\n\nmessage A");
    assert_eq!(given(FORMAT, &with, &references).text, with);
    let own = "syntax = \"proto3\";\npackage confluent;\nimport \"google/protobuf/descriptor.proto\";\nmessage Meta { repeated string tags = 3; }\nextend google.protobuf.FieldOptions { Meta field_meta = 1088; }\n";
    let references = [("own.proto", own)];
    let with = text.replace("message A", "import \"own.proto\";\n\nmessage A");
    assert_eq!(given(FORMAT, &with, &references).found("*"), owned(&[("A.f", FIELD, "T")]));
}
