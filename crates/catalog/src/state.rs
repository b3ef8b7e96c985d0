//! The states of entities in the catalog: immutable, and shared between views.
//!
//! A new state links to the state that it replaces. So every state can be read at its position, and
//! a purge finds all contents of a name.

mod chain;
mod column;
mod entity_map;
mod lineage;
mod past;
mod versions;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use chain::{Chained, Earlier, state_after, state_at, states};
pub use column::Column;
pub use entity_map::{CaseFoldedId, EntityMap, exact, members_after, taken};
use imbl::OrdMap;
pub use lineage::Lineage;
use muster_model::Aspect;
use muster_schema::{Level, Policy};
use muster_words::{Id, Moment, Position, Xid};
pub(crate) use past::Member;
pub use past::{
    ChangedResource, EpochEntry, ExactId, FormerCapabilities, FormerModel, FormerNames, Life,
    Lives, Past, RegistryPast, ResourcePast, locate,
};
pub use versions::Versions;

use crate::{
    Content, Lifecycle,
    facts::{SchemaFacts, VersionFacts},
    index::{FormerTerms, Term},
    judge::is_among_schemas,
    schema_settings::SchemaSettings,
};

/// The first four bytes of a command's id. Positions repeat after a backup was restored, but
/// command ids don't, so a tag in an ETag distinguishes the positions of different ledgers.
pub type CommandTag = [u8; 4];

/// The command that last changed something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// The position of the command's last entry.
    pub position: Position,
    /// The command's tag.
    pub tag: CommandTag,
}

/// The registry's own attributes.
#[derive(Clone, Debug)]
pub struct RegistryState {
    /// The attributes that clients set.
    pub attributes: Option<Content>,
    /// Its epoch.
    pub epoch: u64,
    /// When it was created.
    pub created: Moment,
    /// When it was last modified.
    pub modified: Moment,
    /// The last change of its own attributes.
    pub own: Stamp,
    /// The last time that groups were added or removed.
    pub members: Stamp,
    /// What it asks for from new versions of schemas.
    pub settings: Option<Arc<SchemaSettings>>,
    /// Its earlier attributes.
    pub earlier: Earlier<Self>,
}

/// A group with its resources.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its id.
    pub id: Id,
    /// Its attributes.
    pub own: Arc<GroupState>,
    /// Its epoch, which increases with its attributes and when resources are added or removed.
    pub epoch: u64,
    /// When it was last modified, in the same sense.
    pub modified: Moment,
    /// The last time that resources were added or removed.
    pub members: Stamp,
    /// Its resources, by type (plural) and id.
    pub resources: OrdMap<Id, EntityMap<Resource>>,
    /// Its past.
    pub past: Arc<Past<Resource>>,
}

/// A group's attributes.
#[derive(Clone, Debug)]
pub struct GroupState {
    /// The attributes that clients set.
    pub attributes: Option<Content>,
    /// The documents that are bound to its members.
    pub bindings: Arc<Bindings>,
    /// When it was created.
    pub created: Moment,
    /// The command that wrote this state.
    pub stamp: Stamp,
    /// The states before this one.
    pub earlier: Earlier<Self>,
}

/// The schema and the rules for documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings {
    /// The xid of a schema or of one of its versions.
    pub schema: Option<Xid>,
    /// The message of that schema, if it is a Protobuf schema; without it the first one.
    pub message: Option<Arc<str>>,
    /// Whether that schema asserts every `format`.
    pub assert_format: bool,
    /// The xids of rules or of rule groups.
    pub rules: Vec<Xid>,
    /// What it asks for from new versions of schemas.
    pub settings: Option<SchemaSettings>,
    /// The same for schemas that may not exist yet, by the names of their subjects.
    pub subjects: BTreeMap<String, SchemaSettings>,
}

/// How a new version of a schema must be compatible with earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CompatibilityRule {
    /// With which of them, and in which direction.
    pub level: Level,
    /// By which rules that is judged.
    pub policy: Policy,
}

impl Bindings {
    /// Whether nothing is bound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.schema.is_none()
            && self.rules.is_empty()
            && self.settings.is_none()
            && self.subjects.is_empty()
    }

    /// What a type binds by itself.
    #[must_use]
    pub fn of_type(aspect: &Aspect) -> Self {
        Self {
            schema: aspect.schema.clone(),
            message: aspect.message.as_deref().map(Arc::from),
            assert_format: aspect.assert_format,
            rules: aspect.rules.clone(),
            ..Self::default()
        }
    }

    /// All bound documents; a binding is also a reference.
    pub fn targets(&self) -> impl Iterator<Item = &Xid> {
        self.schema.iter().chain(&self.rules)
    }
}

