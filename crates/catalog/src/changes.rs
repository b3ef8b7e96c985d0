//! Changes: the frozen facts in an entry, which record decisions.
//!
//! Rules of this file, because written bytes must be readable for ever:
//! 1. The number of a kind or a field never changes its meaning and is never reused.
//! 2. A field that is added later is optional; its absence means the earlier behaviour.
//! 3. A change records decisions (ids, epochs, times, defaults), never requests.
//! 4. The golden bytes in this module's tests must not be changed.
//!
//! | kind | change | fields (CBOR map keys) |
//! |---|---|---|
//! | 1 | registry opened | 0 registry id, 1 ledger name, 2 format |
//! | 2 | registry written | 0 attributes, 1 epoch, 2 createdat, 3 modifiedat |
//! | 3 | model written | 0 source |
//! | 4 | capabilities written | 0 capabilities |
//! | 5 | group written | 0 group, 1 attributes, 2 epoch, 3 createdat, 4 modifiedat |
//! | 6 | meta written | 0 resource, 1 attributes, 2 epoch, 3 createdat, 4 modifiedat, 5 default version, 6 sticky, 7 last number |
//! | 7 | version written | 0 version, 1 attributes, 2 epoch, 3 createdat, 4 modifiedat, 5 ancestor, 6 document, 7 contenttype, 8 state |
//! | 8 | hidden | 0 xid |
//! | 9 | restored | 0 xid |
//! | 10 | purged | 0 xid |
//! | 11 | members moved | 0 parent, 1 epoch, 2 modifiedat |
//! | 12 | key created | 0 id, 1 record, 2 limited, 3 expires |
//! | 13 | key revoked | 0 id |
//! | 14 | answered | 0 outcome, 1 subject, 2 shown, 3 members |
//! | 15 | key forgotten | 0 id |
//! | 16 | explained | 0 message |
//! | 17 | ledger moved | 0 ledger name, 1 former key, 2 checkpoint |
//! | 18 | schema registered | 0 version, 1 id, 2 guid, 3 registered, 4 references, 5 subject |
//! | 19 | document synced | 0 resource, 1 vector, 2 sync, 3 origin (absent: this command) |
//!
//! A content is a map: 0 digest (32 bytes), 1 size, 2 position of the entry that stores it
//! (absent: this entry). A vector is a map of registry ids to positions, sorted by id. An origin is a
//! map: 0 registry id, 1 position, 2 moment.

mod codec;

pub use codec::ChangeError;
use minicbor::{Decode, Encode};
use muster_schema::SchemaGuid;
use muster_words::{Digest, Id, Moment, Position, Xid};

use crate::{
    Content, Lifecycle,
    sync::{DocumentOrigin, VersionVector},
};

/// The format of a ledger's changes, which its first entry names.
pub const FORMAT: u32 = 1;

/// A content, as a change names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ContentName {
    /// SHA-256 of the bytes.
    #[cbor(n(0), with = "codec::digest")]
    pub digest: Digest,
    /// The number of bytes.
    #[n(1)]
    pub size: u32,
    /// The position of the entry that stores the bytes; none means the entry with this change.
    #[cbor(n(2), with = "codec::position", has_nil)]
    pub at: Option<Position>,
}

impl ContentName {
    /// A content that is stored with this command.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        // A content is at most 4 MiB (a document) or 8 MiB (a body), so its size fits.
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self { digest: Digest::of(bytes), size, at: None }
    }

    /// The content for the catalog, once the entry's position is known.
    #[must_use]
    pub fn resolve(self, entry: Position) -> Content {
        Content { position: self.at.unwrap_or(entry), digest: self.digest, size: self.size }
    }
}

impl From<Content> for ContentName {
    fn from(content: Content) -> Self {
        Self { digest: content.digest, size: content.size, at: Some(content.position) }
    }
}

