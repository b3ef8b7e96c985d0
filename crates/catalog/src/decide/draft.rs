use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use muster_schema::{SchemaFormat, Violation};
use muster_words::{Digest, Id, Moment, Xid};
use serde_json::{Map, Value};

use super::{
    NoDecision, PreparedAction, PreparedCommand, StoredAttributes, StoredVerdicts,
    UnjudgedDocument, registered::GivenIds,
};
use crate::{
    Catalog, Content, Lifecycle,
    changes::ContentName,
    command::{Authority, Ignore, Mode, NewModel, SchemaWrite, SetDefault, Succession},
    facts::VersionFacts,
    judge::{SchemaIdentity, Verdict, holds_schemas},
    state::{Bindings, Group, Resource, Version},
    tree::Subject,
};
use muster_model::{Model, ResourceType};

/// The draft of a decision: the touched entities in their future state.
///
/// Each entity is edited once per command, even if the command names it several times, so its epoch
/// increases by one.
pub(super) struct Draft<'a> {
    pub catalog: &'a Catalog,
    pub stored_attributes: &'a dyn StoredAttributes,
    pub now: Moment,
    pub mode: Mode,
    pub ignore: Ignore,
    /// The single entity that the request targets, if it is a single one.
    pub target: Option<&'a Xid>,
    pub set_default: Option<&'a SetDefault>,
    pub succession: Succession,
    pub authority: &'a Authority,
    pub stored: &'a StoredVerdicts,
    pub model: Arc<Model>,
    pub new_model: Option<NewModel>,
    pub capabilities: Option<Bytes>,
    pub registry: Option<RegistryEdit>,
    pub groups: BTreeMap<Xid, GroupEdit>,
    pub resources: BTreeMap<Xid, ResourceEdit>,
    /// The ids of new entities, by case-folded xid.
    pub names: BTreeMap<String, Id>,
    /// Attributes that are needed but aren't in memory.
    pub missing: RefCell<Vec<Content>>,
    /// Groups and resources that will be hidden and can be restored.
    pub hidden: BTreeSet<Xid>,
    pub contents: BTreeMap<Digest, Bytes>,
    /// Those contents that are attributes.
    pub kept: BTreeMap<Digest, Arc<Map<String, Value>>>,
    /// The verdicts on written documents, each with the document's resource.
    pub verdicts: Vec<(Xid, Arc<Verdict>)>,
    /// Stored documents that must be judged again, because their media types change.
    pub unjudged: Vec<UnjudgedDocument>,
    /// The members of a collection that the answer shows.
    pub members: Vec<Xid>,
    /// The version that a POST to a resource created or updated.
    pub processed: Option<Xid>,
    /// How schemas are registered.
    pub schemas: SchemaWrite,
    /// The ids of schemas that the command registers.
    pub given: GivenIds,
}

/// Attributes in their future state.
#[derive(Clone, Debug)]
pub(super) enum DraftAttributes {
    /// Unchanged, in this content.
    Same(Option<Content>),
    /// New ones.
    New(Map<String, Value>),
}

pub(super) struct RegistryEdit {
    pub attributes: DraftAttributes,
    pub created: Moment,
    pub modified: Moment,
    /// Whether its own attributes were written.
    pub own: bool,
    /// Whether groups were added or removed.
    pub members: bool,
}

pub(super) struct GroupEdit {
    pub old: Option<Arc<Group>>,
    pub attributes: DraftAttributes,
    pub bindings: Arc<Bindings>,
    pub created: Moment,
    pub modified: Moment,
    /// Whether its own attributes were written.
    pub own: bool,
    /// Whether resources were added or removed.
    pub members: bool,
}

pub(super) struct ResourceEdit {
    pub xid: Xid,
    pub kind: Arc<ResourceType>,
    pub old: Option<Arc<Resource>>,
    /// Written versions.
    pub versions: BTreeMap<Id, VersionEdit>,
    /// Removed versions.
    pub removed: BTreeSet<Id>,
    pub attributes: DraftAttributes,
    pub created: Moment,
    pub modified: Moment,
    pub sticky: bool,
    pub default: Option<Id>,
    pub last_number: u64,
    /// The newest version after the command, as soon as the ancestors are settled.
    pub newest: Option<Id>,
    /// Whether Meta was written, so that its epoch increases.
    pub touched: bool,
}

#[derive(Clone)]
pub(super) struct VersionEdit {
    pub old: Option<Arc<Version>>,
    pub attributes: DraftAttributes,
    pub created: Moment,
    pub modified: Moment,
    pub ancestor: Option<Id>,
    pub document: Option<DocumentEdit>,
    /// Whether the command brings a document that was judged.
    pub is_judged: bool,
    /// Why that document is no JSON Schema, if it is among the schemas.
    pub schema_fault: Option<Arc<[Violation]>>,
    /// As what it was judged among the schemas; none if it wasn't judged with this command.
    pub judged_as: Option<Option<SchemaFormat>>,
    /// What the document that the command brings is known by as a schema.
    pub identity: Option<Arc<SchemaIdentity>>,
    /// Whether the command says that the document is stored elsewhere.
    pub is_elsewhere: bool,
    pub content_type: Option<Arc<str>>,
    pub state: Lifecycle,
    pub facts: VersionFacts,
}

