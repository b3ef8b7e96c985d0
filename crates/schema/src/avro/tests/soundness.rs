//! Hunts for a counterexample: a pair of schemas that is judged compatible, and a datum that can't be
//! read. Apache Avro's own library in Rust is the second reader.

use apache_avro::reader::datum::GenericDatumReader;
use proptest::prelude::*;

use super::{choices::Choices, resolving::Resolving};
use crate::{
    Certainty, Direction, Policy,
    avro::{AvroSchema, compare, difference},
};

/// How many pairs are tried: `AVRO_PAIRS` of them where that is set.
fn pairs() -> u32 {
    std::env::var("AVRO_PAIRS").ok().and_then(|pairs| pairs.parse().ok()).unwrap_or(3_000)
}

/// Whether Apache Avro's library can be asked: it resolves a decoded value, not two schemas. So it
/// finds no fields by aliases, no branch of a union for a value whose logical type is gone, and it
/// takes the default `{}` for a record again and again until its stack ends.
fn is_asked(old: &str, new: &str) -> bool {
    let unlike = ["aliases", "logicalType", r#""default":{}"#];
    [old, new].iter().all(|text| !unlike.iter().any(|word| text.contains(word)))
}

fn reads_in_rust(old: &str, new: &str, datum: &[u8]) -> Result<(), String> {
    let parse =
        |text: &str| apache_avro::Schema::parse_str(text).map_err(|error| error.to_string());
    let (old, new) = (parse(old)?, parse(new)?);
    let reader = GenericDatumReader::builder(&old).reader_schema(&new).build();
    let reader = reader.map_err(|error| error.to_string())?;
    let mut rest = datum;
    reader.read_value(&mut rest).map_err(|error| error.to_string())?;
    if rest.is_empty() { Ok(()) } else { Err("bytes are left".to_owned()) }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(pairs())
    })]

    #[test]
    fn what_is_judged_sound_can_be_read(seed in any::<u64>()) {
        let mut choices = Choices::new(seed);
        let old_text = choices.schema();
        let new_text = choices.changed(&old_text).to_string();
        let old_text = old_text.to_string();
        let Ok(old) = AvroSchema::parse(&old_text, &[]) else { return Ok(()) };
        let Ok(new) = AvroSchema::parse(&new_text, &[]) else { return Ok(()) };
        let sound = compare(&old, &new, Direction::Backward, Policy::Sound);
        let confluent = compare(&old, &new, Direction::Backward, Policy::ConfluentStrict);
        // What is sound is compatible for Confluent, too.
        prop_assert!(!sound.is_empty() || confluent.is_empty(), "{} → {}: {:?}", old_text, new_text, confluent);
        // What is broken in both directions or one is a breaking change somewhere.
        if sound.iter().any(|broken| broken.certainty == Certainty::Broken) {
            prop_assert!(!difference(&old, &new).is_empty(), "{} → {}", old_text, new_text);
        }
        for _ in 0..4 {
            let mut datum = Vec::new();
            if choices.datum(&old, old.root.node, 0, &mut datum).is_none() {
                continue;
            }
            let found = old.check_binary(&datum);
            prop_assert!(found.is_empty(), "{} {:?}: {:?}", old_text, datum, found);
            if !sound.is_empty() {
                continue;
            }
            let mut reader = Resolving { reader: &new, writer: &old, bytes: &datum };
            let read = reader.read(Some(new.root.node), old.root.node);
            prop_assert!(read.is_ok(), "{} → {}: {:?}", old_text, new_text, read);
            if is_asked(&old_text, &new_text) {
                let read = reads_in_rust(&old_text, &new_text, &datum);
                prop_assert!(read.is_ok(), "{} → {}, {:?}: {:?}", old_text, new_text, datum, read);
            }
        }
    }

    #[test]
    fn texts_and_fingerprints_are_those_of_apache_avro(seed in any::<u64>()) {
        let text = Choices::new(seed).schema().to_string();
        let ours = AvroSchema::parse(&text, &[]);
        let theirs = apache_avro::Schema::parse_str(&text);
        if let (Ok(ours), Ok(theirs)) = (&ours, &theirs) {
            // It writes primitive types with a logical type as objects, which the specification's
            // rule [PRIMITIVES] doesn't.
            if !text.contains("logicalType") {
                prop_assert_eq!(ours.canonical_form(), theirs.canonical_form());
                let rabin = theirs.fingerprint::<apache_avro::rabin::Rabin>();
                prop_assert_eq!(ours.rabin().to_le_bytes().to_vec(), rabin.bytes);
            }
            // Its texts are the same schema.
            for printed in [ours.text(), ours.normalized_text(), ours.resolved_text()] {
                let again = AvroSchema::parse(&printed, &[]);
                let again = again.map(|again| (again.text(), again.canonical_form()));
                let again = again.map_err(|error| error.to_string());
                let expect = if printed == ours.normalized_text() { &printed } else { &ours.text() };
                prop_assert_eq!(again, Ok((expect.clone(), ours.canonical_form())));
            }
        }
        if let Ok(ours) = &ours {
            let itself = compare(ours, ours, Direction::Backward, Policy::Sound);
            prop_assert!(itself.is_empty(), "{}: {:?}", text, itself);
            prop_assert!(difference(ours, ours).is_empty());
        }
    }

    #[test]
    fn accepts_the_schemas_that_apache_avro_accepts(seed in any::<u64>()) {
        let mut choices = Choices::new(seed);
        let text = choices.schema();
        let text = choices.changed(&text).to_string();
        let ours = AvroSchema::parse(&text, &[]);
        let theirs = apache_avro::Schema::parse_str(&text);
        let Err(error) = &ours else {
            // It refuses an alias that is the name of another field; Java's library doesn't.
            let refused = theirs.err().map(|error| error.to_string()).unwrap_or_default();
            let alias = refused.starts_with("Duplicate field name") && text.contains("aliases");
            prop_assert!(refused.is_empty() || alias, "{}: {}", text, refused);
            return Ok(());
        };
        // It finds types by their aliases within a schema, lets a type be defined again within
        // itself, and takes any text for the default of an enum that has a default. The specification
        // says none of these.
        let known = match error.problems[0].fault.code() {
            "duplicate_name" => true,
            "unknown_type" => text.contains("aliases"),
            "invalid_default" => text.contains("symbols"),
            _ => false,
        };
        prop_assert!(known || theirs.is_err(), "{}: {}", text, error);
    }

    #[test]
    fn damaged_data_is_refused_where_apache_avro_refuses_it(seed in any::<u64>()) {
        let mut choices = Choices::new(seed);
        let text = choices.schema().to_string();
        let Ok(ours) = AvroSchema::parse(&text, &[]) else { return Ok(()) };
        let Ok(theirs) = apache_avro::Schema::parse_str(&text) else { return Ok(()) };
        let mut datum = Vec::new();
        if choices.datum(&ours, ours.root.node, 0, &mut datum).is_none() || datum.is_empty() {
            return Ok(());
        }
        let at = choices.below(datum.len());
        match choices.below(3) {
            0 => datum[at] ^= 1 << choices.below(8),
            1 => datum.truncate(at),
            _ => datum.insert(at, u8::try_from(choices.below(256)).unwrap()),
        }
        let found = ours.check_binary(&datum);
        // That library takes a text that ends early, and a record that contains itself without end
        // ends its stack; neither is asked.
        let ends = found.iter().any(|violation| violation.source.to_string() == "end");
        if ends || !found.is_empty() && text.contains(r#""record""#) {
            return Ok(());
        }
        let reader = GenericDatumReader::builder(&theirs).build();
        let mut rest = &datum[..];
        let read = reader.unwrap().read_value(&mut rest).map_err(|error| error.to_string());
        let read = read.is_ok() && rest.is_empty();
        prop_assert!(read || !found.is_empty(), "{} {:?}", text, datum);
        // It doesn't look at the sizes of blocks.
        let block = |violation: &crate::Violation| violation.source.to_string() == "block";
        let found: Vec<_> = found.into_iter().filter(|violation| !block(violation)).collect();
        prop_assert!(!read || found.is_empty(), "{} {:?}: {:?}", text, datum, found);
    }
}
