//! Commands: requests for changes, parsed but not decided yet.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use muster_words::{Digest, Id, Moment, Position, Xid};
use serde_json::{Map, Value};

pub use crate::authority::Authority;
use crate::{
    Content,
    judge::SchemaIdentity,
    state::{CommandTag, CompatibilityRule, Stamp},
    sync::SyncMark,
};
use muster_model::Model;

/// One request to change something.
#[derive(Clone, Debug)]
pub struct Command {
    /// The action.
    pub action: Action,
    /// Conditions on the target (`If-Match`, `If-None-Match`).
    pub conditions: Vec<Condition>,
    /// The digests of principal and idempotency key, and of the request.
    pub idempotency: Option<(Digest, Digest)>,
    /// What to ignore in the request (xRegistry, "Ignore Flag").
    pub ignore: Ignore,
    /// Which version becomes the default (xRegistry, "SetDefaultVersionID Flag").
    pub set_default: Option<SetDefault>,
    /// What a new version takes over from the default version.
    pub succession: Succession,
    /// The author's reason.
    pub message: Option<Bytes>,
    /// How the schemas among what it writes are registered.
    pub schemas: SchemaWrite,
    /// What it says about a document for a sync.
    pub sync: Option<SyncMark>,
}

/// How a command registers schemas. The default is a write that isn't Confluent's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchemaWrite {
    /// How a new version must be compatible with earlier ones, where no level is set.
    pub default_rule: Option<CompatibilityRule>,
    /// Whether it isn't compared, whatever is set.
    pub is_unchecked: bool,
    /// Whether a version that is there and has the same guid is the answer, instead of a new one.
    pub is_once: bool,
    /// The id that the schema has in the registry from which it comes.
    pub id: Option<u32>,
    /// When it was registered there, in milliseconds since 1970.
    pub registered: Option<i64>,
}

impl Command {
    /// A command without conditions.
    #[must_use]
    pub fn new(action: Action) -> Self {
        Self {
            action,
            conditions: Vec::new(),
            idempotency: None,
            ignore: Ignore::default(),
            set_default: None,
            succession: Succession::default(),
            message: None,
            schemas: SchemaWrite::default(),
            sync: None,
        }
    }
}

/// The action of a command.
#[derive(Clone, Debug)]
pub enum Action {
    /// Creates or updates entities.
    Write(Write),
    /// Deletes or purges entities.
    Delete(Delete),
    /// Writes a model and entities and deletes others, all together.
    Apply(Plan),
    /// Undoes the last deletion of a name.
    Restore(Xid),
    /// Gives documents and groups an earlier state again. It becomes a plan when it is prepared.
    Rollback(Rollback),
    /// Records an API key.
    CreateKey {
        /// The key's id.
        id: Id,
        /// Its record, without the secret itself.
        record: Bytes,
        /// The facts about it outside its record.
        grant: KeyGrant,
        /// The rule for the first key.
        rule: KeyManagerRule,
    },
    /// Revokes an API key.
    RevokeKey {
        /// The key's id.
        id: Id,
        /// The rule for the last key.
        rule: KeyManagerRule,
    },
    /// Erases the record of an invalid API key, and with it the name.
    ForgetKey {
        /// The key's id.
        id: Id,
    },
    /// Gives ids to stored versions of schemas that have none, in this order.
    RegisterSchemas(Arc<[UnregisteredSchema]>),
}

/// A stored version of a schema without an id: a release that knew no ids has written it.
#[derive(Clone, Debug)]
pub struct UnregisteredSchema {
    /// The version.
    pub version: Xid,
    /// The document for which the identity stands.
    pub document: Content,
    /// When the version was created.
    pub created: Moment,
    /// What it is known by.
    pub identity: SchemaIdentity,
}

/// The facts about a key outside its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyGrant {
    /// Whether its permissions are limited.
    pub is_limited: bool,
    /// When it expires.
    pub expires: Option<Moment>,
}

/// Whether one of a registry's keys must be able to manage keys. The server knows who can reach the
/// registry, and whether it was given a key at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyManagerRule {
    /// None needs to be, because there is a key outside the ledger.
    NotNeeded,
    /// One must be as long as there are keys. The last key may be revoked, which gives everybody on
    /// this computer all permissions.
    WhileKeys,
    /// One must always be there, because other computers can reach the registry.
    Always,
}

/// How a write treats existing attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Replaces them: attributes that aren't sent are reset.
    Put,
    /// Changes only those that are sent.
    Patch,
    /// Adds to the target: versions to a resource, entities to collections.
    Post,
}

/// A request to create or update entities.
#[derive(Clone, Debug)]
pub struct Write {
    /// How it treats existing attributes.
    pub mode: Mode,
    /// Its target.
    pub target: Target,
    /// Its body.
    pub body: WriteBody,
}

/// The target of a write or a deletion.
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

impl fmt::Display for Target {
    /// Its path.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entity(xid) => xid.fmt(out),
            Self::Groups(groups) => write!(out, "/{groups}"),
            Self::Resources { group, resources } => write!(out, "{group}/{resources}"),
            Self::Versions(resource) => write!(out, "{resource}/versions"),
            Self::Model => out.write_str("/modelsource"),
            Self::Capabilities => out.write_str("/capabilities"),
        }
    }
}

/// The body of a write.
#[derive(Clone, Debug)]
pub enum WriteBody {
    /// Attributes, or a map of entities.
    Tree(Map<String, Value>),
    /// A document, with the attributes from headers.
    Document(SentDocument),
}

/// A document with its headers.
#[derive(Clone, Debug)]
pub struct SentDocument {
    /// The bytes.
    pub bytes: Bytes,
    /// Its media type, if the request has one.
    pub content_type: Option<String>,
    /// The attributes from headers. Other attributes stay as they are.
    pub attributes: Map<String, Value>,
}

