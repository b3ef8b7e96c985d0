use muster_words::{Digest, Position};
use proptest::{collection::vec, option, prelude::*};

use super::*;

fn an_id() -> impl Strategy<Value = Id> {
    "[A-Za-z0-9_][A-Za-z0-9._~:@-]{0,20}".prop_map(|text| text.parse().unwrap())
}

fn an_xid() -> impl Strategy<Value = Xid> {
    let ids = (an_id(), an_id(), an_id(), an_id(), an_id());
    (0..5_u8, ids).prop_map(|(level, (groups, group, resources, resource, version))| match level {
        0 => Xid::Registry,
        1 => Xid::Group { groups, group },
        2 => Xid::Resource { groups, group, resources, resource },
        3 => Xid::Meta { groups, group, resources, resource },
        _ => Xid::Version { groups, group, resources, resource, version },
    })
}

fn a_moment() -> impl Strategy<Value = Moment> {
    let range = -62_167_219_200_000_000..=253_402_300_799_999_999_i64;
    range.prop_map(|number| Moment::from_microseconds(number).unwrap())
}

fn a_content() -> impl Strategy<Value = ContentName> {
    (any::<[u8; 32]>(), any::<u32>(), option::of(any::<u64>())).prop_map(|(digest, size, at)| {
        ContentName { digest: Digest(digest), size, at: at.map(Position) }
    })
}

fn a_state() -> impl Strategy<Value = Lifecycle> {
    proptest::sample::select(Lifecycle::ALL.to_vec())
}

fn a_shown() -> impl Strategy<Value = Option<RecordedAnswerSubject>> {
    let all = [
        RecordedAnswerSubject::Nothing,
        RecordedAnswerSubject::Members,
        RecordedAnswerSubject::Model,
        RecordedAnswerSubject::Capabilities,
    ];
    proptest::option::of(proptest::sample::select(all.to_vec()))
}

fn an_outcome() -> impl Strategy<Value = Outcome> {
    proptest::sample::select(vec![Outcome::Created, Outcome::Updated, Outcome::Removed])
}

/// The fields that most changes have.
fn a_stem() -> impl Strategy<Value = (Xid, Option<ContentName>, u64, Moment, Moment)> {
    (an_xid(), option::of(a_content()), any::<u64>(), a_moment(), a_moment())
}

fn a_written() -> impl Strategy<Value = Change> {
    let meta = (a_stem(), an_id(), any::<bool>(), any::<u64>());
    let version =
        (a_stem(), an_id(), option::of(a_content()), option::of("[ -~é]{0,40}"), a_state());
    prop_oneof![
        a_stem().prop_map(|(_, attributes, epoch, created, modified)| {
            Change::RegistryWritten(RegistryWritten { attributes, epoch, created, modified })
        }),
        a_stem().prop_map(|(group, attributes, epoch, created, modified)| {
            Change::GroupWritten(GroupWritten { group, attributes, epoch, created, modified })
        }),
        meta.prop_map(|(stem, default, sticky, last_number)| {
            let (resource, attributes, epoch, created, modified) = stem;
            Change::MetaWritten(MetaWritten {
                resource,
                attributes,
                epoch,
                created,
                modified,
                default,
                sticky,
                last_number,
            })
        }),
        version.prop_map(|(stem, ancestor, document, content_type, state)| {
            let (version, attributes, epoch, created, modified) = stem;
            Change::VersionWritten(VersionWritten {
                version,
                attributes,
                epoch,
                created,
                modified,
                ancestor,
                document,
                content_type,
                state,
            })
        }),
    ]
}

fn a_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => a_written(),
        1 => (an_id(), ".{0,20}", any::<u32>()).prop_map(|(registry, ledger, format)| {
            Change::RegistryOpened(RegistryOpened { registry, ledger, format })
        }),
        1 => a_content().prop_map(|source| Change::ModelWritten(ModelWritten { source })),
        1 => a_content().prop_map(|capabilities| {
            Change::CapabilitiesWritten(CapabilitiesWritten { capabilities })
        }),
        1 => an_xid().prop_map(|xid| Change::Hidden(Hidden { xid })),
        1 => an_xid().prop_map(|xid| Change::Restored(Restored { xid })),
        1 => an_xid().prop_map(|xid| Change::Purged(Purged { xid })),
        1 => a_stem().prop_map(|(parent, _, epoch, _, modified)| {
            Change::MembersMoved(MembersMoved { parent, epoch, modified })
        }),
        1 => (an_id(), a_content(), any::<Option<bool>>(), any::<Option<i64>>()).prop_map(
            |(id, record, limited, expires)| {
                Change::KeyCreated(KeyCreated { id, record, limited, expires })
            },
        ),
        1 => an_id().prop_map(|id| Change::KeyRevoked(KeyRevoked { id })),
        1 => an_id().prop_map(|id| Change::KeyForgotten(KeyForgotten { id })),
        1 => a_content().prop_map(|message| Change::Explained(Explained { message })),
        1 => (".{0,20}", ".{0,40}", a_content()).prop_map(|(ledger, former_key, checkpoint)| {
            Change::LedgerMoved(LedgerMoved { ledger, former_key, checkpoint })
        }),
        1 => (an_outcome(), an_xid(), a_shown(), proptest::collection::vec(an_xid(), 0..4))
            .prop_map(|(outcome, subject, shown, members)| {
                Change::Answered(CommandAnswered { outcome, subject, shown, members })
            }),
        1 => (an_xid(), a_vector(), an_id(), option::of(an_origin())).prop_map(
            |(resource, vector, sync, origin)| {
                Change::DocumentSynced(DocumentSynced { resource, vector, sync, origin })
            },
        ),
    ]
}

