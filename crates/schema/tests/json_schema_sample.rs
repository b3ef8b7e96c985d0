//! Pairs of JSON Schemas with the verdicts of other tools, judged by [`Policy::Sound`]: each verdict
//! that differs stands here with its reason. The file isn't part of the tree;
//! `MUSTER_COMPATIBILITY_SAMPLE` names it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;

use muster_schema::{CompileError, Direction, NoSources, Policy, Schema, compare_json_schemas};
use muster_words::json::{Value, parse};

/// The verdicts that differ: reader, writer (`*` is any), and why.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    ("true", "*", "a reader with the schema true accepts every value, so nothing can break it"),
    (
        r#"{"type": "object", "additionalProperties": false, "properties": {"a": {"type": "integer"}}}"#,
        "false",
        "with the schema false nothing can be written, so nothing can break the reader",
    ),
    (
        r#"{"type": "object", "additionalProperties": false, "required": ["b"], "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}"#,
        "false",
        "with the schema false nothing can be written, so nothing can break the reader",
    ),
    (
        r#"{"type": "object", "properties": {"a": {}}}"#,
        r#"{"type": "object", "propertyNames": {"pattern": "a*"}}"#,
        "the new property has no condition on its value",
    ),
    (
        r#"{"$schema": "http://json-schema.org/draft-07/schema#", "oneOf": [{"type": "string"}, {"maxLength": 10}]}"#,
        r#"{"$schema": "http://json-schema.org/draft-07/schema#", "oneOf": [{"type": "string"}, {"maxLength": 5}]}"#,
        "a text of seven letters matches one alternative of the writer, but both of the reader",
    ),
    (
        r#"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"case": {"enum": ["lower", "upper"]}, "data": {"type": "string"}}, "if": {"properties": {"case": {"enum": ["lower"]}}}, "then": {"properties": {"data": {"pattern": "[a-z]*"}}}, "else": {"properties": {"data": {"pattern": "[A-Z]*"}}}}"#,
        r#"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"case": {"enum": ["lower", "upper"]}, "data": {"type": "string"}}, "if": {"properties": {"case": {"enum": ["lower", "lowerCase"]}}}, "then": {"properties": {"data": {"pattern": "[a-z]*"}}}, "else": {"properties": {"data": {"pattern": "[A-Z]*"}}}}"#,
        "the case lowerCase, in which the conditions differ, can't be written",
    ),
];

/// The tools that the verdicts come from take draft 7 where no draft is named.
fn compiled(text: &str) -> Result<Schema, CompileError> {
    let mut schema: Value = parse(text.as_bytes()).unwrap();
    if let Value::Object(members) = &mut schema {
        let draft = "http://json-schema.org/draft-07/schema#";
        members.entry("$schema").or_insert_with(|| draft.into());
    }
    Schema::compile(&schema, &NoSources)
}

#[test]
fn verdicts_of_others_are_met_or_their_difference_has_a_reason() {
    let Some(path) = std::env::var_os("MUSTER_COMPATIBILITY_SAMPLE") else {
        // Past cargo's capture of what a test prints, so that `./test` counts and names it.
        let left_out = b"\nleft out: compatibility verdicts of others, because MUSTER_COMPATIBILITY_SAMPLE names no file\n";
        std::io::Write::write_all(&mut std::io::stderr(), left_out).unwrap();
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let (mut count, mut unexpected) = (0, Vec::new());
    let mut met: BTreeSet<&(&str, &str, &str)> = BTreeSet::new();
    for line in text.lines() {
        let row: Value = parse(line.as_bytes()).unwrap();
        if row["format"] != "JSON" || row["mode"] != "BACKWARD" {
            continue;
        }
        count += 1;
        let [reader, writer] =
            ["reader", "writer"].map(|key| row[key].as_str().unwrap().to_owned());
        let verdict = match (compiled(&writer), compiled(&reader)) {
            (Ok(old), Ok(new)) => {
                let found = compare_json_schemas(&old, &new, Direction::Backward, Policy::Sound);
                let rules: Vec<String> =
                    found.iter().map(|one| format!("{} {}", one.rule, one.path)).collect();
                (found.is_empty(), rules.join(", "))
            }
            (Err(error), _) | (_, Err(error)) => (false, format!("refused: {error}")),
        };
        let known = DEVIATIONS
            .iter()
            .find(|(one, other, _)| *one == reader && (*other == writer || *other == "*"));
        met.extend(known);
        let is_known = known.is_some();
        let is_as_expected = verdict.0 == row["compatible"].as_bool().unwrap();
        // The schema true isn't refused everywhere in the sample.
        let may_agree = known.is_some_and(|(_, writer, _)| *writer == "*");
        if is_as_expected == is_known && !may_agree {
            unexpected.push(format!(
                "{} {}\n  reader {reader}\n  writer {writer}\n  {}",
                row["id"], row["compatible"], verdict.1
            ));
        }
    }
    assert!(unexpected.is_empty(), "{} of {count}:\n{}", unexpected.len(), unexpected.join("\n"));
    let stale: Vec<_> = DEVIATIONS.iter().filter(|known| !met.contains(known)).collect();
    assert!(stale.is_empty(), "these aren't in the sample any more: {stale:#?}");
    assert!(count > 100, "only {count} pairs were found");
}