/// A document in its future state.
#[derive(Clone, Copy, Debug)]
pub(super) enum DocumentEdit {
    /// Unchanged.
    Same(Content),
    /// New bytes.
    New(ContentName),
}

impl<'a> Draft<'a> {
    pub fn new(
        catalog: &'a Catalog,
        stored_attributes: &'a dyn StoredAttributes,
        prepared: &'a PreparedCommand,
        now: Moment,
    ) -> Self {
        let target = match &prepared.action {
            PreparedAction::Write(action) => match &action.tree.subject {
                Subject::Entity(xid) | Subject::VersionOf(xid) => Some(xid),
                Subject::Members | Subject::Model | Subject::Capabilities | Subject::Plan => None,
            },
            _ => None,
        };
        Self {
            catalog,
            stored_attributes,
            now,
            mode: Mode::Put,
            ignore: prepared.ignore,
            target,
            set_default: prepared.set_default.as_ref(),
            succession: prepared.succession,
            stored: &prepared.stored,
            authority: &prepared.authority,
            model: catalog.model.clone(),
            new_model: None,
            capabilities: None,
            registry: None,
            groups: BTreeMap::new(),
            resources: BTreeMap::new(),
            names: BTreeMap::new(),
            missing: RefCell::default(),
            hidden: BTreeSet::new(),
            contents: BTreeMap::new(),
            kept: BTreeMap::new(),
            verdicts: Vec::new(),
            unjudged: Vec::new(),
            members: Vec::new(),
            processed: None,
            schemas: SchemaWrite::default(),
            given: GivenIds::default(),
        }
    }

    /// What to ignore for an entity. A wrong id is ignored only if the request targets the entity
    /// itself, or a version or the Meta of that resource.
    pub fn ignored_of(&self, xid: &Xid) -> Ignore {
        let is_target = |target: &Xid| target == xid || target.resource().as_ref() == Some(xid);
        Ignore { id: self.ignore.id && self.target.is_some_and(is_target), ..self.ignore }
    }

    /// The attributes in a content; empty if there is no content. They are also empty if they
    /// aren't in memory; then [`Draft::check_loaded`] requests them at the end.
    pub fn stored(&self, content: Option<&Content>) -> Map<String, Value> {
        let Some(content) = content else { return Map::new() };
        match self.stored_attributes.attributes(content) {
            Some(map) => (*map).clone(),
            None => {
                self.missing.borrow_mut().push(*content);
                Map::new()
            }
        }
    }

    /// The present attributes of the draft.
    pub fn current(&self, attributes: &DraftAttributes) -> Map<String, Value> {
        match attributes {
            DraftAttributes::Same(content) => self.stored(content.as_ref()),
            DraftAttributes::New(map) => map.clone(),
        }
    }

    /// The outcome of a draft, or all attributes that were missing. They are requested together,
    /// because the number of retries is limited.
    pub fn check_loaded(&self, outcome: Result<(), NoDecision>) -> Result<(), NoDecision> {
        match self.missing.take() {
            missing if missing.is_empty() => outcome,
            missing => Err(NoDecision::Missing(missing)),
        }
    }

    pub fn registry_edit(&mut self) -> &mut RegistryEdit {
        let state = &self.catalog.registry;
        let now = self.now;
        self.registry.get_or_insert_with(|| RegistryEdit {
            attributes: DraftAttributes::Same(state.attributes),
            created: state.created,
            modified: now,
            own: false,
            members: false,
        })
    }

    /// The group in its future state, if it exists or this command creates it.
    pub fn group_edit(&mut self, xid: &Xid) -> Option<&mut GroupEdit> {
        if !self.groups.contains_key(xid) {
            let group = self.catalog.group_at(xid)?.clone();
            let edit = GroupEdit {
                attributes: DraftAttributes::Same(group.own.attributes),
                bindings: group.own.bindings.clone(),
                created: group.own.created,
                modified: self.now,
                own: false,
                members: false,
                old: Some(group),
            };
            self.groups.insert(xid.clone(), edit);
        }
        self.groups.get_mut(xid)
    }

    /// An existing resource, for editing.
    pub fn existing(&self, xid: &Xid, kind: &Arc<ResourceType>) -> Option<ResourceEdit> {
        let resource = self.catalog.resource_at(xid)?.clone();
        let mut edit = ResourceEdit::of(xid, kind, resource, self.now);
        self.go_on_counting(&mut edit);
        Some(edit)
    }

