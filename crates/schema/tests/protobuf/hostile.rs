//! Schemas that are made to cost much. Each is refused or read within bounds.

use std::fmt::Write;

use muster_schema::{
    Direction, Policy, limits,
    protobuf::{ProtobufSchema, compare, difference},
};

fn many(count: usize, mut one: impl FnMut(&mut String, usize)) -> String {
    let mut text = String::new();
    (0..count).for_each(|index| one(&mut text, index));
    text
}

fn nested(depth: usize) -> String {
    format!("{}{}", "message A { ".repeat(depth), "}".repeat(depth))
}

fn option_often(count: usize, option: &str) -> String {
    let head = "syntax = \"proto3\"; import \"google/protobuf/descriptor.proto\"; message M { int32 n = 1; } \
                extend google.protobuf.FileOptions { repeated int32 r = 50000; repeated M m = 50001; M s = 50002; }";
    head.to_owned() + &option.repeat(count)
}

/// A name, a hostile text, and the code it is refused with.
type Hostile = (&'static str, String, Option<&'static str>);

fn body(text: &str) -> String {
    format!("syntax = \"proto3\"; message A {{ {text} }}")
}

/// So many times the pattern, with `#` as the number from 0 and `@` from 1.
fn numbered(count: usize, pattern: &str) -> String {
    many(count, |text, n| {
        text.push_str(&pattern.replace('#', &n.to_string()).replace('@', &(n + 1).to_string()));
    })
}

fn nested_texts() -> Vec<Hostile> {
    let deep = 100_000;
    vec![
        ("deep messages", nested(deep), Some("too_deep")),
        ("40 deep messages", nested(40), Some("too_deep")),
        ("deep groups", body(&"optional group A = 1 {".repeat(deep)), Some("too_deep")),
        ("deep options", format!("option (a) = {}", "{ a ".repeat(deep)), Some("too_deep")),
        ("deep lists", format!("option (a) = {{ a: {}", "[".repeat(deep)), Some("too_deep")),
        ("deep angles", format!("option (a) = {{ a {}", "<".repeat(deep)), Some("too_deep")),
    ]
}

fn long_texts() -> Vec<Hostile> {
    vec![
        ("too large", " ".repeat(limits::PROTOBUF_BYTES_MAX + 1), Some("too_large")),
        ("spaces", " ".repeat(limits::PROTOBUF_BYTES_MAX), Some("empty")),
        ("an unknown byte, often", "\u{1}".repeat(1_000_000), Some("syntax")),
        ("many errors", "message ; ".repeat(50_000), Some("syntax")),
        ("semicolons", ";".repeat(1_000_000), Some("too_large")),
        ("one long name", format!("message {} {{}}", "a".repeat(100_000)), Some("name")),
        ("a long package", format!("package {}a;", "a.".repeat(200)), Some("name")),
        ("a long type", body(&format!("{}a x = 1;", "a.".repeat(10_000))), Some("name")),
        ("an open comment", "/*".repeat(100_000), Some("syntax")),
        ("an open string", "option a = \"".repeat(10_000), Some("syntax")),
        ("an import, often", "import \"a.proto\";".repeat(20_000), Some("import_not_found")),
        ("an option, often", option_often(20_000, "option (r) = 1;"), None),
        ("an option in parts", option_often(20_000, "option (m) = { n: 1 };"), None),
        ("a part of an option", option_often(20_000, "option (s).n = 1;"), Some("definition")),
    ]
}

fn large_texts() -> Vec<Hostile> {
    let field = "int32 f# = @;";
    let values = |count| format!("enum E {{ {} }}", numbered(count, "V# = #;"));
    let ranges = many(10_000, |text, n| write!(text, "reserved {};", 100_000 + n).unwrap());
    let defaults = numbered(9_000, "optional E f# = @ [default = V8999];");
    vec![
        ("many messages", numbered(20_000, "message M# {}"), Some("too_large")),
        ("the most messages", numbered(9_999, "message M# {}"), None),
        ("many fields", body(&numbered(60_000, field)), Some("too_large")),
        ("the most fields", body(&numbered(18_000, field)), None),
        ("number 0", body(&numbered(20_000, "X# f# = #;")), Some("number")),
        ("unknown types", body(&numbered(18_000, "X# f# = @;")), Some("name")),
        ("the same field", body(&"int32 a = 1;".repeat(20_000)), Some("name")),
        ("a large enum", values(10_001), Some("too_large")),
        ("an enum from its end", format!("enum E {{ {} }}", numbered(9_000, "V# = -#;")), None),
        ("ranges and fields", body(&(numbered(10_000, field) + &ranges)), Some("too_large")),
        ("too many maps", body(&numbered(17_000, "map<string, A> f# = @;")), Some("too_large")),
        ("many maps", body(&numbered(9_000, "map<string, A> f# = @;")), None),
        ("options", body(&numbered(10_000, "int32 f# = @ [deprecated = true];")), None),
        ("unknown options", body(&numbered(10_000, "int32 f# = @ [x# = true];")), Some("name")),
        ("defaults", values(9_000) + &format!("message A {{ {defaults} }}"), Some("too_large")),
    ]
}

