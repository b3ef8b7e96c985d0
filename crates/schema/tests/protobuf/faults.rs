use muster_schema::protobuf::ProtobufSchema;

/// The code, the file, the place and the message of each problem.
fn problems(text: &str, references: &[(&str, &str)]) -> Vec<String> {
    let Err(error) = ProtobufSchema::parse(text, references) else {
        return vec!["accepted".into()];
    };
    let problems = error.problems.iter();
    problems.map(|problem| format!("{}: {problem}", problem.fault)).collect()
}

const HEAD: &str = "syntax = \"proto3\";\n";

#[test]
fn locates_each_problem() {
    for (text, expect) in [
        ("", "empty: the schema is empty"),
        ("message A {", "syntax: line 1, column 12: expected"),
        ("message A { int32 a = 1 }", "syntax: line 1, column 25: expected"),
        ("syntax = \"proto4\";", "syntax: line 1, column 10: unknown syntax 'proto4'"),
        (
            "\n\n edition = \"2023\";",
            "edition: line 3, column 2: Protobuf editions aren't supported",
        ),
        ("message A {\n  X a = 1;\n}", "name: line 2, column 3: name 'X' is not defined"),
        (
            "message A { int32 a = 0; }",
            "number: line 1, column 23: message numbers must be between 1 and",
        ),
        (
            "message A { int32 a = 1;\n int32 b = 1; }",
            "number: line 2, column 12: field number '1' is already used",
        ),
        (
            "message A { int32 a = 1;\n int32 a = 2; }",
            "name: line 2, column 8: camel-case name of field 'a' conflicts",
        ),
        (
            "message A { reserved 1; int32 a = 1; }",
            "number: line 1, column 35: field number '1' conflicts",
        ),
        (
            "enum E { A = 1; }",
            "definition: line 1, column 14: the first value for proto3 enums must be 0",
        ),
        ("enum E {}", "definition: line 1, column 1: an enum must have at least one value"),
        (
            "import \"a.proto\";",
            "import_not_found: line 1, column 1: \"a.proto\" isn't there; add a reference",
        ),
        (
            "import \"google/protobuf/any.proto\";\nimport \"google/protobuf/any.proto\";",
            "duplicate: line 2, column 1",
        ),
        ("option nonsense = 1;", "name: line 1, column 1: option field 'nonsense' is not defined"),
        (
            "message A { optional int32 a = 1 [default = 1]; }",
            "syntax: line 1, column 35: default values are not allowed in proto3",
        ),
        ("import \"default\";", "import_cycle: line 1, column 1"),
        ("package a..b;", "syntax: line 1, column 11: expected"),
    ] {
        // A first line of its own would move the places.
        let text = match text.contains("syntax") || text.contains("edition") || text.is_empty() {
            true => text.to_owned(),
            false => format!("{}{text}", HEAD.replace('\n', "")),
        };
        let shift = if text.starts_with(HEAD.trim()) { HEAD.trim().len() } else { 0 };
        let found = problems(&text, &[]);
        let moved = moved(expect, shift);
        assert!(found[0].starts_with(&moved), "{text}\n{found:#?}\n{moved}");
    }
}

/// An expectation for the first line, with its column moved.
fn moved(expect: &str, shift: usize) -> String {
    let Some((before, after)) = expect.split_once("line 1, column ") else { return expect.into() };
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    let column: usize = digits.parse().unwrap();
    format!("{before}line 1, column {}{}", column + shift, &after[digits.len()..])
}

#[test]
fn a_schema_without_anything_is_empty() {
    for text in [" \n", "// A comment.", ";;"] {
        assert_eq!(problems(text, &[]), ["empty: the schema is empty"], "{text}");
    }
}

#[test]
fn finds_all_problems_of_a_file() {
    let found = problems(
        &format!("{HEAD}message A {{ X x = 1;\n Y y = 2; }}\nmessage B {{ Z z = 1; }}"),
        &[],
    );
    assert_eq!(
        found,
        [
            "name: line 2, column 13: name 'X' is not defined",
            "name: line 3, column 2: name 'Y' is not defined",
            "name: line 4, column 13: name 'Z' is not defined",
        ]
    );
}

