use muster_catalog::{
    Content, Lifecycle,
    changes::{Change, ContentName},
};
use muster_words::{Id, Position, Xid};

use crate::CommittedCommand;

/// The subject of an edit. The order is that of a command's events: parents before their parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EditSubject {
    /// The registry's own attributes, or its set of groups.
    Registry,
    /// The model in force.
    Model,
    /// The user's part of the model.
    ModelSource,
    /// The capabilities.
    Capabilities,
    /// An API key.
    Key(Id),
    /// A group, a resource or a version. A resource's Meta counts as the resource.
    Entity(Xid),
}

/// What an edit is about, without its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditKind {
    /// The registry.
    Registry,
    /// The model.
    Model,
    /// The capabilities.
    Capabilities,
    /// An API key.
    Key,
    /// A group.
    Group,
    /// A resource.
    Resource,
    /// A version.
    Version,
}

impl EditKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Registry,
        Self::Model,
        Self::Capabilities,
        Self::Key,
        Self::Group,
        Self::Resource,
        Self::Version,
    ];
}

impl EditSubject {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> EditKind {
        match self {
            Self::Registry | Self::Entity(Xid::Registry) => EditKind::Registry,
            Self::Model | Self::ModelSource => EditKind::Model,
            Self::Capabilities => EditKind::Capabilities,
            Self::Key(_) => EditKind::Key,
            Self::Entity(Xid::Group { .. }) => EditKind::Group,
            Self::Entity(Xid::Version { .. }) => EditKind::Version,
            Self::Entity(Xid::Resource { .. } | Xid::Meta { .. }) => EditKind::Resource,
        }
    }

    /// The subject that an xid names.
    #[must_use]
    pub fn of(xid: &Xid) -> Self {
        match xid {
            Xid::Registry => Self::Registry,
            Xid::Meta { .. } => xid.resource().map_or(Self::Registry, Self::Entity),
            other => Self::Entity(other.clone()),
        }
    }

    /// The entity that it is or belongs to. Keys, the model and the capabilities belong to the
    /// registry.
    #[must_use]
    pub fn xid(&self) -> &Xid {
        match self {
            Self::Entity(xid) => xid,
            _ => &Xid::Registry,
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditAction {
    /// The registry was created.
    Opened,
    /// It was created.
    Created,
    /// It existed and was changed.
    Updated,
    /// It was deleted together with everything in it, and can be restored.
    Deleted,
    /// It was restored together with everything in it.
    Restored,
    /// It was erased together with everything in it.
    Purged,
    /// The key was revoked.
    Revoked,
    /// The record of the key was erased.
    Forgotten,
    /// The ledger was restored from a backup and got another name.
    Moved,
}

impl EditAction {
    /// All actions.
    pub const ALL: [Self; 9] = [
        Self::Opened,
        Self::Created,
        Self::Updated,
        Self::Deleted,
        Self::Restored,
        Self::Purged,
        Self::Revoked,
        Self::Forgotten,
        Self::Moved,
    ];
}

/// A word that selects edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditWord {
    /// What was done to things of this kind.
    Kind(EditKind),
    /// What this was done to.
    Action(EditAction),
}

impl EditWord {
    /// All words.
    pub fn all() -> impl Iterator<Item = Self> {
        let kinds = EditKind::ALL.into_iter().map(Self::Kind);
        kinds.chain(EditAction::ALL.into_iter().map(Self::Action))
    }

    /// Whether it selects an edit.
    #[must_use]
    pub fn selects(self, edit: &Edit) -> bool {
        match self {
            Self::Kind(kind) => edit.subject.kind() == kind,
            Self::Action(action) => edit.action == action,
        }
    }
}

/// The details of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditDetail {
    /// Nothing.
    None,
    /// The registry's id.
    Opened(Id),
    /// The ledger's new name, after it was restored from a backup.
    Moved(String),
    /// The attributes of the registry or of a group.
    Attributes {
        /// The new epoch.
        epoch: u64,
        /// The attributes that clients set.
        attributes: Option<Content>,
    },
    /// The document of the model or of the capabilities.
    Source(Content),
    /// A resource's Meta.
    Meta {
        /// The new epoch.
        epoch: u64,
        /// The attributes that clients set.
        attributes: Option<Content>,
        /// The default version.
        default: Id,
        /// Whether the default version is pinned.
        sticky: bool,
    },
    /// A version.
    Version {
        /// The new epoch.
        epoch: u64,
        /// The attributes that clients set.
        attributes: Option<Content>,
        /// The version that it derives from.
        ancestor: Id,
        /// The document's bytes.
        document: Option<Content>,
        /// The document's media type.
        content_type: Option<String>,
        /// Its lifecycle state.
        state: Lifecycle,
    },
    /// Only its collections changed: members were added or removed.
    Members,
}

/// What one change did. Events and the log are both made from edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The position of the entry that records it.
    pub position: Position,
    /// The subject.
    pub subject: EditSubject,
    /// What was done.
    pub action: EditAction,
    /// The details.
    pub detail: EditDetail,
}

