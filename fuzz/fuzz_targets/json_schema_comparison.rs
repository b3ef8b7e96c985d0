//! Two JSON Schemas are compared by every policy, and told apart. What follows a zero byte is the
//! second one. A schema is always compatible with itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_schema::{
    Direction, NoSources, Policy, QualityLimits, Schema, compare_json_schemas,
    json_schema_difference, json_schema_quality, limits::COMPARISON_FINDINGS_MAX,
};
use muster_words::json::parse;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let old = parts.next().unwrap_or_default();
    let new = parts.next().unwrap_or(old);
    if let Ok(document) = parse(old) {
        let quality = json_schema_quality(&document, &QualityLimits::default());
        assert!(quality.quality_score <= 100);
    }
    let Ok(old) = Schema::parse(old, &NoSources) else { return };
    let Ok(new) = Schema::parse(new, &NoSources) else { return };
    for direction in [Direction::Backward, Direction::Forward] {
        for policy in [Policy::Sound, Policy::ConfluentStrict, Policy::ConfluentLenient] {
            let found = compare_json_schemas(&old, &new, direction, policy);
            assert!(found.len() <= COMPARISON_FINDINGS_MAX);
        }
    }
    assert!(json_schema_difference(&old, &old).is_empty());
    let _ = json_schema_difference(&old, &new);
});
