//! What an entry records: frozen facts about what was decided.
//!
//! Rules of this file, because bytes written today are folded for ever:
//! 1. A kind's number and a field's number never change meaning and are never used again.
//! 2. A field that is added later is optional, and its absence means what was true before.
//! 3. A change names what was decided (ids, epochs, times, defaults), never what was asked.
//! 4. The golden bytes in this module's tests are changed by nobody.
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
//!
//! A content is a map: 0 digest (32 bytes), 1 size, 2 position of the entry beside which it lies
//! (absent: beside this one).

mod codec;

pub use codec::ChangeError;
use minicbor::{Decode, Encode};
use muster_words::{Digest, Id, Moment, Position, Xid};

use crate::{Content, Lifecycle};

/// A content as a change names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ContentName {
    /// SHA-256 of the bytes.
    #[cbor(n(0), with = "codec::digest")]
    pub digest: Digest,
    /// How many bytes there are.
    #[n(1)]
    pub size: u32,
    /// The entry beside which the bytes lie; none: the one that holds this change.
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

    /// The content as the catalog keeps it, once the entry's position is known.
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
    /// The format version of what follows.
    #[n(2)]
    pub format: u32,
}

/// The registry's own attributes were written.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegistryWritten {
    /// What clients set, as canonical JSON; none: nothing is set.
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
    /// Which one.
    #[cbor(n(0), with = "codec::xid")]
    pub group: Xid,
    /// What clients set, as canonical JSON; none: nothing is set.
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
    /// Which resource.
    #[cbor(n(0), with = "codec::xid")]
    pub resource: Xid,
    /// What clients set on Meta, as canonical JSON; none: nothing is set.
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
    /// Whether somebody pinned it.
    #[n(6)]
    pub sticky: bool,
    /// The highest version number that the server has given; 0: none yet.
    #[n(7)]
    pub last_number: u64,
}

/// A version was created or written.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VersionWritten {
    /// Which one.
    #[cbor(n(0), with = "codec::xid")]
    pub version: Xid,
    /// What clients set, as canonical JSON; none: nothing is set.
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
    /// The version that it descends from; a root names itself.
    #[cbor(n(5), with = "codec::id")]
    pub ancestor: Id,
    /// The document's bytes; none: it has none here.
    #[n(6)]
    pub document: Option<ContentName>,
    /// The document's media type.
    #[n(7)]
    pub content_type: Option<String>,
    /// Its lifecycle state.
    #[cbor(n(8), with = "codec::lifecycle")]
    pub state: Lifecycle,
}

/// A group, a resource or a version was hidden, with all that lay in it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hidden {
    /// Which one.
    #[cbor(n(0), with = "codec::xid")]
    pub xid: Xid,
}

/// What the last deletion of that name hid came back: each epoch one higher, modified now.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Restored {
    /// Which one.
    #[cbor(n(0), with = "codec::xid")]
    pub xid: Xid,
}

/// Everything of that name and under it was erased: all states of every incarnation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Purged {
    /// Which name.
    #[cbor(n(0), with = "codec::xid")]
    pub xid: Xid,
}

/// Children of a group or of the registry came or went.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MembersMoved {
    /// The parent.
    #[cbor(n(0), with = "codec::xid")]
    pub parent: Xid,
    /// The parent's epoch.
    #[n(1)]
    pub epoch: u64,
    /// When.
    #[cbor(n(2), with = "codec::moment")]
    pub modified: Moment,
}

/// An API key was created.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyCreated {
    /// The key's id, which is no secret.
    #[cbor(n(0), with = "codec::id")]
    pub id: Id,
    /// The key's record (salted hash, name, role), which only the keys' door reads.
    #[n(1)]
    pub record: ContentName,
    /// Whether it may not do everything everywhere; none: it may.
    #[n(2)]
    pub limited: Option<bool>,
    /// From when on it opens nothing, in microseconds since 1970; none: it has no such time.
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

/// The record of an API key that opens nothing any more was erased.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyForgotten {
    /// The key's id.
    #[cbor(n(0), with = "codec::id")]
    pub id: Id,
}

/// Why the command was given.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Explained {
    /// The words of whoever gave it, as UTF-8.
    #[n(0)]
    pub message: ContentName,
}

/// How a command that carries an idempotency key was answered, so that its repeat is answered the
/// same.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CommandAnswered {
    /// Whether the subject was created, updated or removed.
    #[cbor(n(0), with = "codec::outcome")]
    pub outcome: Outcome,
    /// The entity that the command was about.
    #[cbor(n(1), with = "codec::xid")]
    pub subject: Xid,
    /// What the answer showed; none: the subject, or nothing where that was removed.
    #[cbor(n(2), with = "codec::shown", has_nil)]
    pub shown: Option<RecordedAnswerSubject>,
    /// Where members were shown, these, or some of these: the change stands as often as they need
    /// room, and is otherwise the same.
    #[cbor(n(3), with = "codec::xids", has_nil)]
    pub members: Vec<Xid>,
}

/// What the answer to a command showed where that wasn't its subject.
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

/// What a command did to the entity that it was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It was there before.
    Updated,
    /// It is gone.
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
            Self::RegistryOpened(_)
            | Self::Hidden(_)
            | Self::Restored(_)
            | Self::Purged(_)
            | Self::MembersMoved(_)
            | Self::KeyRevoked(_)
            | Self::KeyForgotten(_)
            | Self::Answered(_) => (None, None),
        };
        [first, second].into_iter().flatten()
    }

    /// The entity that this change is about; keys and the genesis are the registry's.
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
            Self::RegistryOpened(_)
            | Self::RegistryWritten(_)
            | Self::ModelWritten(_)
            | Self::CapabilitiesWritten(_)
            | Self::KeyCreated(_)
            | Self::KeyRevoked(_)
            | Self::KeyForgotten(_)
            | Self::Explained(_) => Xid::Registry,
        }
    }
}

#[cfg(test)]
mod tests;