/// The genesis: the first change of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegistryOpened {
    /// The registry's id.
    #[cbor(n(0), with = "codec::id")]
    pub registry: Id,
    /// The ledger's name, such as `changes`.
    #[n(1)]
    pub ledger: String,
    /// The format version of the ledger.
    #[n(2)]
    pub format: u32,
}

/// The registry's own attributes were written.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegistryWritten {
    /// The attributes that clients set, as canonical JSON; none if there are none.
    #[n(0)]
    pub attributes: Option<ContentName>,
    /// The registry's epoch.
    #[n(1)]
    pub epoch: u64,
    /// When it was created.
    #[cbor(n(2), with = "codec::moment")]
    pub created: Moment,
    /// When it was last modified.
    #[cbor(n(3), with = "codec::moment")]
    pub modified: Moment,
}

/// The user's model was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ModelWritten {
    /// The model's source as the user sent it.
    #[n(0)]
    pub source: ContentName,
}

impl ModelWritten {
    /// The number of this kind of change.
    pub const KIND: u16 = 3;
}

/// The capabilities were replaced.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CapabilitiesWritten {
    /// The capabilities as canonical JSON.
    #[n(0)]
    pub capabilities: ContentName,
}

/// A group was created or written.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct GroupWritten {
    /// The group.
    #[cbor(n(0), with = "codec::xid")]
    pub group: Xid,
    /// The attributes that clients set, as canonical JSON; none if there are none.
    #[n(1)]
    pub attributes: Option<ContentName>,
    /// Its epoch.
    #[n(2)]
    pub epoch: u64,
    /// When it was created.
    #[cbor(n(3), with = "codec::moment")]
    pub created: Moment,
    /// When it was last modified.
    #[cbor(n(4), with = "codec::moment")]
    pub modified: Moment,
}

/// A resource was created, or its Meta, its default version or its epoch changed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MetaWritten {
    /// The resource.
    #[cbor(n(0), with = "codec::xid")]
    pub resource: Xid,
    /// The attributes that clients set on Meta, as canonical JSON; none if there are none.
    #[n(1)]
    pub attributes: Option<ContentName>,
    /// The resource's epoch.
    #[n(2)]
    pub epoch: u64,
    /// When the resource was created.
    #[cbor(n(3), with = "codec::moment")]
    pub created: Moment,
    /// When Meta was last modified.
    #[cbor(n(4), with = "codec::moment")]
    pub modified: Moment,
    /// The default version.
    #[cbor(n(5), with = "codec::id")]
    pub default: Id,
    /// Whether the default version is pinned.
    #[n(6)]
    pub sticky: bool,
    /// The highest version number that the server has assigned; 0 if none.
    #[n(7)]
    pub last_number: u64,
}

/// A version was created or written.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VersionWritten {
    /// The version.
    #[cbor(n(0), with = "codec::xid")]
    pub version: Xid,
    /// The attributes that clients set, as canonical JSON; none if there are none.
    #[n(1)]
    pub attributes: Option<ContentName>,
    /// Its epoch.
    #[n(2)]
    pub epoch: u64,
    /// When it was created.
    #[cbor(n(3), with = "codec::moment")]
    pub created: Moment,
    /// When it was last modified.
    #[cbor(n(4), with = "codec::moment")]
    pub modified: Moment,
    /// The version that it derives from; a root names itself.
    #[cbor(n(5), with = "codec::id")]
    pub ancestor: Id,
    /// The document's bytes; none if no document is stored here.
    #[n(6)]
    pub document: Option<ContentName>,
    /// The document's media type.
    #[n(7)]
    pub content_type: Option<String>,
    /// Its lifecycle state.
    #[cbor(n(8), with = "codec::lifecycle")]
    pub state: Lifecycle,
}

/// A group, a resource or a version was hidden, with everything in it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hidden {
    /// The entity.
    #[cbor(n(0), with = "codec::xid")]
    pub xid: Xid,
}

/// The last deletion of a name was undone: each epoch is one higher, and the entities are modified
/// now.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Restored {
    /// The entity.
    #[cbor(n(0), with = "codec::xid")]
    pub xid: Xid,
}

