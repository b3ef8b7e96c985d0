//! What somebody asks for: a command, as the door understood it and before anything is decided.

use std::sync::Arc;

use bytes::Bytes;
use muster_words::{Digest, Id, Moment, Position, Xid};
use serde_json::{Map, Value};

pub use crate::authority::Authority;
use crate::state::{CommandTag, Stamp};
use muster_model::Model;

/// One request to change something.
#[derive(Clone, Debug)]
pub struct Command {
    /// What it is to do.
    pub action: Action,
    /// What must hold of the target (`If-Match`, `If-None-Match`).
    pub conditions: Vec<Condition>,
    /// The digests of principal and idempotency key, and of the request.
    pub idempotency: Option<(Digest, Digest)>,
    /// What the client asks to have ignored (xRegistry, "Ignore Flag").
    pub ignore: Ignore,
    /// Which version shall be the default (xRegistry, "SetDefaultVersionID Flag").
    pub set_default: Option<SetDefault>,
    /// The last change of the capabilities over which those that it brings were laid; none: they
    /// depend on no others.
    pub capabilities_over: Option<Stamp>,
    /// Why it is done, in the words of whoever sends it.
    pub message: Option<Bytes>,
}

impl Command {
    /// A command with no conditions.
    #[must_use]
    pub fn new(action: Action) -> Self {
        Self {
            action,
            conditions: Vec::new(),
            idempotency: None,
            ignore: Ignore::default(),
            set_default: None,
            capabilities_over: None,
            message: None,
        }
    }
}

/// What a command is to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Create or update entities.
    Write(Write),
    /// Hide entities, or erase them.
    Delete(Delete),
    /// Bring back what the last deletion of that name hid.
    Restore(Xid),
    /// Record an API key.
    CreateKey {
        /// The key's id.
        id: Id,
        /// Its record, which holds no secret in the clear.
        record: Bytes,
        /// What is known of it without its record.
        grant: KeyGrant,
    },
    /// Revoke an API key.
    RevokeKey {
        /// The key's id.
        id: Id,
        /// What becomes of the last key.
        last: LastKeyRule,
    },
    /// Erase the record, and with it the name, of an API key that opens nothing any more.
    ForgetKey {
        /// The key's id.
        id: Id,
    },
}

/// What is known of a key without its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyGrant {
    /// It may not do everything everywhere.
    pub is_limited: bool,
    /// From when on it opens nothing.
    pub expires: Option<Moment>,
}

/// What becomes of a registry whose last key is revoked. Where it can be reached is known to
/// whoever serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastKeyRule {
    /// There is a key beside those in the ledger, so all of these may go.
    AllMayGo,
    /// Everybody on this computer may then do everything, so the last one may go. While there are
    /// others, one of them must be able to make and revoke keys.
    LastMayGo,
    /// Others can reach the registry, so one that can make and revoke keys must stay.
    OneStays,
}

/// How a write treats what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Replaces attributes: what isn't sent is reset.
    Put,
    /// Changes the attributes that are sent.
    Patch,
    /// Adds to the target: versions to a resource, entities to collections.
    Post,
}

/// Creates or updates entities.
#[derive(Clone, Debug)]
pub struct Write {
    /// How it treats what is there.
    pub mode: Mode,
    /// What it is about.
    pub target: Target,
    /// What was sent.
    pub body: WriteBody,
}

/// What a write or a deletion is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One entity.
    Entity(Xid),
    /// The groups of a type.
    Groups(Id),
    /// The resources of a type in a group.
    Resources {
        /// The group.
        group: Xid,
        /// The type, plural.
        resources: Id,
    },
    /// The versions of a resource.
    Versions(Xid),
    /// The user's model.
    Model,
    /// The capabilities.
    Capabilities,
}

/// What was sent.
#[derive(Clone, Debug)]
pub enum WriteBody {
    /// Attributes, or a map of entities.
    Tree(Map<String, Value>),
    /// A document, with the attributes that came in headers.
    Document(SentDocument),
}

/// A document as it was sent.
#[derive(Clone, Debug)]
pub struct SentDocument {
    /// The bytes.
    pub bytes: Bytes,
    /// Its media type, if the request names one.
    pub content_type: Option<String>,
    /// The attributes that came in headers; they change what is sent and leave the rest.
    pub attributes: Map<String, Value>,
}

/// Hides entities, or erases them.
#[derive(Clone, Debug)]
pub struct Delete {
    /// What it is about.
    pub target: Target,
    /// For a collection: which of them, with what was sent for each; none: all.
    pub chosen: Option<Map<String, Value>>,
    /// The epoch that the entity must have.
    pub epoch: Option<u64>,
    /// Erase instead of hiding.
    pub purge: bool,
    /// Although others refer to it.
    pub force: bool,
}

/// What must hold of the target before anything is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It is there (`If-Match: *`).
    Exists,
    /// It isn't there (`If-None-Match: *`).
    Absent,
    /// Its ETag is one of these (`If-Match`).
    Matches(Vec<ExpectedTag>),
    /// Its ETag is none of these (`If-None-Match`).
    Differs(Vec<ExpectedTag>),
}

/// An entity's ETag, as far as the catalog knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedTag {
    /// The position of the last change.
    pub position: Position,
    /// That command's tag.
    pub tag: CommandTag,
    /// Which of an entity's two views it is of.
    pub view: EntityView,
}

/// The two views of a resource or version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityView {
    /// Its document.
    Document,
    /// Its attributes.
    Details,
}

/// What the client asks to have ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "seven independent flags of the specification")]
pub struct Ignore {
    /// `capabilities` in the body.
    pub capabilities: bool,
    /// `defaultversionid` in a Meta.
    pub default_version_id: bool,
    /// `defaultversionsticky` in a Meta.
    pub default_version_sticky: bool,
    /// Epochs.
    pub epoch: bool,
    /// Ids that don't match.
    pub id: bool,
    /// `modelsource` in the body.
    pub model_source: bool,
    /// That an entity is read-only: it then stays as it is.
    pub readonly: bool,
}

/// Which version shall be the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetDefault {
    /// That one, pinned.
    Version(Id),
    /// The newest, and no longer pinned (`null`).
    Newest,
    /// The one that the request creates or updates (`request`).
    Request,
}

/// A model that a command brings, compiled by who prepared it.
#[derive(Clone, Debug)]
pub struct NewModel {
    /// Its source as it was sent, in canonical form.
    pub source: Bytes,
    /// Its compiled form.
    pub model: Arc<Model>,
}
