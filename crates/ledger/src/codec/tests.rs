#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use proptest::{collection::vec, option, prelude::*};

use super::*;

fn record(kind: u16, skippable: bool, body: &'static [u8]) -> Record {
    Record { kind, skippable, body: Bytes::from_static(body) }
}

/// An entry with every field.
fn full() -> Entry {
    Entry {
        position: Position(300),
        moment: Moment::parse("2026-11-21T08:30:00.000001Z").unwrap(),
        actor: "local:admin".to_owned(),
        command: CommandId([0xc0; 16]),
        part: 2,
        parts: 3,
        request: Some("req-1".to_owned()),
        trace: Some("00-4bf9".to_owned()),
        idempotency: Some(Idempotency { key: Digest([0x11; 32]), request: Digest([0x22; 32]) }),
        previous: Digest([0x33; 32]),
        changes: vec![record(1, false, b"\xa0"), record(1000, true, b"")],
    }
}

/// An entry with only the required fields.
fn bare() -> Entry {
    Entry {
        position: Position(1),
        moment: Moment::EPOCH,
        actor: "a".to_owned(),
        part: 1,
        parts: 1,
        request: None,
        trace: None,
        idempotency: None,
        changes: vec![],
        ..full()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Existing ledgers hold these bytes, so they may never change.
#[test]
fn an_entry_with_every_field_has_these_bytes() {
    let expect = [
        "ab",                                                           // 11 fields
        "0119012c",                                                     // position 300
        "021b000660c52a9cb201",                                         // moment
        "036b6c6f63616c3a61646d696e",                                   // actor
        &format!("0450{}", "c0".repeat(16)),                            // command
        "0502",                                                         // part
        "0603",                                                         // parts
        &format!("075820{}", "33".repeat(32)),                          // previous
        "0882",                                                         // two changes:
        "8301f441a0",                                                   // kind 1, body a0
        "831903e8f540",       // kind 1000, skippable, empty body
        "09657265712d31",     // request
        "0a6730302d34626639", // trace
        &format!("0b825820{}5820{}", "11".repeat(32), "22".repeat(32)), // idempotency
    ]
    .concat();
    let entry = full();
    let encoded = entry.encode().unwrap();
    assert_eq!(hex(&encoded.bytes), expect);
    assert_eq!(encoded.decode(), Ok(entry.clone()));
    assert_eq!(Entry::decode(&encoded.bytes), Ok(entry));
    let leaf = "4eb407cd5bf4b8652a0841199a2564439aa7ed41f87bd786eb522efbe719e306";
    assert_eq!(encoded.leaf().to_string(), leaf);
}

#[test]
fn an_entry_with_the_least_has_these_bytes() {
    let (command, previous) = ("c0".repeat(16), "33".repeat(32));
    let expect = format!("a8010102000361610450{command}05010601075820{previous}0880");
    let encoded = bare().encode().unwrap();
    assert_eq!(hex(&encoded.bytes), expect);
    assert_eq!(encoded.decode(), Ok(bare()));
}

#[test]
fn encodes_nothing_that_is_out_of_bounds() {
    let long = |length| "x".repeat(length);
    for (entry, field) in [
        (Entry { position: Position::ZERO, ..bare() }, Field::Position),
        (Entry { position: Position(POSITION_MAX + 1), ..bare() }, Field::Position),
        (Entry { actor: String::new(), ..bare() }, Field::Actor),
        (Entry { actor: long(ACTOR_BYTES_MAX + 1), ..bare() }, Field::Actor),
        (Entry { part: 0, ..bare() }, Field::Part),
        (Entry { part: 2, ..bare() }, Field::Part),
        (Entry { parts: 0, ..bare() }, Field::Part),
        (Entry { parts: PARTS_MAX + 1, ..bare() }, Field::Parts),
        (Entry { request: Some(String::new()), ..bare() }, Field::Request),
        (Entry { request: Some(long(REQUEST_BYTES_MAX + 1)), ..bare() }, Field::Request),
        (Entry { trace: Some(long(TRACE_BYTES_MAX + 1)), ..bare() }, Field::Trace),
    ] {
        assert_eq!(entry.encode(), Err(EncodeError::Bounds { field }), "{entry:?}");
        // The reader also refuses what a faulty writer would have stored.
        let mut bytes = Vec::new();
        entry.write(&mut Encoder::new(&mut bytes)).unwrap();
        assert_eq!(Entry::decode(&bytes), Err(DecodeError::Bounds { field }), "{entry:?}");
    }
}

#[test]
fn an_entry_may_be_as_large_as_a_tile_lets_it_be_and_no_larger() {
    let with = |length| Entry {
        changes: vec![Record { kind: 1, skippable: false, body: vec![0; length].into() }],
        ..bare()
    };
    let rest = with(60_000).encode().unwrap().bytes.len() - 60_000;
    let largest = with(ENTRY_BYTES_MAX - rest);
    let bytes = largest.encode().unwrap().bytes;
    assert_eq!(bytes.len(), ENTRY_BYTES_MAX);
    assert_eq!(Entry::decode(&bytes), Ok(largest));
    let over = with(ENTRY_BYTES_MAX - rest + 1);
    let bytes = ENTRY_BYTES_MAX + 1;
    assert_eq!(over.encode(), Err(EncodeError::TooLarge { bytes }));
    assert_eq!(Entry::decode(&vec![0; bytes]), Err(DecodeError::TooLarge { bytes }));
}

#[test]
fn an_entry_found_at_another_position_is_refused() {
    let found = Position(301);
    let entry = EntryBytes { position: found, ..full().encode().unwrap() };
    assert_eq!(entry.decode(), Err(DecodeError::Position { says: Position(300), found }));
}

/// The bare entry's bytes with one change.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Result<Entry, DecodeError> {
    let mut bytes = bare().encode().unwrap().bytes.to_vec();
    change(&mut bytes);
    Entry::decode(&bytes)
}

#[test]
fn skips_extensions_and_refuses_other_unknown_fields() {
    let append = |count: u8, more: &'static [u8]| {
        changed(|bytes| {
            bytes[0] += count;
            bytes.extend_from_slice(more);
        })
    };
    for (count, more) in [
        (1, &b"\x18\x40\x43abc"[..]),
        (1, b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x40"),
        (2, b"\x18\x40\x40\x18\x41\x41z"),
    ] {
        assert_eq!(append(count, more), Ok(bare()), "{more:02x?}");
    }
    for (count, more, expect) in [
        (1, &b"\x0c\x40"[..], DecodeError::UnknownKey { key: 12 }),
        (1, b"\x18\x3f\x40", DecodeError::UnknownKey { key: 63 }),
        (2, b"\x18\x41\x40\x18\x40\x40", DecodeError::Order { key: 64 }),
        (2, b"\x18\x40\x40\x18\x40\x40", DecodeError::Order { key: 64 }),
        (1, b"\x08\x80", DecodeError::Order { key: 8 }),
        (1, b"\x18\x40\x01", DecodeError::Form { at: 69 }),
        (1, b"\x18\x40\x58\x01z", DecodeError::Form { at: 69 }),
        (1, b"\x18\x09\x61a", DecodeError::Form { at: 67 }),
        (1, b"", DecodeError::Short { at: 67 }),
        (0, b"\x18\x40\x40", DecodeError::Trailing { bytes: 3 }),
    ] {
        assert_eq!(append(count, more), Err(expect), "{more:02x?}");
    }
}

#[test]
fn refuses_other_forms_of_the_same_entry() {
    for (change, expect) in [
        // The map's head in a longer form, and of indefinite length.
        (&(|b: &mut Vec<u8>| drop(b.splice(0..1, [0xb8, 8]))) as &dyn Fn(&mut Vec<u8>), at(0)),
        (&|b| b[0] = 0xbf, at(0)),
        (&|b| b[0] = 0x88, at(0)),
        // Position 1 in a longer form, and negative.
        (&|b| drop(b.splice(2..3, [0x18, 1])), at(2)),
        (&|b| b[2] = 0x20, at(2)),
        // The actor as bytes, and as text that isn't UTF-8.
        (&|b| b[6] = 0x41, at(6)),
        (&|b| b[7] = 0xff, at(6)),
        // A command id of 15 bytes.
        (&|b| b[9] = 0x4f, at(9)),
        // One field less than there should be; nothing at all.
        (&|b| b[0] = 0xa7, DecodeError::Missing { field: Field::Changes }),
        (&|b| b[0] = 0xa0, DecodeError::Missing { field: Field::Position }),
        (&Vec::clear, DecodeError::Short { at: 0 }),
        // More records than could fit.
        (
            &|b| drop(b.splice(66..67, [0x9a, 0xff, 0xff, 0xff, 0xff])),
            DecodeError::Short { at: 71 },
        ),
    ] {
        assert_eq!(changed(change), Err(expect));
    }
}

fn at(at: usize) -> DecodeError {
    DecodeError::Form { at }
}

/// The fields of bytes that begin with a value.
fn at_value(bytes: &[u8], read: impl FnOnce(&mut Fields<'_>)) {
    let all = Bytes::copy_from_slice(bytes);
    read(&mut Fields { all: &all, decoder: Decoder::new(&all), left: 0, key: None });
}

/// The integers of RFC 8949, appendix A, that fit an `i64`.
#[test]
fn writes_and_reads_the_integers_of_rfc_8949() {
    for (number, expect) in [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (100, "1864"),
        (1000, "1903e8"),
        (1_000_000, "1a000f4240"),
        (1_000_000_000_000, "1b000000e8d4a51000"),
        (-1, "20"),
        (-10, "29"),
        (-100, "3863"),
        (-1000, "3903e7"),
        (i64::MAX, "1b7fffffffffffffff"),
        (i64::MIN, "3b7fffffffffffffff"),
    ] {
        let mut bytes = Vec::new();
        Encoder::new(&mut bytes).i64(number).unwrap();
        assert_eq!(hex(&bytes), expect, "{number}");
        at_value(&bytes, |fields| assert_eq!(fields.value(), Ok(number)));
    }
}

#[test]
fn refuses_longer_forms_other_types_and_short_input() {
    let short = |at| DecodeError::Short { at };
    for (bytes, expect) in [
        (&[0x18, 23][..], at(0)),
        (&[0x19, 0, 0xff], at(0)),
        (&[0x1a, 0, 0, 0xff, 0xff], at(0)),
        (&[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], at(0)),
        (&[0x1c], at(0)),
        (&[0x1f], at(0)),
        (&[0x20], at(0)),
        (&[], short(0)),
        (&[0x18], short(1)),
        (&[0x1b, 1, 2, 3], short(4)),
    ] {
        at_value(bytes, |fields| assert_eq!(fields.value::<u64>(), Err(expect), "{bytes:02x?}"));
    }
    let endless = [0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    at_value(&endless, |fields| assert_eq!(fields.value::<&ByteSlice>(), Err(short(9))));
    at_value(&[0x58, 1, 0], |fields| assert_eq!(fields.value::<&ByteSlice>(), Err(at(0))));
    // In pieces, and of another length.
    let pieces = [0x5f, 0x41, 0, 0xff];
    at_value(&pieces, |fields| assert_eq!(fields.value::<&ByteSlice>(), Err(at(0))));
    at_value(&pieces, |fields| assert_eq!(fields.bytes_of::<1>(), Err(at(0))));
    at_value(&[0x42, 0, 0], |fields| assert_eq!(fields.bytes_of::<1>(), Err(at(0))));
    at_value(&[0x62, 0xff, 0xfe], |fields| assert_eq!(fields.value::<&str>(), Err(at(0))));
    at_value(&[0x3b, 0xff, 0, 0, 0, 0, 0, 0, 0], |fields| {
        assert_eq!(fields.value::<i64>(), Err(at(0)));
    });
    at_value(&[0xf6], |fields| assert_eq!(fields.value::<bool>(), Err(at(0))));
    at_value(&[0x98, 1], |fields| assert_eq!(fields.count(Decoder::array), Err(at(0))));
    at_value(&[0x9f], |fields| assert_eq!(fields.count(Decoder::array), Err(at(0))));
}

#[test]
fn a_moment_outside_the_calendar_is_refused() {
    let far = b"\x1b\x7f\xff\xff\xff\xff\xff\xff\xff";
    let result = changed(|bytes| drop(bytes.splice(4..5, far.iter().copied())));
    assert_eq!(result, Err(DecodeError::Bounds { field: Field::Moment }));
}

prop_compose! {
    fn records()(records in vec((any::<u16>(), any::<bool>(), vec(any::<u8>(), 0..300)), 0..20))
        -> Vec<Record> {
        records
            .into_iter()
            .map(|(kind, skippable, body)| Record { kind, skippable, body: body.into() })
            .collect()
    }
}

prop_compose! {
    fn entries()(
        position in 1..=POSITION_MAX,
        microseconds in -62_167_219_200_000_000..=253_402_300_799_999_999_i64,
        actor in "\\PC{1,60}",
        command: [u8; 16],
        (part, parts) in (1..=PARTS_MAX).prop_flat_map(|parts| (1..=parts, Just(parts))),
        (request, trace) in (option::of("\\PC{1,30}"), option::of("\\PC{1,30}")),
        idempotency in option::of(any::<([u8; 32], [u8; 32])>()),
        previous: [u8; 32],
        changes in records(),
    ) -> Entry {
        Entry {
            position: Position(position),
            moment: Moment::from_microseconds(microseconds).unwrap(),
            actor,
            command: CommandId(command),
            part,
            parts,
            request,
            trace,
            idempotency: idempotency
                .map(|(key, request)| Idempotency { key: Digest(key), request: Digest(request) }),
            previous: Digest(previous),
            changes,
        }
    }
}

proptest! {
    #[test]
    fn an_entry_comes_back_as_it_was_encoded(entry in entries()) {
        let encoded = entry.encode().unwrap();
        prop_assert_eq!(encoded.position, entry.position);
        prop_assert!(encoded.bytes.len() <= entry.length_max());
        prop_assert_eq!(encoded.decode(), Ok(entry.clone()));
        prop_assert_eq!(Entry::decode(&encoded.bytes), Ok(entry));
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes: Vec<u8>) {
        prop_assert!(Entry::decode(&bytes).is_err());
    }

    /// Bytes that can be decoded are the only encoding of the result, with or without extensions.
    #[test]
    fn changed_bytes_are_refused_or_another_entrys_own(
        entry in entries(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = entry.encode().unwrap().bytes.to_vec();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(entry) = Entry::decode(&bytes) {
            let again = entry.encode().unwrap().bytes;
            prop_assert!(bytes[1..].starts_with(&again[1..]));
            prop_assert_eq!(bytes[0] > again[0], bytes.len() > again.len());
        }
    }

    #[test]
    fn cut_bytes_are_refused(entry in entries(), index: prop::sample::Index) {
        let bytes = entry.encode().unwrap().bytes;
        let end = index.index(bytes.len());
        prop_assert!(Entry::decode(&bytes[..end]).is_err());
    }
}
