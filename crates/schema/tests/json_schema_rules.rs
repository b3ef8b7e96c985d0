//! The rules of a comparison of JSON Schemas, by every policy: a row of rules.jsonl is a pair of
//! schemas with the findings of each direction.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Instant;

use muster_schema::{
    Broken, Certainty, Direction, NoSources, Policy, Schema, compare_json_schemas,
};
use muster_words::json::{Value, parse};

const ROWS: &str = include_str!("json_schema_comparison/rules.jsonl");

const POLICIES: [(&str, Policy); 3] = [
    ("sound", Policy::Sound),
    ("strict", Policy::ConfluentStrict),
    ("lenient", Policy::ConfluentLenient),
];

fn compiled(schema: &Value) -> Schema {
    Schema::compile(schema, &NoSources).unwrap_or_else(|error| unreachable!("{error}: {schema}"))
}

/// A finding as in a row.
fn short(broken: &Broken) -> String {
    let mark = match broken.certainty {
        Certainty::Broken => "",
        Certainty::Undecided => "undecided: ",
    };
    format!("{mark}{} {}", broken.rule, broken.path)
}

#[test]
fn each_rule_is_found_in_the_direction_that_it_breaks() {
    let mut wrong = Vec::new();
    for (index, line) in ROWS.lines().enumerate() {
        let row = parse(line.as_bytes()).unwrap();
        let (old, new) = (compiled(&row["old"]), compiled(&row["new"]));
        for (name, direction) in
            [("backward", Direction::Backward), ("forward", Direction::Forward)]
        {
            for (key, policy) in POLICIES {
                let found = compare_json_schemas(&old, &new, direction, policy);
                let found: Vec<String> = found.iter().map(short).collect();
                let expect = row[name][key].as_array().unwrap();
                if !expect.iter().eq(found.iter().map(|one| one.as_str())) {
                    wrong.push(format!("row {} {name} {key}: {found:?}", index + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_finding_says_what_changed_why_it_breaks_and_what_would_pass() {
    let old = compiled(&serde_json::json!({"properties": {"a": {"maxLength": 5}}}));
    let new =
        compiled(&serde_json::json!({"properties": {"a": {"maxLength": 3}}, "required": ["a"]}));
    let found = compare_json_schemas(&old, &new, Direction::Backward, Policy::Sound);
    let told: Vec<_> = found
        .iter()
        .map(|one| {
            let text = |side: &Option<String>| side.clone().unwrap_or_default();
            (
                one.path.as_str(),
                text(&one.was),
                text(&one.is),
                one.message.as_str(),
                text(&one.suggestion),
            )
        })
        .collect();
    let expect = [
        (
            "/properties/a/maxLength",
            "5".to_owned(),
            "3".to_owned(),
            "data written with the old schema can be longer there, and readers with the new schema \
             refuse that",
            "keep the old maxLength or raise it".to_owned(),
        ),
        (
            "/properties/a",
            r#"{"maxLength":5}"#.to_owned(),
            r#"{"maxLength":3}"#.to_owned(),
            "data written with the old schema can lack \"a\", and readers with the new schema refuse \
             that",
            "leave \"a\" optional".to_owned(),
        ),
    ];
    assert_eq!(told, expect);
}

#[test]
fn hostile_pairs_are_answered_in_bounded_time() {
    let wide = |count: usize, key: &str| {
        let all: Vec<String> =
            (0..count).map(|one| format!(r#"{{"const":{one},"title":"t{one}"}}"#)).collect();
        format!(r#"{{"{key}":[{}]}}"#, all.join(","))
    };
    let deep = |count: usize, leaf: &str| {
        let all: Vec<String> = (0..count)
            .map(|one| {
                format!(r##""d{one}":{{"properties":{{"x":{{"$ref":"#/$defs/d{}"}}}}}}"##, one + 1)
            })
            .collect();
        format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d{count}":{leaf}}}}}"##, all.join(","))
    };
    let tangled = |leaf: &str| {
        let all: Vec<String> = (0..24)
            .map(|one| {
                let refs: Vec<String> = (0..24)
                    .map(|to| format!(r##"{{"properties":{{"x{to}":{{"$ref":"#/$defs/d{to}"}}}},"required":["x{one}"]}}"##))
                    .collect();
                format!(r#""d{one}":{{"type":"object","oneOf":[{}]{leaf}}}"#, refs.join(","))
            })
            .collect();
        format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{}}}}}"##, all.join(","))
    };
    for (name, old, new) in [
        ("wide", wide(1_900, "anyOf"), wide(1_901, "anyOf")),
        ("wide", wide(1_900, "oneOf"), wide(1_901, "oneOf")),
        ("deep", deep(2_000, r#"{"type":"string"}"#), deep(2_000, r#"{"type":"integer"}"#)),
        ("tangled", tangled(""), tangled(r#","minProperties":2"#)),
        (
            "patterns",
            r#"{"properties":{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!":true}}"#.into(),
            r#"{"patternProperties":{"^(a+)+$":false}}"#.into(),
        ),
    ] {
        let [old, new] = [old, new].map(|text| compiled(&parse(text.as_bytes()).unwrap()));
        for policy in [Policy::Sound, Policy::ConfluentStrict] {
            let start = Instant::now();
            let found = compare_json_schemas(&old, &new, Direction::Backward, policy);
            let took = start.elapsed();
            assert!(found.len() <= muster_schema::limits::COMPARISON_FINDINGS_MAX);
            // It is a second when optimised.
            assert!(took.as_secs() < 20, "{name} {policy:?}: {took:?}");
        }
    }
}