/// Everything with this name and below it was erased: all states of all incarnations.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Purged {
    /// The name.
    #[cbor(n(0), with = "codec::xid")]
    pub xid: Xid,
}

/// Members were added to a group or to the registry, or removed from it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MembersMoved {
    /// The parent.
    #[cbor(n(0), with = "codec::xid")]
    pub parent: Xid,
    /// The parent's epoch.
    #[n(1)]
    pub epoch: u64,
    /// The moment.
    #[cbor(n(2), with = "codec::moment")]
    pub modified: Moment,
}

/// An API key was created.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyCreated {
    /// The key's id, which isn't secret.
    #[cbor(n(0), with = "codec::id")]
    pub id: Id,
    /// The key's record (salted hash, name, role), which only the endpoint of keys reads.
    #[n(1)]
    pub record: ContentName,
    /// Whether its permissions are limited; none if they aren't.
    #[n(2)]
    pub limited: Option<bool>,
    /// When it expires, in microseconds since 1970; none if it doesn't.
    #[n(3)]
    pub expires: Option<i64>,
}

/// An API key was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyRevoked {
    /// The key's id.
    #[cbor(n(0), with = "codec::id")]
    pub id: Id,
}

/// The record of an invalid API key was erased.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyForgotten {
    /// The key's id.
    #[cbor(n(0), with = "codec::id")]
    pub id: Id,
}

/// The reason that the author of the command gave.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Explained {
    /// The author's text, as UTF-8.
    #[n(0)]
    pub message: ContentName,
}

/// The ledger was restored from a backup. From here on it has another name and signs with another
/// key: the original may have gone on, and two ledgers of one name would contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LedgerMoved {
    /// The ledger's new name, such as `changes-3fa81c22`.
    #[n(0)]
    pub ledger: String,
    /// The key that signed the backup, in the form of a note's verifier. It begins with the former
    /// origin.
    #[n(1)]
    pub former_key: String,
    /// The checkpoint of the backup, as a signed note.
    #[n(2)]
    pub checkpoint: ContentName,
}

/// A version of a schema got its id, under which clients of Confluent's API know it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SchemaRegistered {
    /// The version.
    #[cbor(n(0), with = "codec::xid")]
    pub version: Xid,
    /// The id, which is unique in the version's group; equal schemas share it.
    #[n(1)]
    pub id: u32,
    /// What identifies the schema everywhere.
    #[cbor(n(2), with = "codec::guid")]
    pub guid: SchemaGuid,
    /// When it was registered, in milliseconds since 1970. An import keeps the original time.
    #[n(3)]
    pub registered: i64,
    /// The versions of other schemas that it refers to.
    #[cbor(n(4), with = "codec::xids", has_nil)]
    pub references: Vec<Xid>,
    /// The name of its subject, if that can't be the id of a resource.
    #[n(5)]
    pub subject: Option<String>,
}

/// A command of a sync wrote or deleted a document, or only learned that another registry's state is
/// in it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DocumentSynced {
    /// The document.
    #[cbor(n(0), with = "codec::xid")]
    pub resource: Xid,
    /// Everything that the state after this command holds. Where the command itself writes the state,
    /// its own position is added when it is folded.
    #[cbor(n(1), with = "codec::vector")]
    pub vector: VersionVector,
    /// The id of the sync.
    #[cbor(n(2), with = "codec::id")]
    pub sync: Id,
    /// Where the state was first written; none: this command writes it.
    #[cbor(n(3), with = "codec::origin", has_nil)]
    pub origin: Option<DocumentOrigin>,
}