/// A request to delete or purge entities.
#[derive(Clone, Debug)]
pub struct Delete {
    /// Its target.
    pub target: Target,
    /// For a collection, the members to delete with what was sent for each; none means all.
    pub chosen: Option<Map<String, Value>>,
    /// The epoch that the entity must have.
    pub epoch: Option<u64>,
    /// Whether to erase the entity instead of hiding it.
    pub purge: bool,
    /// Whether to delete it even if others refer to it.
    pub force: bool,
}

/// The changes that bring a registry in line with a folder. They are judged together, by the state
/// after all of them, and are done together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The user's whole model; none if it stays. The command's conditions are about it.
    pub model: Option<Value>,
    /// Groups, each with the attributes to set; others stay. A group that doesn't exist is created.
    pub groups: Vec<(Xid, Map<String, Value>)>,
    /// Documents.
    pub documents: Vec<PlannedDocument>,
    /// Groups and resources to delete. A name that doesn't exist is skipped.
    pub deleted: Vec<Xid>,
    /// Groups and resources of which the last deletion is undone first, in this order; the rest is
    /// about the state after that.
    pub restored: Vec<Xid>,
}

/// A resource of a plan.
#[derive(Clone, Debug)]
pub struct PlannedDocument {
    /// The resource.
    pub xid: Xid,
    /// The bytes, which become a new version. If none, the attributes of the default version change.
    pub bytes: Option<Bytes>,
    /// The attributes to set, among them `contenttype`.
    pub attributes: Map<String, Value>,
}

impl Plan {
    /// The number of entities that it names.
    #[must_use]
    pub const fn entities(&self) -> usize {
        self.groups.len() + self.documents.len() + self.deleted.len() + self.restored.len()
    }
}

/// A request to give what lies at a place an earlier state again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// The place.
    pub place: RegistryPart,
    /// The earlier state.
    pub to: RollbackTarget,
    /// The end of the command after which nothing at the place may have changed, with its moment:
    /// somebody saw the plan then. None: it is rolled back whatever changed.
    pub unchanged_since: Option<(Stamp, Moment)>,
}

/// A part of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryPart {
    /// Everything.
    All,
    /// The groups of a type, with everything in them.
    Groups(Id),
    /// A group with everything in it, or a resource.
    Entity(Xid),
    /// The resources of a type in a group.
    Resources {
        /// The group.
        group: Xid,
        /// The type, plural.
        resources: Id,
    },
}

/// The state that a rollback leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RollbackTarget {
    /// The state at the end of a command.
    At {
        /// The command.
        stamp: Stamp,
        /// Its moment.
        moment: Moment,
    },
    /// A version that the resource has.
    Version(Id),
    /// What documents said before a sync wrote them. Those that were changed since stay.
    BeforeSync {
        /// The id of the sync.
        sync: Id,
        /// What it wrote up to here stays.
        since: Position,
        /// What was changed after this stays.
        until: Position,
    },
}

impl RegistryPart {
    /// Whether an entity is in this part.
    #[must_use]
    pub fn holds(&self, xid: &Xid) -> bool {
        match self {
            Self::All => true,
            Self::Groups(groups) => xid.group_ids().is_some_and(|(of, _)| of == groups),
            Self::Entity(entity) => {
                std::iter::successors(Some(xid.clone()), Xid::parent).any(|one| one == *entity)
            }
            Self::Resources { group, resources } => {
                xid.group().as_ref() == Some(group)
                    && xid.resource_ids().is_some_and(|(of, _)| of == resources)
            }
        }
    }
}

impl fmt::Display for RegistryPart {
    /// Its path.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => out.write_str("/"),
            Self::Groups(groups) => write!(out, "/{groups}"),
            Self::Entity(xid) => xid.fmt(out),
            Self::Resources { group, resources } => write!(out, "{group}/{resources}"),
        }
    }
}

/// A condition on the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It exists (`If-Match: *`).
    Exists,
    /// It doesn't exist (`If-None-Match: *`).
    Absent,
    /// Its ETag is one of these (`If-Match`).
    Matches(Vec<ExpectedTag>),
    /// Its ETag is none of these (`If-None-Match`).
    Differs(Vec<ExpectedTag>),
}

/// An entity's ETag, in terms of the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedTag {
    /// The position of the last change.
    pub position: Position,
    /// That command's tag.
    pub tag: CommandTag,
    /// Which representation of the entity it belongs to.
    pub view: EntityView,
}

/// The two representations of a resource or a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityView {
    /// Its document.
    Document,
    /// Its attributes.
    Details,
}

/// What to ignore in the request.
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
    /// Ids that don't match the path.
    pub id: bool,
    /// `modelsource` in the body.
    pub model_source: bool,
    /// Writes to read-only entities, which then stay as they are.
    pub readonly: bool,
}

/// Which version becomes the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetDefault {
    /// This version, pinned.
    Version(Id),
    /// The newest version, without pinning (`null`).
    Newest,
    /// The version that the request creates or updates (`request`).
    Request,
}

/// What a version that is posted to a resource takes over from the resource's default version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Succession {
    /// Nothing: it has only what was sent (xRegistry).
    #[default]
    AsSent,
    /// If it was sent as a document, the media type and the attributes that weren't sent.
    Inherits,
    /// The same; but if it has no id of its own, and nothing differs from the default version or
    /// the newest one, no version is made.
    IfDifferent,
}

/// The model of a command, compiled while the command is prepared.
#[derive(Clone, Debug)]
pub struct NewModel {
    /// Its source in canonical form.
    pub source: Bytes,
    /// Its compiled form.
    pub model: Arc<Model>,
}
