use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use muster_schema::Violation;
use muster_words::{ContentRef, Digest, Id, Moment, Xid};
use serde_json::{Map, Value};

use super::{NoDecision, PreparedAction, PreparedCommand, StoredAttributes};
use crate::{
    Catalog, Content, Lifecycle,
    changes::ContentName,
    command::{Ignore, Mode, NewModel, SetDefault},
    facts::VersionFacts,
    judge::Verdict,
    state::{Bindings, Group, Resource, Version},
    tree::Subject,
};
use muster_model::{Model, ResourceType};

/// A command on its way to a decision: the entities that it touches, as they will be.
///
/// An entity is edited once a command however often the command names it, so that its epoch
/// counts up once.
pub(super) struct Draft<'a> {
    pub catalog: &'a Catalog,
    pub stored_attributes: &'a dyn StoredAttributes,
    pub now: Moment,
    pub mode: Mode,
    pub ignore: Ignore,
    /// The one entity that the request is for, where it is for one.
    pub target: Option<&'a Xid>,
    pub set_default: Option<&'a SetDefault>,
    pub schemas: &'a BTreeMap<ContentRef, Vec<Violation>>,
    pub model: Arc<Model>,
    pub new_model: Option<NewModel>,
    pub capabilities: Option<Bytes>,
    pub registry: Option<RegistryEdit>,
    pub groups: BTreeMap<Xid, GroupEdit>,
    pub resources: BTreeMap<Xid, ResourceEdit>,
    /// The ids of what this command makes, by xid without regard to case.
    pub names: BTreeMap<String, Id>,
    /// Attributes that are needed and aren't in memory.
    pub missing: RefCell<Vec<Content>>,
    /// Groups and resources that are hidden: they can be restored.
    pub hidden: BTreeSet<Xid>,
    pub contents: BTreeMap<Digest, Bytes>,
    /// Those of the contents that are attributes.
    pub kept: BTreeMap<Digest, Arc<Map<String, Value>>>,
    /// The verdicts on the documents that it writes, each with the document's resource.
    pub verdicts: Vec<(Xid, Arc<Verdict>)>,
    /// What the answer shows of a collection.
    pub members: Vec<Xid>,
    /// The version that a POST to a resource created or updated.
    pub processed: Option<Xid>,
}

/// Attributes as they will be.
#[derive(Clone, Debug)]
pub(super) enum DraftAttributes {
    /// As they are, wherever they lie.
    Same(Option<Content>),
    /// These.
    New(Map<String, Value>),
}

pub(super) struct RegistryEdit {
    pub attributes: DraftAttributes,
    pub created: Moment,
    pub modified: Moment,
    /// Its own attributes were written.
    pub own: bool,
    /// Groups came or went.
    pub members: bool,
}

pub(super) struct GroupEdit {
    pub old: Option<Arc<Group>>,
    pub attributes: DraftAttributes,
    pub bindings: Arc<Bindings>,
    pub created: Moment,
    pub modified: Moment,
    /// Its own attributes were written.
    pub own: bool,
    /// Resources came or went.
    pub members: bool,
}

pub(super) struct ResourceEdit {
    pub xid: Xid,
    pub kind: Arc<ResourceType>,
    pub old: Option<Arc<Resource>>,
    /// Versions that are written.
    pub versions: BTreeMap<Id, VersionEdit>,
    /// Versions that go.
    pub removed: BTreeSet<Id>,
    pub attributes: DraftAttributes,
    pub created: Moment,
    pub modified: Moment,
    pub sticky: bool,
    pub default: Option<Id>,
    pub last_number: u64,
    /// The newest version that there will be, once the ancestors are checked.
    pub newest: Option<Id>,
    /// Meta was written, so its epoch counts up.
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
    pub content_type: Option<Arc<str>>,
    pub state: Lifecycle,
    pub facts: VersionFacts,
}