#[test]
fn bounds_what_a_text_costs() {
    for (name, text, expect) in nested_texts().into_iter().chain(long_texts()).chain(large_texts())
    {
        let begun = std::time::Instant::now();
        let found = ProtobufSchema::parse(&text, &[]);
        let code = found.as_ref().err().map(|error| error.problems[0].fault.as_str());
        assert_eq!(
            code,
            expect,
            "{name}: {:?}",
            found.as_ref().err().map(|error| &error.problems[0])
        );
        if let Ok(schema) = found {
            // All that is done with a schema, with the schema itself.
            for policy in [Policy::ConfluentStrict, Policy::Sound] {
                assert_eq!(compare(&schema, &schema, Direction::Backward, policy), [], "{name}");
            }
            assert_eq!(difference(&schema, &schema), [], "{name}");
            let _ = (schema.normalised_text(), schema.serialised());
        }
        let taken = begun.elapsed();
        // Tests aren't optimised and share the machine; a quadratic step would take minutes.
        assert!(taken.as_secs() < 60, "{name}: {taken:?}");
        if std::env::var_os("MUSTER_TIMES").is_some() {
            std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("{name}: {taken:?}\n").as_bytes(),
            )
            .unwrap();
        }
    }
}

#[test]
fn bounds_what_references_cost() {
    // Each file imports all before it: 2^60 paths lead to the first one.
    let names: Vec<String> = (0..60).map(|index| format!("f{index}.proto")).collect();
    let texts: Vec<String> = (0..60)
        .map(|index| {
            many(index, |text, other| write!(text, "import public \"f{other}.proto\";").unwrap())
                + &format!("message M{index} {{}}")
        })
        .collect();
    let references: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    let text = "import \"f59.proto\"; message A { optional M0 m = 1; }";
    let error = ProtobufSchema::parse(text, &references).unwrap_err();
    assert!(error.to_string().contains("too many paths"), "{error}");
    let plain: Vec<String> = texts.iter().map(|text| text.replace("public ", "")).collect();
    let references: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(plain.iter().map(String::as_str)).collect();
    let near = "import \"f59.proto\"; message A { optional M59 m = 1; }";
    assert!(ProtobufSchema::parse(near, &references).is_ok());
    let many: Vec<String> = (0..65).map(|index| format!("f{index}.proto")).collect();
    let references: Vec<(&str, &str)> =
        many.iter().map(|name| (name.as_str(), "message A {}")).collect();
    let error = ProtobufSchema::parse(text, &references).unwrap_err();
    assert_eq!(error.problems[0].fault.as_str(), "too_large");
}

#[test]
fn messages_that_use_each_other_are_compared_once() {
    // Each message has two fields of the next type: 2^2000 paths, and 2,000 deep.
    let text = |kind: &str| {
        let chain = many(2_000, |text, n| {
            write!(text, "message M{n} {{ M{next} a = 1; M{next} b = 2; }}", next = n + 1).unwrap();
        });
        format!("syntax = \"proto3\"; {chain} message M2000 {{ {kind} n = 1; M0 back = 2; }}")
    };
    let local = |kind| ProtobufSchema::parse(&text(kind), &[]).unwrap();
    let root = "syntax = \"proto3\"; import \"m.proto\"; message Root { M0 m = 1; }";
    let imported = |kind| ProtobufSchema::parse(root, &[("m.proto", &text(kind))]).unwrap();
    for policy in [Policy::ConfluentStrict, Policy::Sound] {
        for (old, new) in
            [(local("int32"), local("string")), (imported("int32"), imported("string"))]
        {
            let broken = compare(&old, &new, Direction::Backward, policy);
            assert!(broken.iter().any(|broken| broken.path == ".M2000.n"), "{policy:?}");
        }
    }
}

#[test]
fn circles_of_different_lengths_are_compared_within_bounds() {
    // From each pair of messages another one follows: 499 times 503 pairs.
    let circle = |length: usize| {
        let text = many(length, |text, n| {
            write!(text, "message M{n} {{ M{} next = 1; }}", (n + 1) % length).unwrap();
        });
        ProtobufSchema::parse(&format!("syntax = \"proto3\"; {text}"), &[]).unwrap()
    };
    for (old, new, expect) in [(499, 503, vec!["too_costly"]), (49, 53, vec![])] {
        let broken = compare(&circle(old), &circle(new), Direction::Backward, Policy::Sound);
        let rules: Vec<&str> = broken.iter().map(|broken| broken.rule.as_str()).collect();
        assert_eq!(rules, expect);
    }
}
