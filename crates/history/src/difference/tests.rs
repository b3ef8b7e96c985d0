#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A field that was added (+), removed (-) or changed (~), or a list with both (±).
fn shown(before: &Value, after: &Value) -> Vec<String> {
    let text = |field: &FieldDifference| match &field.difference {
        Difference::Added(value) => format!("{} + {value}", field.path),
        Difference::Removed(value) => format!("{} - {value}", field.path),
        Difference::Changed(old, new) => format!("{} ~ {old} {new}", field.path),
        Difference::List { removed, added } => {
            format!("{} ± {} {}", field.path, json!(removed), json!(added))
        }
    };
    fields(before, after).iter().map(text).collect()
}

#[test]
fn finds_each_field_that_differs() {
    for (before, after, expect) in [
        (json!({"a": 1}), json!({"a": 1}), vec![]),
        (json!({"r": [65, 280]}), json!({"r": [75, 280]}), vec!["r ~ [65,280] [75,280]"]),
        (json!({"f": ["a"]}), json!({"f": ["a", "b"]}), vec![r#"f ± [] ["b"]"#]),
        (json!({"f": ["a", "a"]}), json!({"f": ["a", "c"]}), vec![r#"f ± ["a"] ["c"]"#]),
        (json!({"f": ["a", "b"]}), json!({"f": ["b", "a"]}), vec![r#"f ~ ["a","b"] ["b","a"]"#]),
        (
            json!({"n": {"x": 1, "y": true}, "gone": null}),
            json!({"n": {"x": "1", "y": true}, "new": {"k": []}}),
            vec!["gone - null", r#"n.x ~ 1 "1""#, r#"new + {"k":[]}"#],
        ),
        (json!([1]), json!({}), vec![" ~ [1] {}"]),
        (json!({"a": {"b": 1}}), json!({"a": []}), vec![r#"a ~ {"b":1} []"#]),
    ] {
        assert_eq!(shown(&before, &after), expect, "{before} {after}");
    }
}

#[test]
fn names_a_thousand_fields_and_no_more() {
    for (count, expect) in [(999, 999), (1_000, 1_000), (1_001, 1_000), (3_000, 1_000)] {
        let new: Map<String, Value> = (0..count).map(|n| (format!("f{n:04}"), json!(n))).collect();
        let found = fields(&json!({}), &Value::Object(new));
        assert_eq!(found.len(), expect, "of {count}");
        assert_eq!(found[0].path, "f0000", "the first ones");
    }
}

#[test]
fn compares_bytes_where_values_do_not_differ() {
    let changed = |path: &str, before: &str, after: &str| FieldDifference {
        path: path.to_owned(),
        difference: Difference::Changed(before.into(), after.into()),
    };
    use muster_words::Notation::{Json, Yaml};
    for (before, after, expect) in [
        ((Json, "{}"), (Json, "{ }"), vec![changed("layout", "one", "another")]),
        ((Json, "{}"), (Json, "{}"), vec![]),
        ((Json, "text"), (Json, "other"), vec![changed("document", "4 bytes", "5 bytes")]),
        ((Yaml, "a: b"), (Yaml, "a: c"), vec![changed("a", "b", "c")]),
        ((Json, "{\"a\": \"b\"}"), (Yaml, "a: c"), vec![changed("a", "b", "c")]),
        ((Yaml, "a: b"), (Yaml, "a:   b"), vec![changed("layout", "one", "another")]),
        ((Yaml, "a: b"), (Yaml, "a: ["), vec![changed("document", "4 bytes", "4 bytes")]),
    ] {
        let ((was, old), (is, new)) = (before, after);
        let found = documents((was, old.as_bytes()), (is, new.as_bytes()));
        assert_eq!(found, expect, "{before:?} {after:?}");
    }
}

/// One long name above many members would be written out for each of them.
#[test]
fn writes_no_more_of_paths_than_there_is_room_for() {
    let document = |value: i32| {
        let members: Map<String, Value> =
            (0..2_000).map(|number| (number.to_string(), value.into())).collect();
        json!({ "k".repeat(2_000): members })
    };
    let (before, after) = (document(1), document(2));
    assert_eq!(
        patch_to_json(&patch(&before, &after)),
        json!([{"op": "replace", "path": "", "value": after}])
    );
    let found = fields(&before, &after);
    let bytes: usize = found.iter().map(|field| field.path.len()).sum();
    assert!(!found.is_empty() && bytes <= 1024 * 1024, "{bytes} bytes in {} fields", found.len());
}

#[test]
fn writes_the_patch_that_people_would_write() {
    for (before, after, expect) in [
        (json!({"a": 1}), json!({"a": 1}), json!([])),
        (json!(1), json!([]), json!([{"op": "replace", "path": "", "value": []}])),
        (
            json!({"a/b": 1, "m~n": 2, "": 3}),
            json!({"a/b": 2, "m~n": null, "x": {}}),
            json!([
                {"op": "remove", "path": "/"},
                {"op": "replace", "path": "/a~1b", "value": 2},
                {"op": "replace", "path": "/m~0n", "value": null},
                {"op": "add", "path": "/x", "value": {}},
            ]),
        ),
        (
            json!({"l": ["a", "b", "c", "d"]}),
            json!({"l": ["a", "d"]}),
            json!([{"op": "remove", "path": "/l/2"}, {"op": "remove", "path": "/l/1"}]),
        ),
        (
            json!([{"n": 1}, "z"]),
            json!([{"n": 2}, "x", "y", "z"]),
            json!([
                {"op": "replace", "path": "/0/n", "value": 2},
                {"op": "add", "path": "/1", "value": "x"},
                {"op": "add", "path": "/2", "value": "y"},
            ]),
        ),
    ] {
        assert_eq!(patch_to_json(&patch(&before, &after)), expect, "{before} {after}");
    }
}

#[test]
fn compares_texts_line_by_line() {
    let text = |lines: Vec<Line<'_>>| {
        let all = lines.into_iter().map(|line| match line {
            Line::Kept(line) => format!(" {}", line.trim_end()),
            Line::Removed(line) => format!("-{}", line.trim_end()),
            Line::Added(line) => format!("+{}", line.trim_end()),
        });
        all.collect::<Vec<_>>().join(" ")
    };
    for (before, after, expect) in [
        ("", "", ""),
        ("a\nb\n", "a\nb\n", " a  b"),
        ("", "a\n", "+a"),
        ("a\n", "", "-a"),
        ("a\nb\nc\n", "a\nx\nc\n", " a -b +x  c"),
        ("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n", "-a -b  c +b  a  b -b  a +c"),
        ("a", "a\n", "-a +a"),
    ] {
        assert_eq!(text(lines(before, after)), expect, "{before:?} {after:?}");
    }
    let (many, others) = ("x\n".repeat(1_500), "y\n".repeat(1_500));
    assert_eq!(lines(&many, &others).len(), 3_000, "too many edits are still all told");
}

#[test]
fn shows_different_lines_with_those_around_them() {
    let many = |changed: &[usize]| -> String {
        let line = |at: usize| if changed.contains(&at) { "x\n".into() } else { format!("{at}\n") };
        (1..=20).map(line).collect()
    };
    for (before, after, expect) in [
        ("a\n".to_owned(), "a\n".to_owned(), ""),
        (String::new(), "a".to_owned(), "@@ -0,0 +1,1 @@\n+a\n\\ No newline at end of file\n"),
        (
            many(&[]),
            many(&[2, 12]),
            "@@ -1,5 +1,5 @@\n 1\n-2\n+x\n 3\n 4\n 5\n\
             @@ -9,7 +9,7 @@\n 9\n 10\n 11\n-12\n+x\n 13\n 14\n 15\n",
        ),
        (
            many(&[]),
            many(&[10, 16]),
            "@@ -7,13 +7,13 @@\n 7\n 8\n 9\n-10\n+x\n 11\n 12\n 13\n 14\n 15\n-16\n+x\n 17\n 18\n \
             19\n",
        ),
    ] {
        assert_eq!(unified(&before, &after), expect);
    }
}

/// A document with similar names and items.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_u8..3).prop_map(Value::from),
        "[ab~/ ]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[ab~/0]{0,2}", inner, 0..5)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![Just("a\n"), Just("b\n"), Just("\n"), Just("b")];
    proptest::collection::vec(line, 0..10).prop_map(|lines| lines.concat())
}

/// The length of the longest common subsequence, by the standard algorithm.
fn common(old: &[&str], new: &[&str]) -> usize {
    let mut row = vec![0; new.len() + 1];
    for one in old {
        let mut diagonal = 0;
        for (at, other) in new.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if one == other { diagonal + 1 } else { above.max(row[at]) };
            diagonal = above;
        }
    }
    row[new.len()]
}

proptest! {
    #[test]
    fn finds_a_difference_exactly_where_there_is_one(before in document(), after in document()) {
        prop_assert_eq!(fields(&before, &after).is_empty(), before == after);
        prop_assert!(fields(&before, &before).is_empty());
    }

    #[test]
    fn names_exactly_the_attributes_that_differ(
        before in proptest::collection::btree_map("[abc]", 0_u8..3, 0..4),
        after in proptest::collection::btree_map("[abc]", 0_u8..3, 0..4),
    ) {
        let (old, new) = (json!(before), json!(after));
        let found: Vec<&str> =
            names(old.as_object().unwrap(), new.as_object().unwrap()).collect();
        let expect = ["a", "b", "c"].into_iter().filter(|key| before.get(*key) != after.get(*key));
        prop_assert_eq!(found, expect.collect::<Vec<_>>());
    }

    #[test]
    fn patches_the_older_document_into_the_newer_one(before in document(), after in document()) {
        let patch = patch_to_json(&patch(&before, &after));
        prop_assert_eq!(applied::apply(before, &patch), Ok(after));
    }

    #[test]
    fn gives_both_texts_again_with_as_few_edits_as_there_can_be(
        before in text(),
        after in text(),
    ) {
        let found = lines(&before, &after);
        let side = |wanted: fn(&Line<'_>) -> bool| -> String {
            let lines = found.iter().filter(|line| wanted(line)).map(|line| match line {
                Line::Kept(line) | Line::Removed(line) | Line::Added(line) => *line,
            });
            lines.collect()
        };
        prop_assert_eq!(side(|line| !matches!(line, Line::Added(_))), before.clone());
        prop_assert_eq!(side(|line| !matches!(line, Line::Removed(_))), after.clone());
        let kept = found.iter().filter(|line| matches!(line, Line::Kept(_))).count();
        let old: Vec<&str> = before.split_inclusive('\n').collect();
        let new: Vec<&str> = after.split_inclusive('\n').collect();
        prop_assert_eq!(kept, common(&old, &new));
    }
}

mod applied;