    /// A schema's versions go on counting after deleted ones, whose numbers clients know.
    pub fn go_on_counting(&self, edit: &mut ResourceEdit) {
        if holds_schemas(&edit.kind) {
            let last = self.catalog.registrations.last_number(&edit.xid);
            edit.last_number = edit.last_number.max(u64::from(last));
        }
    }

    /// Whether this command hides the entity or a parent of it.
    pub fn is_removed(&self, xid: &Xid) -> bool {
        let mut names = std::iter::successors(Some(xid.clone()), Xid::parent);
        names.any(|name| self.hidden.contains(&name))
    }

    /// Whether the entity will exist.
    pub fn will_have(&self, xid: &Xid) -> bool {
        if self.is_removed(xid) {
            return false;
        }
        match xid {
            Xid::Registry => true,
            Xid::Group { .. } => self.groups.contains_key(xid) || self.catalog.has(xid),
            Xid::Resource { .. } | Xid::Meta { .. } => {
                let resource = xid.resource();
                resource.is_some_and(|name| self.resources.contains_key(&name))
                    || self.catalog.has(xid)
            }
            Xid::Version { version, .. } => {
                let edit = xid.resource().and_then(|name| self.resources.get(&name));
                edit.map_or_else(|| self.catalog.has(xid), |edit| edit.has(version))
            }
        }
    }

    pub fn set_model(&mut self, new: &NewModel) {
        self.model = new.model.clone();
        self.new_model = Some(new.clone());
        self.registry_edit().own = true;
    }

    pub fn set_capabilities(&mut self, sent: &Value) {
        self.capabilities = Some(muster_words::json::to_canonical(sent).into());
        self.registry_edit().own = true;
    }

    /// Adds a content to be stored, and returns its name.
    pub fn keep(&mut self, bytes: &Bytes, digest: Digest) -> ContentName {
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.contents.insert(digest, bytes.clone());
        ContentName { digest, size, at: None }
    }
}

impl ResourceEdit {
    /// A new resource.
    pub fn new(xid: &Xid, kind: &Arc<ResourceType>, now: Moment) -> Self {
        Self {
            xid: xid.clone(),
            kind: kind.clone(),
            old: None,
            versions: BTreeMap::new(),
            removed: BTreeSet::new(),
            attributes: DraftAttributes::Same(None),
            created: now,
            modified: now,
            sticky: false,
            default: None,
            last_number: 0,
            newest: None,
            touched: false,
        }
    }

    /// An existing or restored resource, modified now.
    pub fn of(xid: &Xid, kind: &Arc<ResourceType>, old: Arc<Resource>, now: Moment) -> Self {
        Self {
            xid: xid.clone(),
            kind: kind.clone(),
            versions: BTreeMap::new(),
            removed: BTreeSet::new(),
            attributes: DraftAttributes::Same(old.meta.attributes),
            created: old.meta.created,
            modified: now,
            sticky: old.meta.sticky,
            default: Some(old.meta.default.clone()),
            last_number: old.meta.last_number,
            newest: None,
            touched: false,
            old: Some(old),
        }
    }

    /// Whether the version will exist.
    pub fn has(&self, id: &Id) -> bool {
        self.versions.contains_key(id)
            || (!self.removed.contains(id)
                && self.old.as_ref().is_some_and(|old| old.versions.get(id).is_some()))
    }

    /// The number of versions after the command.
    pub fn count(&self) -> usize {
        let old = self.old.as_ref().map_or(0, |old| old.versions.len());
        let new = self.versions.values().filter(|version| version.old.is_none()).count();
        old + new - self.removed.len()
    }

    /// Whether versions are added or removed.
    pub fn moves_versions(&self) -> bool {
        !self.removed.is_empty() || self.versions.values().any(|version| version.old.is_none())
    }

    /// A version in its future state, for further editing.
    pub fn version_edit(&mut self, id: &Id, now: Moment) -> Option<&mut VersionEdit> {
        if !self.versions.contains_key(id) && !self.removed.contains(id) {
            let old = self.old.as_ref()?.versions.get(id)?.clone();
            self.versions.insert(id.clone(), VersionEdit::of(old, now));
        }
        self.versions.get_mut(id)
    }
}

impl VersionEdit {
    /// An existing version, modified now.
    pub fn of(old: Arc<Version>, now: Moment) -> Self {
        Self {
            attributes: DraftAttributes::Same(old.attributes),
            created: old.created,
            modified: now,
            ancestor: Some(old.ancestor.clone()),
            document: old.document.map(DocumentEdit::Same),
            is_judged: false,
            schema_fault: None,
            judged_as: None,
            identity: None,
            is_elsewhere: false,
            content_type: old.content_type.clone(),
            state: old.state,
            facts: old.facts.clone(),
            old: Some(old),
        }
    }
}