/// A document as it will be.
#[derive(Clone, Copy, Debug)]
pub(super) enum DocumentEdit {
    /// As it is.
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
                Subject::Members | Subject::Model | Subject::Capabilities => None,
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
            schemas: &prepared.schemas,
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
            members: Vec::new(),
            processed: None,
        }
    }

    /// What to ignore of an entity. Its id is ignored only where the request is for that entity, or
    /// for a version or the Meta of that resource.
    pub fn ignored_of(&self, xid: &Xid) -> Ignore {
        let is_target = |target: &Xid| target == xid || target.resource().as_ref() == Some(xid);
        Ignore { id: self.ignore.id && self.target.is_some_and(is_target), ..self.ignore }
    }

    /// The attributes that a content holds; none where there is no content. Where they aren't in
    /// memory there are none either, and [`Draft::check_loaded`] asks for them in the end.
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

    /// The attributes as they stand in the draft.
    pub fn current(&self, attributes: &DraftAttributes) -> Map<String, Value> {
        match attributes {
            DraftAttributes::Same(content) => self.stored(content.as_ref()),
            DraftAttributes::New(map) => map.clone(),
        }
    }

    /// The outcome of a draft, or all attributes that were missing for it. They are asked for
    /// together, because a command goes back only a few times.
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

    /// The group as it will be, if it is there or is made by this command.
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

    /// A resource as it is, ready to be edited.
    pub fn existing(&self, xid: &Xid, kind: &Arc<ResourceType>) -> Option<ResourceEdit> {
        let resource = self.catalog.resource_at(xid)?.clone();
        Some(ResourceEdit::of(xid, kind, resource, self.now))
    }

    /// Whether this command hides the entity, or what it lies in.
    pub fn is_removed(&self, xid: &Xid) -> bool {
        let mut names = std::iter::successors(Some(xid.clone()), Xid::parent);
        names.any(|name| self.hidden.contains(&name))
    }

    /// Whether the entity will be there.
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

    /// Remembers a content that will be stored, and names it.
    pub fn keep(&mut self, bytes: &Bytes, digest: Digest) -> ContentName {
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.contents.insert(digest, bytes.clone());
        ContentName { digest, size, at: None }
    }
}

impl ResourceEdit {
    /// A resource that isn't there yet.
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

    /// A resource that is there or that comes back, modified now.
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

    /// Whether the version will be there.
    pub fn has(&self, id: &Id) -> bool {
        self.versions.contains_key(id)
            || (!self.removed.contains(id)
                && self.old.as_ref().is_some_and(|old| old.versions.get(id).is_some()))
    }

    /// How many versions there will be.
    pub fn count(&self) -> usize {
        let old = self.old.as_ref().map_or(0, |old| old.versions.len());
        let new = self.versions.values().filter(|version| version.old.is_none()).count();
        old + new - self.removed.len()
    }

    /// Whether versions come or go.
    pub fn moves_versions(&self) -> bool {
        !self.removed.is_empty() || self.versions.values().any(|version| version.old.is_none())
    }

    /// A version as it will be, ready to be edited further.
    pub fn version_edit(&mut self, id: &Id, now: Moment) -> Option<&mut VersionEdit> {
        if !self.versions.contains_key(id) && !self.removed.contains(id) {
            let old = self.old.as_ref()?.versions.get(id)?.clone();
            self.versions.insert(id.clone(), VersionEdit::of(old, now));
        }
        self.versions.get_mut(id)
    }
}

impl VersionEdit {
    /// A version as it is, modified now.
    pub fn of(old: Arc<Version>, now: Moment) -> Self {
        Self {
            attributes: DraftAttributes::Same(old.attributes),
            created: old.created,
            modified: now,
            ancestor: Some(old.ancestor.clone()),
            document: old.document.map(DocumentEdit::Same),
            content_type: old.content_type.clone(),
            state: old.state,
            facts: old.facts.clone(),
            old: Some(old),
        }
    }
}
