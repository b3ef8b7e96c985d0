//! What `Policy::Sound` promises about JSON Schemas: no value that is valid for the writer fails for
//! the reader. Pairs of schemas are generated, the second by editing the first, and values are made
//! from the schemas' own constants, so that the hunt is sharp. `SOUND_PAIRS` is the number of pairs.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use muster_schema::{Direction, NoSources, Policy, Schema, compare_json_schemas};
use muster_words::json::Value;

#[path = "json_schema_comparison/generator.rs"]
mod generator;

use generator::{Dice, edited, schema, values};

/// So many take a few seconds in a debug build.
const PAIRS: u64 = 2_000;

/// A pair that is judged compatible although a value passes from the one to the other.
struct Counterexample {
    seed: u64,
    direction: Direction,
    old: Value,
    new: Value,
    value: Value,
}

impl std::fmt::Display for Counterexample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, direction, old, new, value } = self;
        write!(f, "seed {seed} {direction:?}\n  old {old}\n  new {new}\n  value {value}")
    }
}

fn with_draft(mut schema: Value, draft: &str) -> Value {
    if let Value::Object(members) = &mut schema {
        members.insert("$schema".into(), draft.into());
    }
    schema
}

const DRAFTS: [&str; 5] = [
    "http://json-schema.org/draft-04/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2020-12/schema",
];

/// What was seen of a pair.
#[derive(Debug, Default)]
struct Seen {
    compared: u64,
    compatible: u64,
    refuted: u64,
    /// Refused, and no value was found that shows why.
    unexplained: u64,
}

fn hunt(seed: u64, seen: &mut Seen) -> Option<Counterexample> {
    let mut dice = Dice::new(seed);
    let draft = DRAFTS[if dice.one_in(3) { dice.below(5) } else { 4 }];
    let other = if dice.one_in(6) { DRAFTS[dice.below(5)] } else { draft };
    let plain = schema(&mut dice, 3);
    let changed = edited(&mut dice, &plain);
    let (old, new) = (with_draft(plain, draft), with_draft(changed, other));
    let compile = |value: &Value| Schema::compile(value, &NoSources).ok();
    let (Some(old_schema), Some(new_schema)) = (compile(&old), compile(&new)) else { return None };
    let values = values(&mut dice, &[&old, &new]);
    for direction in [Direction::Backward, Direction::Forward] {
        let found = compare_json_schemas(&old_schema, &new_schema, direction, Policy::Sound);
        let (writer, reader) = match direction {
            Direction::Backward => (&old_schema, &new_schema),
            Direction::Forward => (&new_schema, &old_schema),
        };
        let breaks = values
            .iter()
            .find(|value| writer.validate(value).is_empty() && !reader.validate(value).is_empty());
        seen.compared += 1;
        match (found.is_empty(), breaks) {
            (true, None) => seen.compatible += 1,
            (false, Some(_)) => seen.refuted += 1,
            (false, None) => seen.unexplained += 1,
            (true, Some(value)) => {
                let value = value.clone();
                return Some(Counterexample { seed, direction, old, new, value });
            }
        }
    }
    None
}

#[test]
fn no_value_passes_from_a_writer_to_a_reader_that_refuses_it() {
    let pairs = std::env::var("SOUND_PAIRS").ok().and_then(|text| text.parse().ok());
    let first = std::env::var("SOUND_FIRST").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut seen = Seen::default();
    let mut found = Vec::new();
    for seed in first..first + pairs.unwrap_or(PAIRS) {
        found.extend(hunt(seed, &mut seen));
        if found.len() >= 5 {
            break;
        }
    }
    let all: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{}", all.join("\n"));
    // Otherwise the hunt would be blunt.
    assert!(seen.compatible * 4 > seen.compared, "{seen:?}");
    assert!(seen.refuted * 12 > seen.compared, "{seen:?}");
    assert!(seen.unexplained < seen.refuted * 2, "{seen:?}");
}

#[test]
fn a_schema_is_compatible_with_itself() {
    for seed in 0..500 {
        let mut dice = Dice::new(seed);
        let schema = schema(&mut dice, 3);
        let Ok(compiled) = Schema::compile(&schema, &NoSources) else { continue };
        let again = Schema::compile(&schema, &NoSources).unwrap();
        for direction in [Direction::Backward, Direction::Forward] {
            let found = compare_json_schemas(&compiled, &again, direction, Policy::Sound);
            assert!(found.is_empty(), "{schema}: {found:?}");
        }
    }
}

/// What `contentMediaType` is about depends on `contentEncoding`, in the drafts that assert both.
#[test]
fn an_encoding_that_goes_isnt_a_condition_that_goes() {
    let draft = "http://json-schema.org/draft-07/schema#";
    let old = format!(
        r#"{{"$schema":"{draft}","contentMediaType":"application/json","contentEncoding":"base64"}}"#
    );
    let new = format!(r#"{{"$schema":"{draft}","contentMediaType":"application/json"}}"#);
    let parse = |text: &str| Schema::parse(text.as_bytes(), &NoSources).unwrap();
    let (old, new) = (parse(&old), parse(&new));
    let value = serde_json::json!("e30=");
    assert!(old.validate(&value).is_empty() && !new.validate(&value).is_empty());
    let found = compare_json_schemas(&old, &new, Direction::Backward, Policy::Sound);
    assert_eq!(found.first().map(|broken| broken.rule.as_str()), Some("content_changed"));
    assert!(compare_json_schemas(&old, &old, Direction::Backward, Policy::Sound).is_empty());
}