#[test]
fn resolves_what_the_caller_gives_and_nothing_else() {
    let order = "syntax = \"proto3\";\nimport \"money.proto\";\nmessage Order { Money m = 1; }";
    let money = "syntax = \"proto3\"; message Money { int64 cents = 1; }";
    let broken = "syntax = \"proto3\";\nmessage Money {\n int64 cents = 1 }";
    let cycle = "syntax = \"proto3\"; import \"b.proto\"; message Money {}";
    let back = "syntax = \"proto3\"; import \"money.proto\";";
    for (references, expect) in [
        (vec![("money.proto", money)], "accepted"),
        (vec![("money.proto", money), ("money.proto", money)], "accepted"),
        (vec![("unused.proto", "nonsense"), ("money.proto", money)], "accepted"),
        (
            vec![("Money.proto", money)],
            "import_not_found: line 2, column 1: \"money.proto\" isn't there; add a reference with the name \"money.proto\" to the schema that has it (there is one with the name \"Money.proto\")",
        ),
        (vec![("money.proto", broken)], "syntax: money.proto:3:18: expected"),
        (
            vec![("money.proto", cycle)],
            "import_not_found: money.proto:1:20: \"b.proto\" isn't there",
        ),
        (
            vec![("money.proto", cycle), ("b.proto", back)],
            "import_cycle: b.proto:1:20: files import each other: default -> money.proto -> b.proto -> money.proto",
        ),
        (
            vec![("money.proto", money), ("money.proto", broken)],
            "duplicate: two references have the path",
        ),
    ] {
        let found = problems(order, &references);
        assert!(found[0].starts_with(expect), "{found:#?}\n{expect}");
    }
    // A type that a file knows through another's import isn't known to it.
    let through = "syntax = \"proto3\"; import \"order.proto\"; message A { Money m = 1; }";
    let found = problems(through, &[("order.proto", order), ("money.proto", money)]);
    assert!(found[0].contains("'Money'"), "{found:#?}");
}

#[test]
fn well_known_files_are_always_there() {
    let text = "syntax = \"proto3\";
        import \"google/protobuf/timestamp.proto\";
        import \"google/protobuf/wrappers.proto\";
        import \"confluent/meta.proto\";
        import \"confluent/type/decimal.proto\";
        message A {
            option (confluent.message_meta).doc = \"a\";
            google.protobuf.Timestamp at = 1 [(confluent.field_meta) = { tags: [\"PII\"] }];
            confluent.type.Decimal price = 2;
        }";
    assert_eq!(problems(text, &[]), ["accepted"]);
    // They can't be replaced.
    let other = "syntax = \"proto2\"; package google.protobuf; message Timestamp {}";
    assert_eq!(problems(text, &[("google/protobuf/timestamp.proto", other)]), ["accepted"]);
}

#[test]
fn reads_bytes_that_may_not_be_text() {
    let error = ProtobufSchema::parse_bytes(b"syntax\n\xff", &[]).unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 1: the schema isn't UTF-8 from here on");
    assert!(ProtobufSchema::parse_bytes(HEAD.as_bytes(), &[]).is_ok());
}

#[test]
fn base64_is_that_of_a_descriptor_or_refused() {
    for (text, expect) in [
        ("AAAA", "descriptor: the base64 isn't that of a FileDescriptorProto"),
        ("CgNmb28", "empty: the schema is empty"),
        ("CgNmb28iAwoBQQ", "accepted"),
        ("CgNmb28iAwoBQQ==\n", "accepted"),
        ("nonsense", "descriptor: "),
        // A name that isn't one, within.
        ("IgUKA2EuYg==", "name: \"a.b\" isn't a name"),
    ] {
        let found = problems(text, &[]);
        assert!(found[0].starts_with(expect), "{text}: {found:#?}");
    }
}
