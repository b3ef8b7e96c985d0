use std::collections::HashMap;

use muster_schema::{
    Direction, Policy, Violation,
    protobuf::{ProtobufSchema, compare, difference},
};
use proptest::prelude::*;
use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, MessageDescriptor, Value};

use crate::{
    generator::{MadeSchema, Tape, bytes, message, pool},
    schema,
};

fn tape(length: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..length)
}

/// Pairs of schemas to look for a counterexample in; more in a scheduled run.
fn cases() -> ProptestConfig {
    let cases =
        std::env::var("MUSTER_COMPATIBILITY_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: cases.unwrap_or(512), failure_persistence: None, ..Default::default() }
}

proptest! {
    #![proptest_config(cases())]

    /// The law of `sound`: what is judged compatible is read, and keeps its values.
    #[test]
    fn what_sound_accepts_keeps_every_value(one in tape(60), two in tape(12), data in tape(80)) {
        let made = MadeSchema::new(&mut Tape(&one));
        let changed = made.changed(&mut Tape(&two));
        let (old, new) = (made.text(), changed.text());
        let (Ok(old), Ok(new)) = (ProtobufSchema::parse(&old, &[]), ProtobufSchema::parse(&new, &[])) else {
            return Ok(());
        };
        for (direction, writer, reader) in [(Direction::Backward, &old, &new), (Direction::Forward, &new, &old)] {
            if !compare(&old, &new, direction, Policy::Sound).is_empty() {
                continue;
            }
            let (writes, reads) = (pool(writer), pool(reader));
            for name in ["A", "B"] {
                let written = message(&writes.get_message_by_name(name).unwrap(), &mut Tape(&data), 3);
                let payload = bytes(&written);
                let errors: Vec<Violation> = writer.check_binary(&payload, Some(name)).unwrap();
                prop_assert!(!errors.iter().any(Violation::is_error), "the writer's own: {errors:?}");
                let errors: Vec<Violation> = reader.check_binary(&payload, Some(name)).unwrap();
                prop_assert!(!errors.iter().any(Violation::is_error), "{errors:?}\n{}\n{}", writer.canonical_text(), reader.canonical_text());
                let read = DynamicMessage::decode(reads.get_message_by_name(name).unwrap(), payload.as_slice());
                let read = read.map_err(|error| TestCaseError::fail(error.to_string()))?;
                if let Err(why) = same(&written, &read) {
                    prop_assert!(false, "{name}{why}\n{}\n{}", writer.canonical_text(), reader.canonical_text());
                }
            }
        }
    }

    /// A schema is compatible with itself, and doesn't differ from itself.
    #[test]
    fn nothing_differs_from_itself(one in tape(60)) {
        let Ok(made) = ProtobufSchema::parse(&MadeSchema::new(&mut Tape(&one)).text(), &[]) else { return Ok(()) };
        let again = schema(&made.serialised());
        for policy in [Policy::ConfluentStrict, Policy::Sound] {
            for other in [&made, &again] {
                prop_assert_eq!(compare(&made, other, Direction::Backward, policy), []);
                prop_assert_eq!(compare(other, &made, Direction::Backward, policy), []);
            }
        }
        prop_assert_eq!(difference(&made, &again), []);
        prop_assert_eq!(again.normalised_text(), made.normalised_text());
        let printed = schema(made.canonical_text());
        prop_assert_eq!(printed.canonical_text(), made.canonical_text());
        prop_assert_eq!(printed.normalised_text(), made.normalised_text());
    }

    /// A decoder of others refuses bytes exactly if this check has an error, but for what only
    /// this one looks at: required fields, and the entries of maps.
    #[test]
    fn bytes_are_judged_as_by_a_decoder(one in tape(60), data in tape(60), noise in proptest::collection::vec((any::<u8>(), any::<u8>()), 0..4)) {
        let Ok(made) = ProtobufSchema::parse(&MadeSchema::new(&mut Tape(&one)).text(), &[]) else { return Ok(()) };
        let of = pool(&made).get_message_by_name("A").unwrap();
        let mut payload = bytes(&message(&of, &mut Tape(&data), 3));
        for (at, byte) in noise {
            if !payload.is_empty() {
                let at = usize::from(at) % payload.len();
                payload[at] = byte;
            }
        }
        let found = made.check_binary(&payload, Some("A")).unwrap();
        let errors: Vec<_> = found.iter().filter(|found| found.is_error()).filter(|found| {
            !matches!(&found.source, muster_schema::ViolationSource::Keyword(keyword) if keyword == "required")
        }).collect();
        // The decoder reads a map's entry whatever its type on the wire is.
        let has_map = |message: MessageDescriptor| message.fields().any(|field| field.is_map());
        let lenient = of.parent_file().messages().any(has_map);
        let decoded = DynamicMessage::decode(of, payload.as_slice());
        let agrees = errors.is_empty() == decoded.is_ok() || (lenient && decoded.is_ok());
        prop_assert!(agrees, "{errors:?} {:?} {payload:02x?}\n{}", decoded.err(), made.canonical_text());
    }

    /// What a serialiser of others writes as JSON passes.
    #[test]
    fn json_of_a_message_passes(one in tape(60), data in tape(60)) {
        let Ok(made) = ProtobufSchema::parse(&MadeSchema::new(&mut Tape(&one)).text(), &[]) else { return Ok(()) };
        let of = pool(&made).get_message_by_name("A").unwrap();
        let written = message(&of, &mut Tape(&data), 3);
        let json = serde_json::to_value(&written).unwrap();
        let found = made.check_json(&json, Some("A")).unwrap();
        prop_assert!(!found.iter().any(Violation::is_error), "{found:?}\n{json}\n{}", made.canonical_text());
    }

    /// Whatever the bytes are, something is answered.
    #[test]
    fn any_bytes_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
        let _ = ProtobufSchema::parse_bytes(&bytes, &[]);
        let _ = ProtobufSchema::parse(&text, &[("a.proto", &text)]);
        let _ = schema(crate::canonical::RICH).check_binary(&bytes, None);
        let _ = muster_schema::protobuf::ProtobufFrame::read(&bytes);
    }

    /// A descriptor with noise in it is refused or read, and then everything can be done with it.
    #[test]
    fn any_descriptor_gets_an_answer(one in tape(60), rich in 0_usize..3, noise in noise()) {
        use base64::{Engine, engine::general_purpose};
        let text = match rich {
            0 => MadeSchema::new(&mut Tape(&one)).text(),
            1 => crate::canonical::RICH.to_owned(),
            _ => crate::canonical::RICH_2.to_owned(),
        };
        let Ok(made) = ProtobufSchema::parse(&text, &[]) else { return Ok(()) };
        let mut bytes = general_purpose::STANDARD.decode(made.serialised()).unwrap();
        for (at, byte) in noise {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        if let Ok(other) = ProtobufSchema::parse(&general_purpose::STANDARD.encode(&bytes), &[]) {
            all_answers(&made, &other, &bytes)?;
        }
    }

    /// So is a text.
    #[test]
    fn any_text_gets_an_answer(rich in any::<bool>(), noise in noise()) {
        let text = if rich { crate::canonical::RICH } else { crate::canonical::RICH_2 };
        let mut noisy = text.to_owned();
        for (at, byte) in noise {
            // A word of the text in place of another.
            let words: Vec<&str> = noisy.split_inclusive([' ', ';', '\n']).collect();
            let at = usize::from(at) % words.len();
            let other = words[(at + usize::from(byte)) % words.len()];
            noisy = [&words[..at], &[other], &words[at + 1..]].concat().concat();
        }
        if let Ok(other) = ProtobufSchema::parse(&noisy, &[]) {
            all_answers(&schema(text), &other, noisy.as_bytes())?;
        }
    }
}

fn noise() -> impl Strategy<Value = Vec<(u16, u8)>> {
    proptest::collection::vec((any::<u16>(), any::<u8>()), 1..6)
}

/// Does all that can be done with schemas; what is printed must read as the same.
fn all_answers(
    made: &ProtobufSchema,
    other: &ProtobufSchema,
    bytes: &[u8],
) -> Result<(), TestCaseError> {
    for policy in [Policy::ConfluentStrict, Policy::Sound] {
        let _ = compare(made, other, Direction::Backward, policy);
        let _ = compare(made, other, Direction::Forward, policy);
        prop_assert_eq!(compare(other, other, Direction::Backward, policy), []);
    }
    let _ = (difference(made, other), other.serialised(), other.check_binary(bytes, None));
    let printed = ProtobufSchema::parse(other.canonical_text(), &[]);
    let printed = printed
        .map_err(|error| TestCaseError::fail(format!("{error}\n{}", other.canonical_text())))?;
    prop_assert_eq!(printed.canonical_text(), other.canonical_text());
    prop_assert_eq!(printed.normalised_text(), other.normalised_text());
    Ok(())
}

/// Whether each field that both messages have has the same value in both.
fn same(written: &DynamicMessage, read: &DynamicMessage) -> Result<(), String> {
    use prost_reflect::ReflectMessage;
    for field in written.descriptor().fields() {
        let Some(other) = read.descriptor().get_field(field.number()) else { continue };
        let at = |why: String| format!(".{}{why}", field.name());
        let (was, is) = (written.get_field(&field), read.get_field(&other));
        let has = |message: &DynamicMessage, field: &FieldDescriptor| message.has_field(field);
        match (was.as_ref(), is.as_ref()) {
            (Value::List(was), Value::List(is)) => same_lists(was, is).map_err(at)?,
            (was, Value::List(is)) => {
                let was = if has(written, &field) { vec![was.clone()] } else { vec![] };
                same_lists(&was, is).map_err(at)?;
            }
            (Value::Map(was), Value::Map(is)) => same_maps(was, is).map_err(at)?,
            (was, is) => {
                if field.supports_presence()
                    && other.supports_presence()
                    && has(written, &field) != has(read, &other)
                {
                    return Err(at(" is there only on one side".to_owned()));
                }
                if has(written, &field) || !matches!(was, Value::Message(_)) {
                    same_values(was, is).map_err(at)?;
                }
            }
        }
    }
    Ok(())
}

fn same_lists(was: &[Value], is: &[Value]) -> Result<(), String> {
    if was.len() != is.len() {
        return Err(format!(" has {} values and {}", was.len(), is.len()));
    }
    was.iter().zip(is).try_for_each(|(was, is)| same_values(was, is))
}

fn same_maps(was: &HashMap<MapKey, Value>, is: &HashMap<MapKey, Value>) -> Result<(), String> {
    let by_key = |all: &HashMap<MapKey, Value>| -> std::collections::BTreeMap<String, Value> {
        let key = |key: &MapKey| plain(&key.clone().into());
        all.iter().map(|(name, value)| (key(name), value.clone())).collect()
    };
    let (was, is) = (by_key(was), by_key(is));
    if was.len() != is.len() {
        return Err(format!(" has {} entries and {}", was.len(), is.len()));
    }
    was.iter().try_for_each(|(key, value)| match is.get(key) {
        Some(other) => same_values(value, other),
        None => Err(format!(" lost the key {key}")),
    })
}

fn same_values(was: &Value, is: &Value) -> Result<(), String> {
    match (was, is) {
        (Value::Message(was), Value::Message(is)) => same(was, is),
        (was, is) if plain(was) == plain(is) => Ok(()),
        (was, is) => Err(format!(" was {was:?} and is {is:?}")),
    }
}

/// A scalar by its value: numbers of all integral types alike.
fn plain(value: &Value) -> String {
    match value {
        Value::Bool(value) => u8::from(*value).to_string(),
        Value::I32(value) | Value::EnumNumber(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::F32(value) => format!("float {:x}", value.to_bits()),
        Value::F64(value) => format!("double {:x}", value.to_bits()),
        Value::String(value) => format!("{:?}", value.as_bytes()),
        Value::Bytes(value) => format!("{:?}", value.as_ref()),
        other => unreachable!("{other:?} isn't a scalar"),
    }
}