/// A resource: its Meta and its versions.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its id.
    pub id: Id,
    /// Its Meta.
    pub meta: Arc<Meta>,
    /// The last change of the default version's choice.
    pub pointer: Stamp,
    /// The last change anywhere in the resource.
    pub any: Stamp,
    /// Its versions by id.
    pub versions: Versions,
    /// What it refers to, as in the index of referrers: what its default version refers to and, for
    /// a schema, what any of its versions refers to, because each may be bound by its name.
    pub indexed: Arc<[Xid]>,
    /// As a schema, its default version's `$id` and the addresses that any of its versions refers to,
    /// as in the indexes of identifiers.
    pub addresses: Option<Arc<SchemaFacts>>,
    /// The version with which it is in the indexes of fields; none if it isn't there.
    pub searched: Option<Arc<Version>>,
    /// Its number in the indexes.
    pub number: u32,
    /// Its past; none if only one command has changed it.
    pub past: Option<Arc<ResourcePast>>,
    /// Its maker, as the actor in entries.
    pub maker: Arc<str>,
}

impl Resource {
    /// The default version.
    #[must_use]
    pub fn default_version(&self) -> Option<&Arc<Version>> {
        self.versions.get(&self.meta.default)
    }

    /// What it refers to now; `xid` is its name.
    #[must_use]
    pub fn references(&self, xid: &Xid) -> Arc<[Xid]> {
        let default = self.default_version();
        let of_default = default.map(|version| version.facts.references.clone());
        let of_default = of_default.unwrap_or_default();
        if !is_among_schemas(xid) {
            return of_default;
        }
        let schemas = self.versions.iter().filter_map(|version| version.facts.schema.as_ref());
        let all: BTreeSet<&Xid> = schemas.flat_map(|schema| schema.references.iter()).collect();
        let all: BTreeSet<&Xid> = all.into_iter().chain(of_default.iter()).collect();
        all.into_iter().cloned().collect()
    }

    /// Its `$id` and the addresses that it refers to now; `xid` is its name.
    #[must_use]
    pub fn addresses(&self, xid: &Xid) -> Option<Arc<SchemaFacts>> {
        if !is_among_schemas(xid) {
            return None;
        }
        let default = self.default_version().and_then(|version| version.facts.schema.as_ref());
        let schemas = self.versions.iter().filter_map(|version| version.facts.schema.as_ref());
        let all: BTreeSet<&Arc<str>> = schemas.flat_map(|schema| schema.addresses.iter()).collect();
        let facts = SchemaFacts {
            references: Box::default(),
            id: default.and_then(|schema| schema.id.clone()),
            addresses: all.into_iter().cloned().collect(),
        };
        facts.has_addresses().then(|| Arc::new(facts))
    }
}

/// A resource's Meta.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The attributes that clients set.
    pub attributes: Option<Content>,
    /// The resource's epoch.
    pub epoch: u64,
    /// When the resource was created.
    pub created: Moment,
    /// When Meta was last modified.
    pub modified: Moment,
    /// The default version.
    pub default: Id,
    /// Whether the default version is pinned.
    pub sticky: bool,
    /// The highest version number that the server has assigned; 0 if none.
    pub last_number: u64,
    /// What it asks for from new versions, if it is a schema.
    pub settings: Option<Arc<SchemaSettings>>,
    /// The command that last changed the choice of the default version, as the position of a state
    /// of Meta.
    pub pointer: Position,
    /// The command that wrote this state.
    pub stamp: Stamp,
    /// The states before this one.
    pub earlier: Earlier<Self>,
}

/// A version.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its id.
    pub id: Id,
    /// The attributes that clients set.
    pub attributes: Option<Content>,
    /// Its epoch.
    pub epoch: u64,
    /// When it was created.
    pub created: Moment,
    /// When it was last modified.
    pub modified: Moment,
    /// The version that it derives from; a root names itself.
    pub ancestor: Id,
    /// The document's bytes; none if no document is stored here.
    pub document: Option<Content>,
    /// The document's media type.
    pub content_type: Option<Arc<str>>,
    /// Its lifecycle state.
    pub state: Lifecycle,
    /// The command that wrote this state.
    pub stamp: Stamp,
    /// The facts that the model lifts from its document.
    pub facts: VersionFacts,
    /// The terms of its labels.
    pub labels: Arc<[Arc<Term>]>,
    /// Terms that only earlier models lift from its document.
    pub former: Option<Arc<FormerTerms>>,
    /// The states before this one.
    pub earlier: Earlier<Self>,
}

/// A state of an entity.
pub trait State: Chained {
    /// The contents of this state.
    fn contents(&self) -> [Option<Content>; 2];
}

/// All contents of a state and of the earlier ones.
pub fn contents_of<T: State>(newest: &Arc<T>) -> impl Iterator<Item = Content> {
    states(newest).flat_map(|state| state.contents().into_iter().flatten())
}

