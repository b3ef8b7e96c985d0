#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use bytes::Bytes;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::Record;

/// An entry of the command `command`, at this many microseconds.
fn entry(command: u8, moment: i64, part: u32, parts: u32) -> Entry {
    Entry {
        position: Position::ZERO,
        moment: Moment::from_microseconds(moment).unwrap(),
        actor: "a".to_owned(),
        command: CommandId([command; 16]),
        part,
        parts,
        request: None,
        trace: None,
        idempotency: None,
        previous: Head::EMPTY.hash,
        changes: vec![Record { kind: 1, skippable: false, body: Bytes::from_static(b"\xa0") }],
    }
}

/// Chains entries, with the right positions and hashes.
fn chain(entries: impl IntoIterator<Item = Entry>) -> Vec<EntryBytes> {
    let mut head = Head::EMPTY;
    let mut chained = Vec::new();
    for entry in entries {
        let entry = Entry { position: head.position.next(), previous: head.hash, ..entry };
        chained.push(entry.encode().unwrap());
        head = Head::after(chained.last().unwrap());
    }
    chained
}

/// Walks along all of them.
fn walk(entries: &[EntryBytes]) -> Result<ChainWalk, ChainFault> {
    let mut walk = ChainWalk::new(Head::EMPTY);
    for entry in entries {
        walk.step(entry)?;
    }
    walk.end().map(|_| walk)
}

/// Four entries of three commands.
fn good() -> Vec<Entry> {
    vec![entry(1, 10, 1, 1), entry(2, 11, 1, 2), entry(2, 11, 2, 2), entry(3, 20, 1, 1)]
}

#[test]
fn walks_along_a_sound_ledger_and_keeps_its_tree() {
    let entries = chain(good());
    let walk = walk(&entries).unwrap();
    assert_eq!(walk.head(), Head::after(&entries[3]));
    let leaves: Vec<_> = entries.iter().map(EntryBytes::leaf).collect();
    assert_eq!(walk.tree(), Some(&MerkleTree::of(&leaves)));
    assert_eq!(walk.moment(), Moment::from_microseconds(20).ok());
    assert!(walk.is_between_commands());
}

#[test]
fn walks_on_from_any_head_without_a_tree() {
    let entries = chain(good());
    let mut walk = ChainWalk::new(Head::after(&entries[0]));
    for entry in &entries[1..] {
        walk.step(entry).unwrap();
    }
    assert_eq!(walk.end(), Ok(Head::after(&entries[3])));
    assert_eq!(walk.tree(), None);
}

#[test]
fn an_empty_ledger_is_sound() {
    assert_eq!(ChainWalk::new(Head::EMPTY).end(), Ok(Head::EMPTY));
}

#[test]
fn names_the_first_entry_that_breaks_a_rule() {
    let moment = |microseconds| Moment::from_microseconds(microseconds).unwrap();
    let [one, two, three] = [1, 2, 3].map(Position);
    let commands = |a, b| (CommandId([a; 16]), CommandId([b; 16]));
    let (command, found) = commands(1, 2);
    for (entries, expect) in [
        (
            vec![entry(1, 10, 1, 1), entry(2, 10, 1, 1)],
            ChainFault::Moment { position: two, last: moment(10), says: moment(10) },
        ),
        (
            vec![entry(1, 10, 1, 1), entry(2, 9, 1, 1)],
            ChainFault::Moment { position: two, last: moment(10), says: moment(9) },
        ),
        (
            vec![entry(1, 10, 1, 2), entry(1, 11, 2, 2)],
            ChainFault::Moment { position: two, last: moment(10), says: moment(11) },
        ),
        (
            vec![entry(1, 10, 2, 2)],
            ChainFault::Part { position: one, expected: 1, part: 2, parts: 2 },
        ),
        (
            vec![entry(1, 10, 1, 3), entry(1, 10, 3, 3)],
            ChainFault::Part { position: two, expected: 2, part: 3, parts: 3 },
        ),
        (
            vec![entry(1, 10, 1, 3), entry(1, 10, 2, 3), entry(1, 10, 2, 3)],
            ChainFault::Part { position: three, expected: 3, part: 2, parts: 3 },
        ),
        (
            vec![entry(1, 10, 1, 2), entry(1, 10, 2, 3)],
            ChainFault::Parts { position: two, expected: 2, parts: 3 },
        ),
        (
            vec![entry(1, 10, 1, 2), entry(2, 10, 2, 2)],
            ChainFault::Interrupted { position: two, command, found },
        ),
        (
            vec![entry(1, 10, 1, 3), entry(1, 10, 2, 3)],
            ChainFault::Unfinished { position: two, part: 2, parts: 3 },
        ),
    ] {
        let fault = walk(&chain(entries)).unwrap_err();
        assert_eq!(fault.position(), expect.position());
        assert_eq!(fault, expect);
    }
}

