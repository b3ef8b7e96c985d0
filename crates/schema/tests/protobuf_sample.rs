//! Verdicts of other tools for pairs of Protobuf schemas. The sample isn't part of the tree;
//! `MUSTER_COMPATIBILITY_SAMPLE` says where it lies.
#![cfg(feature = "protobuf")]
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;

use muster_schema::{
    Direction, Policy,
    protobuf::{ProtobufSchema, compare},
};
use muster_words::json::Value;

/// Pairs that the tool of the sample judges otherwise, by the end of their id, with the reason.
/// None of their verdicts is Confluent's.
const OTHERWISE: &[(&str, &str)] = &[
    ("test_compatibility_package", "Confluent refuses another package (package_changed)"),
    (
        "test_compatibility_ordering_change_msg",
        "0 isn't a number of a field, so neither is a schema",
    ),
];

#[test]
fn a_sample_of_pairs_is_judged_as_by_others() {
    let sample = std::env::var_os("MUSTER_COMPATIBILITY_SAMPLE");
    let Some(text) = sample.and_then(|path| fs::read_to_string(path).ok()) else {
        // Past cargo's capture of what a test prints, so that `./test` counts and names it.
        let left_out = b"\nleft out: Protobuf's compatibility sample, because it isn't in MUSTER_COMPATIBILITY_SAMPLE (--install)\n";
        std::io::Write::write_all(&mut std::io::stderr(), left_out).unwrap();
        return;
    };
    let (mut count, mut met, mut unexpected) = (0, 0, Vec::new());
    for line in text.lines() {
        let pair: Value = muster_words::json::parse(line.as_bytes()).unwrap();
        if pair["format"] != "PROTOBUF" || pair["has_dependencies"] == true {
            continue;
        }
        count += 1;
        let id = pair["id"].as_str().unwrap();
        let parse = |side: &str| ProtobufSchema::parse(pair[side].as_str().unwrap(), &[]);
        let compatible = match (parse("writer"), parse("reader")) {
            (Ok(old), Ok(new)) => {
                compare(&old, &new, Direction::Backward, Policy::ConfluentStrict).is_empty()
            }
            _ => false,
        };
        let agrees = pair["compatible"].as_bool() == Some(compatible);
        match OTHERWISE.iter().any(|(end, _)| id.ends_with(end)) {
            true if agrees => unexpected.push(format!("{id} is judged alike now")),
            true => met += 1,
            false if !agrees => unexpected.push(format!("{id}: compatible is {compatible}")),
            false => {}
        }
        assert_eq!(pair["mode"], "BACKWARD", "{id}");
    }
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    assert_eq!(met, OTHERWISE.len());
    assert!(count >= 5, "only {count} pairs were found");
}