/// How a command that carries an idempotency key was answered, so that its repeat is answered the
/// same.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CommandAnswered {
    /// Whether the subject was created, updated or removed.
    #[cbor(n(0), with = "codec::outcome")]
    pub outcome: Outcome,
    /// The entity that the command targeted.
    #[cbor(n(1), with = "codec::xid")]
    pub subject: Xid,
    /// What the answer showed; none means the subject, or nothing if the subject was removed.
    #[cbor(n(2), with = "codec::shown", has_nil)]
    pub shown: Option<RecordedAnswerSubject>,
    /// The members that the answer showed, or a part of them: a long list is split into several
    /// such changes, which are otherwise equal.
    #[cbor(n(3), with = "codec::xids", has_nil)]
    pub members: Vec<Xid>,
}

/// What the answer to a command showed, if not its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedAnswerSubject {
    /// Nothing.
    Nothing,
    /// Members of one or of several collections.
    Members,
    /// The model's source.
    Model,
    /// The capabilities.
    Capabilities,
}

/// What a command did to its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was created.
    Created,
    /// It existed and was changed.
    Updated,
    /// It was removed.
    Removed,
}

/// One change. See the [module](self) for the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant wraps the documented struct of its name")]
pub enum Change {
    RegistryOpened(RegistryOpened),
    RegistryWritten(RegistryWritten),
    ModelWritten(ModelWritten),
    CapabilitiesWritten(CapabilitiesWritten),
    GroupWritten(GroupWritten),
    MetaWritten(MetaWritten),
    VersionWritten(VersionWritten),
    Hidden(Hidden),
    Restored(Restored),
    Purged(Purged),
    MembersMoved(MembersMoved),
    KeyCreated(KeyCreated),
    KeyRevoked(KeyRevoked),
    Answered(CommandAnswered),
    KeyForgotten(KeyForgotten),
    Explained(Explained),
    LedgerMoved(LedgerMoved),
    SchemaRegistered(SchemaRegistered),
    DocumentSynced(DocumentSynced),
}

impl Change {
    /// The contents that this change names.
    pub fn contents(&self) -> impl Iterator<Item = ContentName> {
        let (first, second) = match self {
            Self::RegistryWritten(change) => (change.attributes, None),
            Self::ModelWritten(change) => (Some(change.source), None),
            Self::CapabilitiesWritten(change) => (Some(change.capabilities), None),
            Self::GroupWritten(change) => (change.attributes, None),
            Self::MetaWritten(change) => (change.attributes, None),
            Self::VersionWritten(change) => (change.attributes, change.document),
            Self::KeyCreated(change) => (Some(change.record), None),
            Self::Explained(change) => (Some(change.message), None),
            Self::LedgerMoved(change) => (Some(change.checkpoint), None),
            Self::RegistryOpened(_)
            | Self::Hidden(_)
            | Self::Restored(_)
            | Self::Purged(_)
            | Self::MembersMoved(_)
            | Self::KeyRevoked(_)
            | Self::KeyForgotten(_)
            | Self::Answered(_)
            | Self::SchemaRegistered(_)
            | Self::DocumentSynced(_) => (None, None),
        };
        [first, second].into_iter().flatten()
    }

    /// The entity that this change is about; keys and the genesis belong to the registry.
    #[must_use]
    pub fn subject(&self) -> Xid {
        match self {
            Self::GroupWritten(change) => change.group.clone(),
            Self::MetaWritten(change) => change.resource.clone(),
            Self::VersionWritten(change) => change.version.clone(),
            Self::Hidden(change) => change.xid.clone(),
            Self::Restored(change) => change.xid.clone(),
            Self::Purged(change) => change.xid.clone(),
            Self::MembersMoved(change) => change.parent.clone(),
            Self::Answered(change) => change.subject.clone(),
            Self::SchemaRegistered(change) => change.version.clone(),
            Self::DocumentSynced(change) => change.resource.clone(),
            Self::RegistryOpened(_)
            | Self::RegistryWritten(_)
            | Self::ModelWritten(_)
            | Self::CapabilitiesWritten(_)
            | Self::KeyCreated(_)
            | Self::KeyRevoked(_)
            | Self::KeyForgotten(_)
            | Self::Explained(_)
            | Self::LedgerMoved(_) => Xid::Registry,
        }
    }
}

#[cfg(test)]
mod tests;