fn a_vector() -> impl Strategy<Value = VersionVector> {
    let one = (an_id(), (1..=u64::MAX).prop_map(Position));
    vec(one, 0..5).prop_map(|all| VersionVector::new(all).unwrap())
}

fn an_origin() -> impl Strategy<Value = DocumentOrigin> {
    (an_id(), any::<u64>(), a_moment()).prop_map(|(registry, position, moment)| DocumentOrigin {
        registry,
        position: Position(position),
        moment,
    })
}

/// Bytes either encode exactly one change, or are invalid.
fn is_sound(kind: u16, body: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(change) = Change::decode(kind, body) {
        let (again, bytes) = change.encode();
        prop_assert_eq!((again, &*bytes), (kind, body));
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_change_comes_back(change in a_change()) {
        let (kind, body) = change.encode();
        prop_assert_eq!(Change::decode(kind, &body), Ok(change));
    }

    #[test]
    fn a_change_names_its_contents_in_the_order_of_its_fields(change in a_change()) {
        let contents: Vec<ContentName> = change.contents().collect();
        prop_assert!(contents.len() <= 2);
        for named in contents {
            let entry = Position(77);
            prop_assert_eq!(named.resolve(entry).position, named.at.unwrap_or(entry));
        }
    }

    #[test]
    fn any_bytes_give_a_change_or_an_error(kind in 0..21_u16, body in vec(any::<u8>(), 0..200)) {
        is_sound(kind, &body)?;
    }

    #[test]
    fn bytes_that_were_tampered_with_give_a_change_or_an_error(
        change in a_change(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<proptest::sample::Index>(),
        other in 1..20_u16,
    ) {
        let (kind, body) = change.encode();
        let mut tampered = body.to_vec();
        let place = at.index(tampered.len());
        tampered[place] = byte;
        is_sound(kind, &tampered)?;
        is_sound(other, &body)?;
        let cut = cut.index(body.len());
        prop_assert!(Change::decode(kind, &body[..cut]).is_err());
    }

    #[test]
    fn nothing_may_follow_a_change(change in a_change(), more in vec(any::<u8>(), 1..9)) {
        let (kind, body) = change.encode();
        let body = [&*body, &more].concat();
        prop_assert_eq!(Change::decode(kind, &body), Err(ChangeError::NotCanonical(kind)));
    }
}

#[test]
fn other_ways_to_write_the_same_are_refused() {
    for (kind, body, why) in [
        (8, "bf00682f646972732f6431ff", "a map without a length"),
        (8, "b80100682f646972732f6431", "a length in more bytes than it needs"),
        (8, "a11800682f646972732f6431", "a key in more bytes than it needs"),
        (8, "a10078082f646972732f6431", "a text's length in more bytes than it needs"),
        (8, "a1007f642f64697264732f6431ff", "a text in pieces"),
        (8, "a200682f646972732f64310100", "a field that this release doesn't know"),
        (8, "a200612f00612f", "a field twice"),
        (13, "81626b31", "an array for a map"),
        (11, "a301090200 00612f", "fields in another order"),
        (11, "a300612f01180902 00", "a number in more bytes than it needs"),
        (2, "a400f6010102000300", "null for what is absent"),
        (14, "a2000401612f", "an outcome that nobody has written"),
        (14, "a2000001612f", "an outcome of zero"),
        (8, "a100692f646972732f64312f", "an xid that ends with a slash"),
        (8, "a10067646972732f6431", "an xid without its slash"),
        (8, "a1006a2f646972732f64ff3100", "a text that isn't UTF-8"),
        (3, "a100a2005801aa0101", "a digest of one byte"),
        (3, "a100a1011a00011170", "a content without a digest"),
        (2, "a301010220031bffffffffffffffff", "a moment beyond the year 9999"),
        (19, "a300612f01a262723207627231 07 02627331", "a vector whose ids aren't sorted"),
        (19, "a300612f01a26272310762723107 02627331", "a registry twice in a vector"),
        (19, "a300612f01a162723100 02627331", "a position of zero in a vector"),
        (8, "a0", "nothing where an xid is due"),
        (8, "", "no bytes at all"),
    ] {
        let body = body.replace(' ', "");
        let body: Vec<u8> = (0..body.len() / 2)
            .map(|at| u8::from_str_radix(&body[at * 2..at * 2 + 2], 16).unwrap())
            .collect();
        let found = Change::decode(kind, &body);
        assert!(found.is_err(), "{why}: {found:?}");
    }
}

#[test]
fn bytes_that_nest_deeply_are_refused_without_harm() {
    // An unknown field with arrays that are nested 60,000 deep.
    for open in [0x81_u8, 0x9f, 0xc1, 0xa1] {
        let mut body = b"\xa2\x00\x61\x2f\x01".to_vec();
        body.resize(60_000, open);
        assert!(Change::decode(8, &body).is_err());
    }
}