impl CommittedCommand {
    /// What the command did, in order.
    pub fn edits(&self) -> impl Iterator<Item = Edit> {
        self.changes.iter().filter_map(|(position, change)| Edit::of(*position, change))
    }
}

impl Edit {
    /// Reads a change; none if it has no visible effect.
    fn of(position: Position, change: &Change) -> Option<Self> {
        let resolve = |named: Option<ContentName>| named.map(|named| named.resolve(position));
        let (subject, action, detail) = match change {
            Change::RegistryOpened(body) => (
                EditSubject::Registry,
                EditAction::Opened,
                EditDetail::Opened(body.registry.clone()),
            ),
            Change::LedgerMoved(body) => {
                (EditSubject::Registry, EditAction::Moved, EditDetail::Moved(body.ledger.clone()))
            }
            Change::RegistryWritten(body) => (
                EditSubject::Registry,
                written(body.epoch),
                EditDetail::Attributes { epoch: body.epoch, attributes: resolve(body.attributes) },
            ),
            Change::ModelWritten(body) => (
                EditSubject::Model,
                EditAction::Updated,
                EditDetail::Source(body.source.resolve(position)),
            ),
            Change::CapabilitiesWritten(body) => (
                EditSubject::Capabilities,
                EditAction::Updated,
                EditDetail::Source(body.capabilities.resolve(position)),
            ),
            Change::GroupWritten(body) => (
                EditSubject::of(&body.group),
                written(body.epoch),
                EditDetail::Attributes { epoch: body.epoch, attributes: resolve(body.attributes) },
            ),
            Change::MetaWritten(body) => (
                EditSubject::of(&body.resource),
                written(body.epoch),
                EditDetail::Meta {
                    epoch: body.epoch,
                    attributes: resolve(body.attributes),
                    default: body.default.clone(),
                    sticky: body.sticky,
                },
            ),
            Change::VersionWritten(body) => (
                EditSubject::of(&body.version),
                written(body.epoch),
                EditDetail::Version {
                    epoch: body.epoch,
                    attributes: resolve(body.attributes),
                    ancestor: body.ancestor.clone(),
                    document: resolve(body.document),
                    content_type: body.content_type.clone(),
                    state: body.state,
                },
            ),
            Change::Hidden(body) => moved(&body.xid, EditAction::Deleted),
            Change::Restored(body) => moved(&body.xid, EditAction::Restored),
            Change::Purged(body) => moved(&body.xid, EditAction::Purged),
            Change::MembersMoved(body) => {
                (EditSubject::of(&body.parent), EditAction::Updated, EditDetail::Members)
            }
            Change::KeyCreated(body) => key(&body.id, EditAction::Created),
            Change::KeyRevoked(body) => key(&body.id, EditAction::Revoked),
            Change::KeyForgotten(body) => key(&body.id, EditAction::Forgotten),
            Change::Answered(_)
            | Change::Explained(_)
            | Change::SchemaRegistered(_)
            | Change::DocumentSynced(_) => return None,
        };
        Some(Self { position, subject, action, detail })
    }
}

const fn written(epoch: u64) -> EditAction {
    if epoch <= 1 { EditAction::Created } else { EditAction::Updated }
}

fn moved(xid: &Xid, action: EditAction) -> (EditSubject, EditAction, EditDetail) {
    (EditSubject::of(xid), action, EditDetail::None)
}

fn key(id: &Id, action: EditAction) -> (EditSubject, EditAction, EditDetail) {
    (EditSubject::Key(id.clone()), action, EditDetail::None)
}
