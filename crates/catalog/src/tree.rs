//! The tree of a write: its body, parsed with the model, before the registry's state is considered.
//!
//! Any form of request (one version, a map of groups, the whole registry) becomes the same tree:
//! the entities to write, by parent, with attributes and documents separated.

mod document;
mod empty;
mod media_types;
mod plan;
mod read;

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use muster_schema::Outline;
use muster_words::{Digest, Id, Xid, yaml};
pub use plan::read_plan;
pub use read::read;
use serde_json::{Map, Value};

use crate::{
    command::{Mode, NewModel, SchemaWrite},
    judge::{Dependency, Verdict},
};
use muster_model::{GroupType, ResourceType};

/// Everything that a write contains.
#[derive(Clone, Debug)]
pub struct WriteTree {
    /// How it treats existing attributes.
    pub mode: Mode,
    /// A new model.
    pub model: Option<NewModel>,
    /// New capabilities: as they were sent, and after preparing all of them.
    pub capabilities: Option<Value>,
    /// The registry's own attributes; none if they stay.
    pub registry: Option<Map<String, Value>>,
    /// Groups, sorted by name.
    pub groups: Vec<GroupNode>,
    /// Groups and resources to delete. None of them is in another one.
    pub removed: BTreeSet<Xid>,
    /// The dependencies of its bindings: each document with the content that its name led to when
    /// it was checked.
    pub bound: Vec<Dependency>,
    /// What the answer shows.
    pub subject: Subject,
    /// How the schemas among it are registered.
    pub schemas: SchemaWrite,
}

/// What the answer to a write shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One entity.
    Entity(Xid),
    /// The version of a resource that the request created or updated.
    VersionOf(Xid),
    /// The entities of a collection that the request names.
    Members,
    /// The model.
    Model,
    /// The capabilities.
    Capabilities,
    /// Nothing: the write is a plan.
    Plan,
}

/// A group with its members.
#[derive(Clone, Debug)]
pub struct GroupNode {
    /// Its name.
    pub xid: Xid,
    /// Its type.
    pub kind: Arc<GroupType>,
    /// Its own attributes; none if it is only a parent, which is created if it doesn't exist.
    pub attributes: Option<Map<String, Value>>,
    /// Its resources.
    pub resources: Vec<ResourceNode>,
}

/// A resource with its members.
#[derive(Clone, Debug)]
pub struct ResourceNode {
    /// Its name.
    pub xid: Xid,
    /// Its type.
    pub kind: Arc<ResourceType>,
    /// The attributes of its default version; none if the request has none.
    pub default: Option<VersionNode>,
    /// The attributes of its Meta; none if they stay.
    pub meta: Option<Map<String, Value>>,
    /// Its versions; none if the request has none.
    pub versions: Option<Vec<VersionNode>>,
    /// Whether the request is only about its Meta. Then the resource must exist or be created by
    /// the request.
    pub only_meta: bool,
}

/// A version to write.
#[derive(Clone, Debug)]
pub struct VersionNode {
    /// Its id; none if the server chooses it, or for the default version.
    pub id: Option<Id>,
    /// The sent attributes, without the document.
    pub attributes: Map<String, Value>,
    /// The document.
    pub document: DocumentPart,
    /// Whether the attributes came from headers. Then other attributes stay as they are.
    pub from_headers: bool,
}

/// What a request says about a version's document.
#[derive(Clone, Debug)]
pub enum DocumentPart {
    /// Nothing; it stays.
    Unchanged,
    /// It becomes empty.
    Cleared,
    /// It is stored elsewhere; the URL is among the attributes.
    Elsewhere,
    /// New bytes.
    Bytes(NewDocument),
}

/// A new document.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// The bytes to store.
    pub bytes: Bytes,
    /// Their SHA-256.
    pub digest: Digest,
    /// The media type that it keeps if the request has none: of the version that it replaces or
    /// follows, as far as it was known when the command was prepared.
    pub kept_content_type: Option<Arc<str>>,
    /// The media type, if the request has none and there is none to keep.
    pub default_content_type: Option<&'static str>,
    /// The verdict, added when the command is prepared.
    pub verdict: Option<Arc<Verdict>>,
    /// What [`NewDocument::outline`] found.
    pub(super) outline: OnceLock<Arc<Outline>>,
}

impl NewDocument {
    /// The media type that it gets if the request has none.
    #[must_use]
    pub fn assumed_content_type(&self) -> Option<&str> {
        self.kept_content_type.as_deref().or(self.default_content_type)
    }

    /// The schemas that it refers to, if it is a schema; `home` is its resource. It is read as YAML,
    /// which takes JSON as well, because a later command may change its media type alone. They are
    /// looked for once, when the command is prepared; a decision finds them here.
    #[must_use]
    pub fn outline(&self, home: &Xid) -> &Outline {
        self.outline.get_or_init(|| {
            let value = yaml::parse(&self.bytes).ok();
            Arc::new(value.map(|value| Outline::of(&value, Some(home))).unwrap_or_default())
        })
    }
}

/// Whether a name or a parent of it is among those that are deleted.
pub(crate) fn removes(removed: &BTreeSet<Xid>, xid: &Xid) -> bool {
    let mut names = std::iter::successors(Some(xid.clone()), Xid::parent);
    !removed.is_empty() && names.any(|name| removed.contains(&name))
}

impl WriteTree {
    /// An empty tree.
    #[must_use]
    pub const fn new(mode: Mode, subject: Subject) -> Self {
        Self {
            mode,
            model: None,
            capabilities: None,
            registry: None,
            groups: Vec::new(),
            removed: BTreeSet::new(),
            bound: Vec::new(),
            subject,
            schemas: SchemaWrite {
                default_rule: None,
                is_unchecked: false,
                is_once: false,
                id: None,
                registered: None,
            },
        }
    }

    /// The number of entities in the tree.
    #[must_use]
    pub fn entities(&self) -> usize {
        let of_resource = |node: &ResourceNode| 1 + node.versions.as_ref().map_or(0, Vec::len);
        let of_group = |node: &GroupNode| 1 + node.resources.iter().map(of_resource).sum::<usize>();
        self.groups.iter().map(of_group).sum::<usize>() + self.removed.len()
    }

    /// Whether the write deletes the entity or a parent of it.
    #[must_use]
    pub fn removes(&self, xid: &Xid) -> bool {
        removes(&self.removed, xid)
    }

    /// Every version that the tree writes, with the name of its resource.
    pub fn versions(&self) -> impl Iterator<Item = (&Xid, &VersionNode)> {
        self.groups.iter().flat_map(|group| &group.resources).flat_map(|resource| {
            let versions = resource.default.iter().chain(resource.versions.iter().flatten());
            versions.map(move |version| (&resource.xid, version))
        })
    }

    /// Every version that the tree writes, with its resource, in the same order.
    pub fn versions_mut(
        &mut self,
    ) -> impl Iterator<Item = (&Xid, &Arc<ResourceType>, &mut VersionNode)> {
        self.groups.iter_mut().flat_map(|group| group.resources.iter_mut()).flat_map(|resource| {
            let (xid, kind) = (&resource.xid, &resource.kind);
            resource
                .default
                .iter_mut()
                .chain(resource.versions.iter_mut().flatten())
                .map(move |version| (xid, kind, version))
        })
    }
}
