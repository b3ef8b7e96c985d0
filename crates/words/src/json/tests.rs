#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn fault(text: &str) -> JsonFault {
    parse(text.as_bytes()).unwrap_err().fault
}

#[test]
fn keeps_the_digits_of_numbers() {
    for text in
        ["9007199254740993", "1.10", "-0", "1e400", "0.1E-7", "123456789012345678901234567890"]
    {
        assert_eq!(to_canonical(&parse(text.as_bytes()).unwrap()), text.as_bytes());
    }
}

#[test]
fn refuses_what_parsers_disagree_about() {
    for (text, expect) in [
        ("[\u{feff}]", JsonFault::Expected("a JSON value")),
        (r#"{"a":1,"a":2}"#, JsonFault::DuplicateKey("a".into())),
        (r#"{"a":1,"\u0061":2}"#, JsonFault::DuplicateKey("a".into())),
        (r#""\ud800""#, JsonFault::LoneSurrogate),
        (r#""\ud800\u0041""#, JsonFault::LoneSurrogate),
        (r#""\udc00""#, JsonFault::LoneSurrogate),
        ("\u{feff}1", JsonFault::ByteOrderMark),
        ("", JsonFault::End),
        ("[1,]", JsonFault::Expected("a JSON value")),
        ("{\"a\":1,}", JsonFault::Expected("a key in quotes")),
        ("01", JsonFault::Trailing),
        ("1 2", JsonFault::Trailing),
        ("\"\n\"", JsonFault::Expected("no control character in a string")),
        ("nul", JsonFault::Expected("true, false or null")),
        ("\"abc", JsonFault::End),
        ("-", JsonFault::End),
        ("1.", JsonFault::End),
        (r#""\u12"#, JsonFault::End),
        (r#""\x""#, JsonFault::Expected("a known escape after the backslash")),
    ] {
        assert_eq!(fault(text), expect, "{text}");
        assert!(!is_json(text.as_bytes()), "{text}");
    }
    assert_eq!(parse(b"\"\xff\"").unwrap_err().fault, JsonFault::NotUtf8);
}

#[test]
fn refuses_nesting_beyond_the_limit_and_takes_the_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(128).as_bytes()).is_ok() && is_json(nested(128).as_bytes()));
    assert!(!is_json(nested(129).as_bytes()));
    assert_eq!(fault(&nested(129)), JsonFault::TooDeep);
    assert_eq!(fault(&"[".repeat(1_000_000)), JsonFault::TooDeep);
}

#[test]
fn names_line_and_column() {
    let error = parse(b"{\n  \"a\": 1,\n  \"a\": 2\n}").unwrap_err();
    assert_eq!((error.line, error.column), (3, 3));
}

#[test]
fn remembers_where_each_value_begins() {
    let (_, places) = parse_with_places(b"{\n \"a\": [1,\n 2],\n \"b/c\": {}}").unwrap();
    for (pointer, expect) in [
        ("", Some((1, 1))),
        ("/a", Some((2, 7))),
        ("/a/0", Some((2, 8))),
        ("/a/1", Some((3, 2))),
        ("/b~1c", Some((4, 9))),
        ("/a/2", None),
        ("/a/x", None),
        ("/b", None),
        ("/b~1c/d", None),
    ] {
        let found = places.of(pointer).map(|place| (place.line, place.column));
        assert_eq!(found, expect, "{pointer}");
    }
}

#[test]
fn selects_what_a_field_names() {
    let document = json!({"a": [{"b": 1}, {"b": 2}, {"c": 3}], "x/y": {"k": "v"}});
    for (field, expect) in [
        ("/a/*/b", vec![("/a/0/b", json!(1)), ("/a/1/b", json!(2))]),
        ("/a/1/b", vec![("/a/1/b", json!(2))]),
        ("/x~1y/*", vec![("/x~1y/k", json!("v"))]),
        ("/none", vec![]),
        ("/a/b", vec![]),
    ] {
        let found: Vec<_> =
            select(&document, field).into_iter().map(|(p, v)| (p, v.clone())).collect();
        let expect: Vec<_> = expect.into_iter().map(|(p, v)| (p.to_owned(), v)).collect();
        assert_eq!(found, expect, "{field}");
    }
}

pub fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_form_comes_back_and_is_one(value in any_json()) {
        let bytes = to_canonical(&value);
        let back = parse(&bytes).unwrap();
        prop_assert_eq!(to_canonical(&back), bytes.clone());
        prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
    }

    /// What isn't JSON by one of them must not be by the other, or an event that holds it isn't JSON.
    #[test]
    fn checks_by_the_rules_by_which_it_parses(
        value in any_json(),
        wrong in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", " ", "\n", "\"a\"", "\"\\u0061\"", "\"b\"", "\"\\ud800\"",
                "\"", "-", "0", "01", "1.5", "1e9", "1e", "true", "null", "nul", "\u{feff}", "\t",
            ]),
            0..12,
        ),
    ) {
        let mut bytes = to_canonical(&value);
        for (index, byte) in wrong {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let text = pieces.concat();
        for bytes in [&bytes[..], text.as_bytes()] {
            prop_assert_eq!(is_json(bytes), parse(bytes).is_ok(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn agrees_with_serde_json_where_it_accepts(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = parse(&bytes) {
            prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
        }
    }
}
