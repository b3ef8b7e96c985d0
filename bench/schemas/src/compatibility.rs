//! One check of compatibility, as the number of earlier versions grows.

use std::{path::PathBuf, time::Duration};

use muster_schema::{
    Direction, Level, NoSources, Policy, Schema, check_level, compare_json_schemas,
};
use muster_words::json::Value;

use crate::{
    Outcome,
    clock::{median, nanoseconds},
    read::read,
    say,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of the schemas.
    #[arg(long)]
    schemas: PathBuf,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

const COUNTS: [usize; 4] = [1, 10, 100, 1_000];

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let first = read(&arguments.schemas.join("dependabot-2.0.json"))?;
    let mut versions = Vec::new();
    for number in (0..=COUNTS[3]).rev() {
        versions.push(Schema::compile(&version(&first, number)?, &NoSources)?);
    }
    let (new, earlier) = versions.split_first().ok_or("there are no versions")?;
    for policy in [Policy::Sound, Policy::ConfluentStrict, Policy::ConfluentLenient] {
        let mut times = vec![Vec::new(); COUNTS.len()];
        for _ in 0..arguments.rounds {
            for (count, times) in COUNTS.into_iter().zip(&mut times) {
                let compare = |old: &&Schema, direction: Direction| {
                    compare_json_schemas(old, new, direction, policy)
                };
                times.push(nanoseconds(Duration::from_millis(100), || {
                    let level = Level::BackwardTransitive;
                    let found = check_level(level, &earlier[..count], compare);
                    assert_eq!(found.len(), count);
                }));
            }
        }
        for (count, times) in COUNTS.into_iter().zip(times) {
            let took = median(times) / 1_000.0;
            #[expect(clippy::cast_precision_loss, reason = "at most 1,000")]
            let each = took / count as f64;
            say(&format!(
                "| {policy}, {count} earlier versions | {took:.0} µs | {each:.1} µs a version |"
            ));
        }
    }
    Ok(())
}

/// A version with this many properties more than the first, and with the last description changed.
fn version(first: &Value, number: usize) -> Outcome<Value> {
    let mut schema = first.clone();
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    let properties = properties.ok_or("the schema has no properties")?;
    // As people do it: of ten changes one adds a property, and the others write a description.
    for index in 0..number / 10 {
        let added = serde_json::json!({"type": "string", "maxLength": 100});
        properties.insert(format!("added-{index}"), added);
    }
    schema["description"] = Value::from(format!("Version {number}"));
    Ok(schema)
}
