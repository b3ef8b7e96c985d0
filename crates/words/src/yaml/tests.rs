#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::json::{parse as parse_json, to_canonical};

fn read(text: &str) -> Result<Value, YamlError> {
    parse(text.as_bytes())
}

fn fault(text: &str) -> YamlFault {
    read(text).unwrap_err().fault
}

#[test]
fn reads_plain_scalars_by_the_core_schema() {
    for (text, expect) in [
        ("", "null"),
        ("~", "null"),
        ("null", "null"),
        ("NULL", "null"),
        ("nUll", "\"nUll\""),
        ("true", "true"),
        ("True", "true"),
        ("FALSE", "false"),
        // YAML 1.1 took these for booleans and numbers.
        ("yes", "\"yes\""),
        ("on", "\"on\""),
        ("1_000", "\"1_000\""),
        ("12:30", "\"12:30\""),
        ("2026-11-30", "\"2026-11-30\""),
        ("0", "0"),
        ("-0", "-0"),
        ("+12", "12"),
        ("007", "7"),
        ("000", "0"),
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("0o17", "15"),
        ("0xfF", "255"),
        ("0xffffffffffffffffffffffffffffffff", "340282366920938463463374607431768211455"),
        ("0x", "\"0x\""),
        ("0o8", "\"0o8\""),
        ("-0x1", "\"-0x1\""),
        ("1.10", "1.10"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("5.", "5.0"),
        ("00.10", "0.10"),
        ("1e400", "1e400"),
        ("+1E-7", "1E-7"),
        ("1.e3", "1.0e3"),
        ("1e", "\"1e\""),
        ("1e+", "\"1e+\""),
        (".", "\".\""),
        ("-", "[null]"),
        ("+", "\"+\""),
        ("1.2.3", "\"1.2.3\""),
        (".e1", "\".e1\""),
        ("inf", "\"inf\""),
        ("+.nan", "\"+.nan\""),
        ("'1'", "\"1\""),
        ("\"\\x41\\u00e9\\e\"", "\"A\u{e9}\\u001b\""),
        ("!!str 1", "\"1\""),
        ("! 1", "\"1\""),
        ("!!int '1'", "1"),
        ("!!float 1", "1"),
        ("!!null ''", "null"),
        ("!<tag:yaml.org,2002:bool> true", "true"),
    ] {
        let text = format!("---\n{text}\n");
        assert_eq!(read(&text).unwrap(), parse_json(expect.as_bytes()).unwrap(), "{text}");
    }
}

#[test]
fn reads_lists_maps_text_and_aliases() {
    for (text, expect) in [
        ("a: 1\nb:\n- x\n-\n  y: z\n", json!({"a": 1, "b": ["x", {"y": "z"}]})),
        ("{a: 1, b, 'c': [d, e: f]}", json!({"a": 1, "b": null, "c": ["d", {"e": "f"}]})),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", json!({"a": "x\ny\n", "b": "x y"})),
        ("# only\n--- # here\na: b # c\n...\n", json!({"a": "b"})),
        ("\u{feff}a: b", json!({"a": "b"})),
        ("a: &x [1]\nb: *x\nc: {d: *x}", json!({"a": [1], "b": [1], "c": {"d": [1]}})),
        ("a: &x 1\nb: &x 2\nc: *x", json!({"a": 1, "b": 2, "c": 2})),
        ("&k a: 1\nb: *k", json!({"a": 1, "b": "a"})),
        ("a: &k x\n*k : 1", json!({"a": "x", "x": 1})),
        // A key is its text.
        (
            "200: ok\n0x1: a\n1: b\ntrue: c\n~: d",
            json!({"200": "ok", "0x1": "a", "1": "b", "true": "c", "~": "d"}),
        ),
        ("? a\n? b\n", json!({"a": null, "b": null})),
        // Merge keys are of YAML 1.1.
        ("a: &a {x: 1}\nb:\n  <<: *a", json!({"a": {"x": 1}, "b": {"<<": {"x": 1}}})),
        ("!!map {a: !!seq [!!str b]}", json!({"a": ["b"]})),
    ] {
        assert_eq!(read(text).unwrap(), expect, "{text}");
    }
}

#[test]
fn refuses_with_the_place_what_it_does_not_take() {
    for (text, line, column, expect) in [
        ("", 1, 1, YamlFault::Empty),
        ("# nothing\n", 1, 1, YamlFault::Empty),
        ("a: 1\n---\nb: 2\n", 2, 1, YamlFault::Several),
        ("a: 1\nb: 2\na: 3\n", 3, 1, YamlFault::DuplicateKey("a".into())),
        ("{1: a, '1': b}", 1, 8, YamlFault::DuplicateKey("1".into())),
        ("{\"a\": 1, \"a\": 2}", 1, 10, YamlFault::DuplicateKey("a".into())),
        ("? [a]\n: b\n", 1, 3, YamlFault::Key),
        ("? {a: 1}\n: b\n", 1, 3, YamlFault::Key),
        ("a: &x [1]\n*x : 2\n", 2, 1, YamlFault::Key),
        ("a: !mine 1", 1, 4, YamlFault::Tag("!mine".into())),
        ("a: !!binary aGk=", 1, 4, YamlFault::Tag("tag:yaml.org,2002:binary".into())),
        ("!!set {a}", 1, 1, YamlFault::Tag("tag:yaml.org,2002:set".into())),
        ("!!seq {a}", 1, 1, YamlFault::Tag("tag:yaml.org,2002:seq".into())),
        ("!x a: 1", 1, 1, YamlFault::Tag("!x".into())),
        ("- !!int 1.5", 1, 3, YamlFault::Mistagged { tag: "!!int", text: "1.5".into() }),
        ("- .inf", 1, 3, YamlFault::NotFinite(".inf".into())),
        ("a: -.INF", 1, 4, YamlFault::NotFinite("-.INF".into())),
        ("é: .nan", 1, 4, YamlFault::NotFinite(".nan".into())),
        ("0x1ffffffffffffffffffffffffffffffff", 1, 1, YamlFault::TooManyBits),
        ("a: &x [*x]", 1, 8, YamlFault::Endless),
        ("a: b\nc: \u{1}", 2, 4, YamlFault::Character('\u{1}')),
        ("a:\n\u{fffe}", 2, 1, YamlFault::Character('\u{fffe}')),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!((error.line, error.column, &error.fault), (line, column, &expect), "{text}");
    }
    for text in ["a: [1, 2\n", "a: b: c", "a: \"x", "a: *none", "@a", "a: 1\n b: 2"] {
        assert!(matches!(fault(text), YamlFault::Syntax(_)), "{text}");
    }
    let error = parse(b"a: b\nc: \xff").unwrap_err();
    assert_eq!((error.line, error.column, error.fault), (2, 4, YamlFault::NotUtf8));
    assert_eq!(
        read("a: .inf").unwrap_err().to_string(),
        "line 1, column 4: .inf is a number that JSON can't hold; quote it if it is text"
    );
}

#[test]
fn refuses_nesting_beyond_the_limit_and_takes_the_limit() {
    let flow = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let block = |depth: usize| "- ".repeat(depth);
    for nested in [&flow as &dyn Fn(usize) -> String, &block] {
        assert!(read(&nested(128)).is_ok());
        for depth in [129, 300, 200_000] {
            assert_eq!(fault(&nested(depth)), YamlFault::TooDeep, "{depth}");
        }
    }
    let by_alias = |depth: usize| format!("- &a {}\n- {}*a", flow(64), "- ".repeat(depth));
    assert!(read(&by_alias(63)).is_ok());
    assert_eq!(fault(&by_alias(64)), YamlFault::TooDeep);
}

#[test]
fn bounds_what_aliases_stand_for() {
    let laughs = |levels: usize| {
        let mut text = String::from("a0: &a0 lol\n");
        for level in 1..=levels {
            let uses = vec![format!("*a{}", level - 1); 10].join(", ");
            text += &format!("a{level}: &a{level} [{uses}]\n");
        }
        text
    };
    let value = read(&laughs(4)).unwrap();
    assert_eq!(value["a4"].as_array().unwrap().len(), 10);
    for levels in [7, 20] {
        assert_eq!(fault(&laughs(levels)), YamlFault::TooMuch, "{levels}");
    }
    let long = format!("a: &a {}\n{}", "x".repeat(1024 * 1024), "b: [*a, *a, *a, *a, *a]");
    assert_eq!(fault(&long), YamlFault::TooMuch);
}

#[test]
fn bounds_what_the_parser_holds_at_once() {
    let list = |items: usize| format!("[a{}]", ",\n a".repeat(items));
    assert_eq!(read(&list(499_998)).unwrap().as_array().unwrap().len(), 499_999);
    let error = read(&list(499_999)).unwrap_err();
    assert_eq!((error.line, error.fault), (500_000, YamlFault::TooManyIndicators));
    assert!(read("[1, ").is_err());
}

#[test]
fn finds_the_place_of_each_value() {
    let text = "a: 1\nb:\n  - x\n  -   y: é\n      z/~: {k: v}\nc: &c\n  d: 1\ne: *c\n";
    let (_, places) = parse_with_places(text.as_bytes()).unwrap();
    for (pointer, expect) in [
        ("", Some((1, 1))),
        ("/a", Some((1, 4))),
        ("/b", Some((3, 3))),
        ("/b/0", Some((3, 5))),
        ("/b/1/y", Some((4, 10))),
        ("/b/1/z~1~0/k", Some((5, 16))),
        ("/c/d", Some((7, 6))),
        ("/e/d", Some((7, 6))),
        ("/e/f", None),
        ("/b/2", None),
    ] {
        let found = places.of(pointer).map(|place| (place.line, place.column));
        assert_eq!(found, expect, "{pointer}");
    }
}

#[test]
fn reads_json_as_json_does() {
    for text in [
        r#"{"a": [1.10, -0, 1e400, "\/\ud83d\ude00\u0000"], "b": null}"#,
        "[9007199254740993]",
        "  \"\u{7f}\"",
        "\t{\"a\":\t1}",
    ] {
        assert_eq!(read(text).unwrap(), parse_json(text.as_bytes()).unwrap(), "{text}");
    }
}

/// Texts of which much is YAML.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b: ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        ": ",
        "? ",
        "&a ",
        "*a ",
        "'",
        "\"",
        "\\",
        "|\n",
        ">-\n",
        "# c",
        "!!str ",
        "!x ",
        "!<",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "%TAG ! t\n",
        "1",
        "0x",
        ".5",
        "~",
        "\t",
        "\r",
        "\r\n",
        "<<",
        "\u{feff}",
        "\u{85}",
        "é",
        "@",
        "`",
        "%",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn agrees(bytes: &[u8]) {
    let (alone, placed) = (parse(bytes), parse_with_places(bytes));
    match placed {
        Ok((value, _)) => {
            let canonical = to_canonical(&value);
            assert_eq!(parse_json(&canonical).unwrap(), value);
            assert_eq!(parse(&canonical).unwrap(), value);
            assert_eq!(alone, Ok(value));
        }
        Err(error) => assert_eq!(alone, Err(error)),
    }
}

proptest! {
    #[test]
    fn reads_any_text_to_a_value_or_a_fault(text in any_text()) {
        agrees(text.as_bytes());
    }

    #[test]
    fn reads_any_bytes_to_a_value_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        agrees(&bytes);
    }

    #[test]
    fn reads_json_without_its_reader_for_json_as_the_same(value in crate::json::tests::any_json()) {
        // Where YAML has another escape, or allows fewer characters, it refuses.
        let text = String::from_utf8(to_canonical(&value)).unwrap();
        if let Ok(nodes) = text_of(&text) {
            prop_assert_eq!(nodes, value);
        }
    }
}

fn text_of(json: &str) -> Result<Value, YamlError> {
    loader::load(text(json.as_bytes())?).map(loader::Nodes::into_value)
}
