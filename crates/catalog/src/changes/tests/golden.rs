//! Bytes as they are in existing ledgers. They were written from the table at the head of the
//! module with an independent encoder, and must not be changed.

use super::*;

/// The contents [`older`] and [`new`] within a change.
const OLDER: &str =
    "a3005820aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0119080002190367";
const NEW: &str =
    "a2005820bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb011a00011170";

/// The moment [`created`] and the one after it.
const CREATED: &str = "1b00060a24181e4000";
const MODIFIED: &str = "1b00060a24181e4001";

/// `/dirs/d1`, `/dirs/d1/files/f1` and its version `v2`, as texts.
const GROUP: &str = "682f646972732f6431";
const RESOURCE: &str = "712f646972732f64312f66696c65732f6631";
const VERSION: &str = "781d2f646972732f64312f66696c65732f66312f76657273696f6e732f7632";

/// `changes-1a2b3c4d` and `r1/changes+7d8e9f00+AQ==`, as texts.
const LEDGER: &str = "706368616e6765732d3161326233633464";
const KEY: &str = "781872312f6368616e6765732b37643865396630302b41513d3d";

fn bytes(fields: &[&str]) -> String {
    fields.concat()
}

const SCHEMA: &str = "78242f736368656d6167726f7570732f672f736368656d61732f732f76657273696f6e732f32";
const OTHER_SCHEMA: &str =
    "78242f736368656d6167726f7570732f672f736368656d61732f742f76657273696f6e732f31";
const GUID: &str = "50cccccccccccccccccccccccccccccccc";

#[test]
fn every_kind_has_its_number_and_its_bytes_with_every_field() {
    let times = format!("03{CREATED}04{MODIFIED}");
    let expect = [
        (1, bytes(&["a3", "00627231", "01676368616e676573", "0201"])),
        (2, bytes(&["a4", "00", OLDER, "0119012c", "02", CREATED, "03", MODIFIED])),
        (3, bytes(&["a1", "00", NEW])),
        (4, bytes(&["a1", "00", NEW])),
        (5, bytes(&["a5", "00", GROUP, "01", NEW, "0202", &times])),
        (6, bytes(&["a8", "00", RESOURCE, "01", NEW, "0203", &times, "05627631", "06f5", "0707"])),
        (7, {
            let head = bytes(&["a9", "00", VERSION, "01", OLDER, "0204", &times, "05627631"]);
            bytes(&[&head, "06", NEW, "076a746578742f706c61696e", "0804"])
        }),
        (8, bytes(&["a1", "00", GROUP])),
        (9, bytes(&["a1", "00", GROUP])),
        (10, bytes(&["a1", "00", GROUP])),
        (11, bytes(&["a3", "00612f", "0109", "02", MODIFIED])),
        (12, bytes(&["a4", "00626b31", "01", NEW, "02f5", "03", CREATED])),
        (13, bytes(&["a1", "00626b31"])),
        (14, bytes(&["a4", "0001", "01", GROUP, "0202", "0382", GROUP, RESOURCE])),
        (15, bytes(&["a1", "00626b31"])),
        (16, bytes(&["a1", "00", NEW])),
        (17, bytes(&["a3", "00", LEDGER, "01", KEY, "02", NEW])),
        (18, {
            let head = bytes(&["a6", "00", SCHEMA, "011a000186a1", "02", GUID]);
            bytes(&[&head, "031b0000018bcfe56800", "0481", OTHER_SCHEMA, "0563612f62"])
        }),
        (19, {
            let head = bytes(&["a4", "00", RESOURCE, "01a262723119012c62723207", "02627331"]);
            bytes(&[&head, "03a300627232010702", CREATED])
        }),
    ];
    let changes = full();
    assert_eq!(changes.len(), expect.len());
    for (change, (kind, body)) in changes.into_iter().zip(expect) {
        let (found, encoded) = change.encode();
        assert_eq!((found, hex(&encoded)), (kind, body), "{change:?}");
        assert_eq!(Change::decode(kind, &encoded), Ok(change));
    }
}

#[test]
fn what_is_absent_has_no_bytes() {
    let times = format!("03{CREATED}04{MODIFIED}");
    let expect = [
        (2, bytes(&["a3", "0101", "0220", "0300"])),
        (5, bytes(&["a4", "00", GROUP, "0202", &times])),
        (6, bytes(&["a7", "00", RESOURCE, "0203", &times, "05627631", "06f4", "0700"])),
        (7, bytes(&["a6", "00", VERSION, "0204", &times, "05627632", "0803"])),
        (14, bytes(&["a2", "0001", "01", GROUP])),
        (12, bytes(&["a2", "00626b31", "01", NEW])),
        (18, bytes(&["a4", "00", SCHEMA, "0101", "02", GUID, "0300"])),
        (19, bytes(&["a3", "00", RESOURCE, "01a0", "02627331"])),
    ];
    for (change, (kind, body)) in least().into_iter().zip(expect) {
        let (found, encoded) = change.encode();
        assert_eq!((found, hex(&encoded)), (kind, body), "{change:?}");
        assert_eq!(Change::decode(kind, &encoded), Ok(change));
    }
}

#[test]
fn outcomes_and_states_have_frozen_numbers() {
    let outcomes = [(Outcome::Created, "01"), (Outcome::Updated, "02"), (Outcome::Removed, "03")];
    for (outcome, number) in outcomes {
        let (shown, members) = (None, Vec::new());
        let change =
            Change::Answered(CommandAnswered { outcome, subject: Xid::Registry, shown, members });
        assert_eq!(hex(&change.encode().1), format!("a200{number}01612f"));
    }
    let shown = [
        (RecordedAnswerSubject::Nothing, "01"),
        (RecordedAnswerSubject::Members, "02"),
        (RecordedAnswerSubject::Model, "03"),
        (RecordedAnswerSubject::Capabilities, "04"),
    ];
    for (shown, number) in shown {
        let (outcome, members) = (Outcome::Updated, Vec::new());
        let (subject, shown) = (Xid::Registry, Some(shown));
        let change = Change::Answered(CommandAnswered { outcome, subject, shown, members });
        assert_eq!(hex(&change.encode().1), format!("a3000201612f02{number}"));
    }
    let states = [
        (Lifecycle::Draft, "01"),
        (Lifecycle::Review, "02"),
        (Lifecycle::Stable, "03"),
        (Lifecycle::Deprecated, "04"),
        (Lifecycle::Retired, "05"),
    ];
    for (state, number) in states {
        let change = Change::VersionWritten(VersionWritten { state, ..full_version() });
        assert!(hex(&change.encode().1).ends_with(&format!("08{number}")), "{state}");
    }
}

#[test]
fn kinds_that_nobody_has_written_are_unknown() {
    for kind in (0..=0).chain(20..=u16::MAX) {
        assert_eq!(Change::decode(kind, b"\xa0"), Err(ChangeError::Unknown(kind)));
    }
}
