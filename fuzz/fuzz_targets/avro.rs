//! Avro: an old schema, a new one and a datum, with a zero byte between them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_schema::{
    Direction, Policy,
    avro::{AvroSchema, compare, difference},
    limits,
};

fn schema(bytes: &[u8]) -> Option<AvroSchema> {
    let text = std::str::from_utf8(bytes).ok()?;
    match AvroSchema::parse(text, &[]) {
        Ok(schema) => {
            // Each text is the same schema.
            let canonical = schema.canonical_form();
            for printed in [schema.text(), schema.normalized_text(), schema.resolved_text()] {
                let again = AvroSchema::parse(&printed, &[]).expect("its text is a schema");
                assert_eq!(again.canonical_form(), canonical);
            }
            Some(schema)
        }
        Err(error) => {
            assert!(!error.problems.is_empty());
            assert!(error.problems.len() <= limits::AVRO_PROBLEMS_MAX);
            assert_eq!(error.violations().len(), error.problems.len());
            None
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let Some(old) = schema(parts.next().unwrap_or_default()) else { return };
    let new = parts.next().and_then(schema);
    let new = new.as_ref().unwrap_or(&old);
    for direction in [Direction::Backward, Direction::Forward] {
        for policy in [Policy::ConfluentStrict, Policy::Sound] {
            let broken = compare(&old, new, direction, policy);
            assert!(broken.len() <= limits::AVRO_FINDINGS_MAX);
        }
    }
    assert!(difference(&old, new).len() <= limits::AVRO_FINDINGS_MAX);
    let datum = parts.next().unwrap_or_default();
    assert!(old.check_binary(datum).len() <= limits::VIOLATIONS_MAX);
    if let Ok(datum) = muster_words::json::parse(datum) {
        assert!(old.check_json(&datum).len() <= limits::VIOLATIONS_MAX);
    }
});