/// Implements chains for a type of states; each state is valid from its position on.
macro_rules! chained {
    ($type:ty, $state:ident => $position:expr $(, $parameter:ident)?) => {
        impl$(<$parameter>)? Chained for $type {
            fn earlier(&self) -> &Earlier<Self> {
                &self.earlier
            }

            fn earlier_mut(&mut self) -> &mut Earlier<Self> {
                &mut self.earlier
            }

            fn position(&self) -> Position {
                let $state = self;
                $position
            }
        }
    };
}
use chained;

chained!(RegistryState, state => state.own.position);
chained!(GroupState, state => state.stamp.position);
chained!(Meta, state => state.stamp.position);
chained!(Version, state => state.stamp.position);

impl State for GroupState {
    fn contents(&self) -> [Option<Content>; 2] {
        [self.attributes, None]
    }
}

impl State for Meta {
    fn contents(&self) -> [Option<Content>; 2] {
        [self.attributes, None]
    }
}

impl State for Version {
    fn contents(&self) -> [Option<Content>; 2] {
        [self.attributes, self.document]
    }
}

/// A deletion: what it hid, and earlier deletions of the same name.
#[derive(Clone, Debug)]
pub struct HiddenEntity {
    /// The deletion.
    pub stamp: Stamp,
    /// What it hid.
    pub what: Subtree,
    /// The previous deletion of the name.
    pub before: Option<Arc<Self>>,
}

impl HiddenEntity {
    /// This deletion and the earlier ones of the name, newest first.
    pub fn chain(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        std::iter::successors(Some(self), |hidden| hidden.before.as_ref())
    }
}

/// Dropped in a loop, like chains of states.
impl Drop for HiddenEntity {
    fn drop(&mut self) {
        let mut next = self.before.take();
        while let Some(mut hidden) = next.and_then(Arc::into_inner) {
            next = hidden.before.take();
        }
    }
}

/// An entity with everything in it.
#[derive(Clone, Debug)]
pub enum Subtree {
    /// A group.
    Group(Arc<Group>),
    /// A resource.
    Resource(Arc<Resource>),
    /// A version.
    Version(Arc<Version>),
}

impl Subtree {
    /// Whether it contains the resource or the version with this name.
    #[must_use]
    pub fn holds(&self, xid: &Xid) -> bool {
        let resource = match self {
            Self::Version(_) => None,
            Self::Resource(resource) => Some(resource),
            Self::Group(group) => resource_in(group, xid),
        };
        match xid {
            Xid::Version { version, .. } => {
                resource.is_some_and(|resource| resource.versions.get(version).is_some())
            }
            _ => resource.is_some() && matches!(self, Self::Group(_)),
        }
    }

    /// All contents of all states in it.
    #[must_use]
    pub fn contents(&self) -> Vec<Content> {
        match self {
            Self::Version(version) => contents_of(version).collect(),
            Self::Resource(resource) => resource_contents(resource).collect(),
            Self::Group(group) => contents_of(&group.own)
                .chain(
                    group
                        .resources
                        .values()
                        .flat_map(|resources| resources.values())
                        .flat_map(|resource| resource_contents(resource)),
                )
                .collect(),
        }
    }
}

/// The resource of a group that an xid names or is in.
pub(crate) fn resource_in<'a>(group: &'a Group, xid: &Xid) -> Option<&'a Arc<Resource>> {
    let (resources, resource) = xid.resource_ids()?;
    exact(group.resources.get(resources)?, resource)
}

fn resource_contents(resource: &Resource) -> impl Iterator<Item = Content> {
    contents_of(&resource.meta).chain(resource.versions.iter().flat_map(contents_of))
}

/// An API key. Only the endpoint of keys reads its record.
#[derive(Clone, Debug)]
pub struct RegisteredKey {
    /// The record (salted hash, name, role).
    pub record: Content,
    /// When it was created.
    pub created: Moment,
    /// When it was revoked.
    pub revoked: Option<Moment>,
    /// Whether its permissions are limited.
    pub is_limited: bool,
    /// When it expires.
    pub expires: Option<Moment>,
    /// Whether its record was erased.
    pub is_forgotten: bool,
}

impl RegisteredKey {
    /// Whether it is valid at a moment.
    #[must_use]
    pub fn is_in_force(&self, now: Moment) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }
}

/// The remembered answer to a command with an idempotency key.
#[derive(Clone, Debug)]
pub struct RememberedAnswer {
    /// The digest of the request that carried the key.
    pub request: muster_words::Digest,
    /// The position at which the command ended.
    pub position: Position,
    /// What happened to the subject.
    pub outcome: crate::changes::Outcome,
    /// The entity that the command targeted.
    pub subject: Xid,
    /// What the answer showed; none means the subject. Members are listed only in the ledger.
    pub shown: Option<crate::changes::RecordedAnswerSubject>,
    /// The moment; answers are remembered for a day of ledger time.
    pub moment: Moment,
}
