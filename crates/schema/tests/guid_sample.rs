//! Guids that Confluent's registry computes. The sample isn't part of the tree; `MUSTER_TEST_DATA`
//! says where it lies.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{fs, path::PathBuf};

use muster_schema::{IdentityParts, ReferencedVersion, SchemaFormat, SchemaGuid};
use muster_words::json::{self, Value};

#[test]
fn the_guids_of_a_sample_are_confluents() {
    let sample = std::env::var_os("MUSTER_TEST_DATA").map(PathBuf::from);
    let sample = sample.map(|folder| folder.join("confluent-guid-sample.json"));
    let Some(sample) = sample.and_then(|path| fs::read(path).ok()) else {
        // Past cargo's capture of what a test prints, so that `./test` counts and names it.
        let left_out = b"\nleft out: Confluent's guids, because confluent-guid-sample.json isn't in MUSTER_TEST_DATA\n";
        std::io::Write::write_all(&mut std::io::stderr(), left_out).unwrap();
        return;
    };
    let sample = json::parse(&sample).unwrap();
    let references: Vec<ReferencedVersion> =
        serde_json::from_value(sample["references"].clone()).unwrap();
    let mut count = 0;
    for (format, named) in [(SchemaFormat::Avro, "avro"), (SchemaFormat::JsonSchema, "json")] {
        // The texts are hashed as they are, without being printed anew.
        let text = sample["schemas"][named].as_str().unwrap();
        let expected = sample["expectedHashes"][format.confluent_name()].as_object().unwrap();
        for (parts, guid) in expected {
            let has = |index: usize| parts.as_bytes()[index] == b'1';
            let part = |index: usize, name: &str| has(index).then(|| &sample[name]);
            let beside = IdentityParts {
                references: if has(0) { &references } else { &[] },
                metadata: part(1, "metadata"),
                rule_set: part(2, "rules"),
            };
            let found = Value::from(SchemaGuid::of(text, beside).to_string());
            assert_eq!(found, *guid, "{named} {parts}");
            count += 1;
        }
    }
    assert_eq!(count, 11, "guids were compared");
}
