//! Inputs that are made to be slow, deep or large. Each must be answered in bounded time, without a
//! panic, and with a place where it is refused.

use std::{fmt::Write, time::Instant};

use super::parse;
use crate::{
    Direction, Policy,
    avro::{AvroError, AvroSchema, compare, difference},
    limits,
};

/// A debug build on a busy machine takes many times as long as a server does.
const SECONDS_MAX: u64 = 60;

fn code(result: Result<AvroSchema, AvroError>) -> String {
    result.err().map_or(String::new(), |error| error.problems[0].fault.code().to_owned())
}

fn within(what: &str, work: impl FnOnce()) {
    let begin = Instant::now();
    work();
    let took = begin.elapsed();
    assert!(took.as_secs() < SECONDS_MAX, "{what} takes {took:?}");
}

fn repeated(count: usize, between: &str, one: impl Fn(usize) -> String) -> String {
    let mut out = String::new();
    for index in 0..count {
        let _ = write!(out, "{}{}", if index > 0 { between } else { "" }, one(index));
    }
    out
}

#[test]
fn refuses_what_is_too_deep_or_too_large_with_its_place() {
    let deep =
        |open: &str, close: &str| format!("{}\"int\"{}", open.repeat(1_000), close.repeat(1_000));
    let arrays = deep(r#"{"type":"array","items":"#, "}");
    let many = format!("[{}]", repeated(limits::AVRO_TYPES_MAX + 10, ",", |_| "\"x\"".to_owned()));
    let large = format!("\"{}\"", "x".repeat(limits::AVRO_BYTES_MAX));
    let names = format!(
        "[{}]",
        repeated(10_000, ",", |_| r#"{"type":"fixed","name":"F","size":1}"#.to_owned())
    );
    let fields = repeated(10_000, ",", |_| r#"{"name":"f","type":"int"}"#.to_owned());
    let fields = format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
    for (what, text, expect) in [
        ("1,000 arrays", arrays.as_str(), "not_json"),
        ("1,000 lists", &deep("[", "]"), "not_json"),
        ("half a text", "{\"type\":\"rec", "not_json"),
        ("a surrogate", r#""\ud800""#, "not_json"),
        ("too many types", &many, "unknown_type"),
        ("4 MiB", &large, "too_large"),
        ("one name 10,000 times", &names, "duplicate_name"),
        ("one field 10,000 times", &fields, "duplicate_field"),
        ("keys that occur twice", r#"{"type":"int","type":"int"}"#, "not_json"),
    ] {
        within(what, || {
            let result = AvroSchema::parse(text, &[]);
            if let Err(error) = &result {
                assert!(error.problems.len() <= limits::AVRO_PROBLEMS_MAX);
                assert!(error.violations().iter().all(|violation| violation.message.len() < 5_000));
            }
            assert_eq!(code(result), expect, "{what}");
        });
    }
    let references: Vec<(String, String)> = (0..limits::REFERENCES_MAX + 1)
        .map(|index| {
            (format!("r{index}"), format!(r#"{{"type":"fixed","name":"F{index}","size":1}}"#))
        })
        .collect();
    let references: Vec<(&str, &str)> =
        references.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(code(AvroSchema::parse("\"F0\"", &references)), "too_large");
    assert_eq!(code(AvroSchema::parse("\"F0\"", &references[1..])), "unknown_type");
}

#[test]
fn bounds_defaults_that_try_all_combinations() {
    // Each union has ten records that fit but for the last level.
    let mut text =
        r#"{"type":"record","name":"L0","fields":[{"name":"a","type":"int"}]}"#.to_owned();
    for level in 1..12 {
        let branches = repeated(10, ",", |index| {
            let inner = if index == 0 { text.clone() } else { format!("\"L{}\"", level - 1) };
            format!(
                r#"{{"type":"record","name":"M{level}x{index}","fields":[{{"name":"a","type":{inner}}}]}}"#
            )
        });
        text = format!(
            r#"{{"type":"record","name":"L{level}","fields":[{{"name":"a","type":[{branches}]}}]}}"#
        );
    }
    let value = format!("{}\"x\"{}", r#"{"a":"#.repeat(23), "}".repeat(23));
    let text = format!(
        r#"{{"type":"record","name":"R","fields":[{{"name":"f","type":{text},"default":{value}}}]}}"#
    );
    within("combinations", || assert_eq!(code(AvroSchema::parse(&text, &[])), "invalid_default"));
}

#[test]
fn compares_large_schemas_in_bounded_time() {
    let union = |prefix: &str| {
        format!(
            "[{}]",
            repeated(10_000, ",", |index| {
                format!(
                    r#"{{"type":"record","name":"{prefix}{index}","fields":[{{"name":"f","type":"int"}}]}}"#
                )
            })
        )
    };
    // A chain of types by name is deeper than a thread's stack.
    let chain = |of: &str| {
        let types = repeated(5_000, ",", |index| {
            let inner = if index == 0 { of.to_owned() } else { format!("\"C{}\"", index - 1) };
            format!(
                r#"{{"type":"record","name":"C{index}","fields":[{{"name":"f","type":{inner}}}]}}"#
            )
        });
        format!(r#"[{types},{{"type":"array","items":"C4999"}}]"#)
    };
    let wide = |prefix: &str| {
        let fields = repeated(10_000, ",", |index| {
            format!(r#"{{"name":"{prefix}{index}","type":"int","aliases":["x{index}"]}}"#)
        });
        format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
    };
    for (what, old, new) in [
        ("equal unions", union("R"), union("R")),
        ("other unions", union("R"), union("S")),
        ("chains", chain("\"int\""), chain("\"string\"")),
        ("wide records", wide("a"), wide("b")),
    ] {
        let (old, new) = (parse(&old), parse(&new));
        within(what, || {
            for policy in [Policy::ConfluentStrict, Policy::Sound] {
                let broken = compare(&old, &new, Direction::Backward, policy);
                assert_eq!(broken.is_empty(), what == "equal unions", "{what}");
                assert!(broken.len() <= limits::AVRO_FINDINGS_MAX);
            }
            assert!(difference(&old, &new).len() <= limits::AVRO_FINDINGS_MAX);
            assert!(!new.text().is_empty() && !new.canonical_form().is_empty());
        });
    }
}

#[test]
fn prints_types_that_references_nest_without_the_stack() {
    let texts: Vec<(String, String)> = (0..limits::REFERENCES_MAX)
        .map(|index| {
            let inner = if index == 0 { "int".to_owned() } else { format!("R{}", index - 1) };
            let text = format!(
                "{}\"{inner}\"{}",
                r#"{"type":"array","items":"#.repeat(100),
                "}".repeat(100)
            );
            let text = format!(
                r#"{{"type":"record","name":"R{index}","fields":[{{"name":"f","type":{text}}}]}}"#
            );
            (format!("r{index}"), text)
        })
        .collect();
    let references: Vec<(&str, &str)> =
        texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let schema = AvroSchema::parse("\"R63\"", &references).unwrap();
    assert_eq!(schema.text(), "\"R63\"");
    assert_eq!(schema.canonical_form().matches("array").count(), 6_400);
    assert_eq!(schema.resolved_text().matches("array").count(), 6_400);
    let deep = compare(&schema, &schema, Direction::Backward, Policy::ConfluentStrict);
    assert_eq!(deep[0].rule, "too_complex");
    assert!(compare(&schema, &schema, Direction::Backward, Policy::Sound).is_empty());
}

#[test]
fn pays_for_a_long_key_once_however_much_is_in_its_value() {
    let members = repeated(50_000, ",", |index| format!(r#""m{index}":[]"#));
    let key = "k".repeat(1_000_000);
    let text = format!(
        r#"{{"type":"record","name":"R","fields":[{{"name":"f","type":"int","p":{{"{key}":{{{members}}}}}}}]}}"#
    );
    within("a long key", || assert_eq!(code(AvroSchema::parse(&text, &[])), ""));
}
