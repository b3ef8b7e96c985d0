#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

mod golden;
mod laws;

use muster_words::{Digest, Position};

use super::*;

/// A content with every field.
fn older() -> ContentName {
    ContentName { digest: Digest([0xaa; 32]), size: 2_048, at: Some(Position(871)) }
}

/// A content that is stored with the change itself.
fn new() -> ContentName {
    ContentName { digest: Digest([0xbb; 32]), size: 70_000, at: None }
}

fn created() -> Moment {
    Moment::from_microseconds(1_700_000_000_000_000).unwrap()
}

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

fn xid(text: &str) -> Xid {
    text.parse().unwrap()
}

/// One change of every kind, with all optional fields.
fn full() -> Vec<Change> {
    let (created, modified) = (created(), created().next());
    vec![
        Change::RegistryOpened(RegistryOpened {
            registry: id("r1"),
            ledger: "changes".to_owned(),
            format: 1,
        }),
        Change::RegistryWritten(RegistryWritten {
            attributes: Some(older()),
            epoch: 300,
            created,
            modified,
        }),
        Change::ModelWritten(ModelWritten { source: new() }),
        Change::CapabilitiesWritten(CapabilitiesWritten { capabilities: new() }),
        Change::GroupWritten(GroupWritten {
            group: xid("/dirs/d1"),
            attributes: Some(new()),
            epoch: 2,
            created,
            modified,
        }),
        Change::MetaWritten(MetaWritten {
            resource: xid("/dirs/d1/files/f1"),
            attributes: Some(new()),
            epoch: 3,
            created,
            modified,
            default: id("v1"),
            sticky: true,
            last_number: 7,
        }),
        Change::VersionWritten(full_version()),
        Change::Hidden(Hidden { xid: xid("/dirs/d1") }),
        Change::Restored(Restored { xid: xid("/dirs/d1") }),
        Change::Purged(Purged { xid: xid("/dirs/d1") }),
        Change::MembersMoved(MembersMoved { parent: Xid::Registry, epoch: 9, modified }),
        Change::KeyCreated(KeyCreated {
            id: id("k1"),
            record: new(),
            limited: Some(true),
            expires: Some(created.microseconds()),
        }),
        Change::KeyRevoked(KeyRevoked { id: id("k1") }),
        Change::Answered(CommandAnswered {
            outcome: Outcome::Created,
            subject: xid("/dirs/d1"),
            shown: Some(RecordedAnswerSubject::Members),
            members: vec![xid("/dirs/d1"), xid("/dirs/d1/files/f1")],
        }),
        Change::KeyForgotten(KeyForgotten { id: id("k1") }),
        Change::Explained(Explained { message: new() }),
        Change::LedgerMoved(LedgerMoved {
            ledger: "changes-1a2b3c4d".to_owned(),
            former_key: "r1/changes+7d8e9f00+AQ==".to_owned(),
            checkpoint: new(),
        }),
        Change::SchemaRegistered(SchemaRegistered {
            version: xid("/schemagroups/g/schemas/s/versions/2"),
            id: 100_001,
            guid: SchemaGuid([0xcc; 16]),
            registered: 1_700_000_000_000,
            references: vec![xid("/schemagroups/g/schemas/t/versions/1")],
            subject: Some("a/b".to_owned()),
        }),
        Change::DocumentSynced(full_sync()),
    ]
}

fn full_sync() -> DocumentSynced {
    let vector = [(id("r2"), Position(7)), (id("r1"), Position(300))];
    DocumentSynced {
        resource: xid("/dirs/d1/files/f1"),
        vector: VersionVector::new(vector).unwrap(),
        sync: id("s1"),
        origin: Some(DocumentOrigin {
            registry: id("r2"),
            position: Position(7),
            moment: created(),
        }),
    }
}

fn full_version() -> VersionWritten {
    VersionWritten {
        version: xid("/dirs/d1/files/f1/versions/v2"),
        attributes: Some(older()),
        epoch: 4,
        created: created(),
        modified: created().next(),
        ancestor: id("v1"),
        document: Some(new()),
        content_type: Some("text/plain".to_owned()),
        state: Lifecycle::Deprecated,
    }
}

/// The changes with optional fields, without those fields.
fn least() -> Vec<Change> {
    let (created, modified) = (created(), created().next());
    vec![
        Change::RegistryWritten(RegistryWritten {
            attributes: None,
            epoch: 1,
            created: Moment::from_microseconds(-1).unwrap(),
            modified: Moment::EPOCH,
        }),
        Change::GroupWritten(GroupWritten {
            group: xid("/dirs/d1"),
            attributes: None,
            epoch: 2,
            created,
            modified,
        }),
        Change::MetaWritten(MetaWritten {
            resource: xid("/dirs/d1/files/f1"),
            attributes: None,
            epoch: 3,
            created,
            modified,
            default: id("v1"),
            sticky: false,
            last_number: 0,
        }),
        Change::VersionWritten(VersionWritten {
            version: xid("/dirs/d1/files/f1/versions/v2"),
            attributes: None,
            epoch: 4,
            created,
            modified,
            ancestor: id("v2"),
            document: None,
            content_type: None,
            state: Lifecycle::Stable,
        }),
        Change::Answered(CommandAnswered {
            outcome: Outcome::Created,
            subject: xid("/dirs/d1"),
            shown: None,
            members: Vec::new(),
        }),
        Change::KeyCreated(KeyCreated {
            id: id("k1"),
            record: new(),
            limited: None,
            expires: None,
        }),
        Change::SchemaRegistered(SchemaRegistered {
            version: xid("/schemagroups/g/schemas/s/versions/2"),
            id: 1,
            guid: SchemaGuid([0xcc; 16]),
            registered: 0,
            references: Vec::new(),
            subject: None,
        }),
        Change::DocumentSynced(DocumentSynced {
            resource: xid("/dirs/d1/files/f1"),
            vector: VersionVector::default(),
            sync: id("s1"),
            origin: None,
        }),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
