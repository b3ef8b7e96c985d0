//! What was sent, then what it means: a write's body read with the model, before anything of the
//! registry's state is looked at.
//!
//! Whatever the request's shape (one version, a map of groups, the whole registry), it becomes
//! the same tree: entities to write, by parent, each with its attributes and its document apart.

mod document;
mod read;

use std::sync::Arc;

use bytes::Bytes;
use muster_words::{Digest, Id, Xid};
pub use read::read;
use serde_json::{Map, Value};

use crate::{
    command::{Mode, NewModel},
    judge::{Dependency, Verdict},
};
use muster_model::{GroupType, ResourceType};

/// Everything that a write brings.
#[derive(Clone, Debug)]
pub struct WriteTree {
    /// How it treats what is there.
    pub mode: Mode,
    /// A new model.
    pub model: Option<NewModel>,
    /// New capabilities, as they were sent.
    pub capabilities: Option<Value>,
    /// The registry's own attributes; none: they stay.
    pub registry: Option<Map<String, Value>>,
    /// Groups, in the order of their names.
    pub groups: Vec<GroupNode>,
    /// The documents that it binds, and those behind them, each with the content that its name led
    /// to when it was found usable.
    pub bound: Vec<Dependency>,
    /// What the answer is about.
    pub subject: Subject,
}

/// What the answer to a write is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One entity.
    Entity(Xid),
    /// One version of a resource: the one that the request created or updated.
    VersionOf(Xid),
    /// The entities of a collection that the request names.
    Members,
    /// The model.
    Model,
    /// The capabilities.
    Capabilities,
}

/// A group with what lies in it.
#[derive(Clone, Debug)]
pub struct GroupNode {
    /// Its name.
    pub xid: Xid,
    /// Its type.
    pub kind: Arc<GroupType>,
    /// Its own attributes; none: it is only a parent, created where it isn't there.
    pub attributes: Option<Map<String, Value>>,
    /// Its resources.
    pub resources: Vec<ResourceNode>,
}

/// A resource with what lies in it.
#[derive(Clone, Debug)]
pub struct ResourceNode {
    /// Its name.
    pub xid: Xid,
    /// Its type.
    pub kind: Arc<ResourceType>,
    /// The attributes of its default version; none: the request doesn't speak of them.
    pub default: Option<VersionNode>,
    /// Its Meta's attributes; none: they stay.
    pub meta: Option<Map<String, Value>>,
    /// Its versions; none: the request doesn't speak of them.
    pub versions: Option<Vec<VersionNode>>,
    /// The request is about its Meta alone, so the resource must be there or be made by it.
    pub only_meta: bool,
}

/// A version to write.
#[derive(Clone, Debug)]
pub struct VersionNode {
    /// Its id; none: the server chooses, or the default version's.
    pub id: Option<Id>,
    /// What was sent, without the document.
    pub attributes: Map<String, Value>,
    /// The document.
    pub document: DocumentPart,
    /// The attributes came in headers: they change what is sent and leave the rest.
    pub from_headers: bool,
}

/// What a request says of a version's document.
#[derive(Clone, Debug)]
pub enum DocumentPart {
    /// Nothing: it stays.
    Unchanged,
    /// It is to be empty.
    Cleared,
    /// It lies elsewhere; the URL is among the attributes.
    Elsewhere,
    /// These bytes.
    Bytes(NewDocument),
}

/// A document on its way in.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// The bytes as they will be kept.
    pub bytes: Bytes,
    /// Their SHA-256.
    pub digest: Digest,
    /// The media type where the request names none.
    pub default_content_type: Option<&'static str>,
    /// What who prepared the command found out about it.
    pub verdict: Option<Arc<Verdict>>,
}

impl WriteTree {
    /// A tree that writes nothing yet.
    #[must_use]
    pub const fn new(mode: Mode, subject: Subject) -> Self {
        Self {
            mode,
            model: None,
            capabilities: None,
            registry: None,
            groups: Vec::new(),
            bound: Vec::new(),
            subject,
        }
    }

    /// How many entities the tree names.
    #[must_use]
    pub fn entities(&self) -> usize {
        let of_resource = |node: &ResourceNode| 1 + node.versions.as_ref().map_or(0, Vec::len);
        let of_group = |node: &GroupNode| 1 + node.resources.iter().map(of_resource).sum::<usize>();
        self.groups.iter().map(of_group).sum()
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