#[test]
fn a_missing_or_repeated_entry_is_named() {
    let entries = chain(good());
    let without_first = ChainFault::Position { position: Position(1), found: Position(2) };
    assert_eq!(walk(&entries[1..]).unwrap_err(), without_first);
    let twice = [entries[0].clone(), entries[0].clone()];
    let repeated = ChainFault::Position { position: Position(2), found: Position(1) };
    assert_eq!(walk(&twice).unwrap_err(), repeated);
}

#[test]
fn an_entry_that_was_replaced_is_seen_at_the_next_one() {
    let mut entries = chain(good());
    let first = entries[0].decode().unwrap();
    entries[0] = Entry { actor: "b".to_owned(), ..first }.encode().unwrap();
    let expected = entries[0].leaf();
    let says = entries[1].decode().unwrap().previous;
    let fault = ChainFault::Previous { position: Position(2), expected, says };
    assert_eq!(walk(&entries).unwrap_err(), fault);
}

#[test]
fn bytes_that_do_not_decode_are_named() {
    let mut entries = chain(good());
    entries[2].bytes = entries[2].bytes.slice(..10);
    let source = DecodeError::Short { at: 10 };
    let fault = ChainFault::Undecodable { position: Position(3), source };
    assert_eq!(walk(&entries).unwrap_err(), fault);
}

#[test]
fn a_fault_leaves_the_walk_where_it_was() {
    let entries = chain(good());
    let mut walk = ChainWalk::new(Head::EMPTY);
    walk.step(&entries[0]).unwrap();
    assert!(walk.step(&entries[2]).is_err());
    assert_eq!(walk.end(), Ok(Head::after(&entries[0])));
    for entry in &entries[1..] {
        walk.step(entry).unwrap();
    }
    assert_eq!(walk.end(), Ok(Head::after(&entries[3])));
}

proptest! {
    /// A ledger of random commands is valid. If any single bit is changed, it isn't, or its last
    /// entry is different.
    #[test]
    fn no_changed_bit_goes_unseen(
        commands in vec((1_u32..4, 1_i64..5), 1..12),
        at: prop::sample::Index, within: prop::sample::Index, bit in 0_u32..8,
    ) {
        let mut moment = 0;
        let entries = commands.iter().enumerate().flat_map(|(command, (parts, later))| {
            moment += later;
            (1..=*parts).map(move |part| entry(command as u8, moment, part, *parts))
        });
        let mut entries = chain(entries);
        let sound = walk(&entries).unwrap();
        let at = at.index(entries.len());
        let mut bytes = entries[at].bytes.to_vec();
        let within = within.index(bytes.len());
        bytes[within] ^= 1_u8 << bit;
        entries[at].bytes = bytes.into();
        match walk(&entries) {
            Ok(other) => {
                prop_assert_eq!(at, entries.len() - 1);
                prop_assert_ne!(other.head(), sound.head());
                prop_assert_ne!(other.tree(), sound.tree());
            }
            Err(fault) => {
                let position = fault.position().0 as usize;
                prop_assert!(position == at + 1 || position == at + 2, "{} {}", position, at);
            }
        }
    }
}
