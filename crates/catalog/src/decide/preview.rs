use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use muster_words::{ContentRef, Digest, Id, Notation, Position, Xid};

use super::{
    draft::{DocumentEdit, Draft, DraftAttributes, ResourceEdit, VersionEdit},
    emit::written,
};
use crate::{
    Catalog,
    facts::VersionFacts,
    judge::{
        Dependency, DocumentContent, IdLookup, Resolver, SchemaOrigin, Verdict, binding_documents,
        holds_schemas, is_among_schemas, must_be_schema,
    },
    state::{Bindings, Group, Version},
    tree::{WriteTree, removes},
};
use muster_model::{Model, ResourceType};

impl Resolver for Catalog {
    fn content_at(&self, xid: &Xid) -> Option<DocumentContent> {
        self.version_at(xid)?.document_content(xid)
    }

    fn members_of(&self, group: &Xid) -> Option<Vec<Xid>> {
        Some(members(group, self.group_at(group)?).collect())
    }

    fn identified(&self, group: &Xid, id: &str) -> Vec<Xid> {
        Catalog::identified(self, group, id).into_iter().collect()
    }
}

/// Which documents names will lead to after a command.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    contents: BTreeMap<Xid, Option<DocumentContent>>,
    /// The groups that it creates or adds resources to, with those resources.
    made: BTreeMap<Xid, Vec<Xid>>,
    /// The `$id`s of the schemas that it writes; none for those that have none.
    ids: BTreeMap<Xid, Option<Arc<str>>>,
    /// The groups and resources that it deletes.
    removed: BTreeSet<Xid>,
    /// The documents that aren't stored yet.
    bytes: BTreeMap<Digest, Bytes>,
}

impl Preview {
    /// The content that a name will lead to. New contents have position 0.
    pub(crate) fn content_at(&self, view: &Catalog, xid: &Xid) -> Option<DocumentContent> {
        match self.contents.get(xid) {
            Some(content) => *content,
            None if removes(&self.removed, xid) => None,
            None => view.content_at(xid),
        }
    }

    /// The names of all resources that will be in a group; none if the group won't exist.
    pub(crate) fn members_of(&self, view: &Catalog, group: &Xid) -> Option<Vec<Xid>> {
        let there = view.members_of(group);
        with_created(without(there, group, &self.removed), self.made.get(group).cloned())
    }

    /// The schemas of a group that will have this `$id`.
    pub(crate) fn identified(&self, view: &Catalog, group: &Xid, id: &str) -> Vec<Xid> {
        let mut found = view.identified(group, id);
        found.retain(|xid| !self.ids.contains_key(xid));
        let own = self
            .ids
            .iter()
            .filter(|(xid, own)| own.as_deref() == Some(id) && xid.group().as_ref() == Some(group));
        found.extend(own.map(|(xid, _)| xid.clone()));
        found.into_iter().collect()
    }

    /// The bytes of a new content.
    pub(crate) fn bytes_of(&self, content: &ContentRef) -> Option<Bytes> {
        let is_new = content.position == Position::ZERO;
        self.bytes.get(&content.digest).filter(|_| is_new).cloned()
    }
}

/// The existing members of a group without those that are deleted; none if the group is deleted.
fn without(there: Option<Vec<Xid>>, group: &Xid, removed: &BTreeSet<Xid>) -> Option<Vec<Xid>> {
    let mut members = there.filter(|_| !removes(removed, group))?;
    members.retain(|xid| !removed.contains(xid));
    Some(members)
}

/// The existing members of a group, then the new ones.
fn with_created(there: Option<Vec<Xid>>, made: Option<Vec<Xid>>) -> Option<Vec<Xid>> {
    if there.is_none() && made.is_none() {
        return None;
    }
    Some(there.into_iter().chain(made).flatten().collect())
}

/// The names of all resources in a group.
pub(super) fn members<'a>(xid: &'a Xid, group: &'a Group) -> impl Iterator<Item = Xid> + 'a {
    let name = move |resources: &Id, resource: &Id| match xid {
        Xid::Group { groups, group } => Xid::Resource {
            groups: groups.clone(),
            group: group.clone(),
            resources: resources.clone(),
            resource: resource.clone(),
        },
        other => other.clone(),
    };
    group.resources.iter().flat_map(move |(resources, collection)| {
        collection.values().map(move |resource| name(resources, &resource.id))
    })
}

impl Resolver for Draft<'_> {
    fn content_at(&self, xid: &Xid) -> Option<DocumentContent> {
        let edit = xid.resource().and_then(|resource| self.resources.get(&resource));
        let Some(edit) = edit else {
            return if self.is_removed(xid) { None } else { self.catalog.content_at(xid) };
        };
        match xid {
            Xid::Version { version, .. } => edit.content_at(version),
            _ => edit.content_at(edit.default.as_ref()?),
        }
    }

    fn members_of(&self, group: &Xid) -> Option<Vec<Xid>> {
        let there = without(self.catalog.members_of(group), group, &self.hidden);
        let made: Vec<Xid> = self.created_in(group).cloned().collect();
        let makes = !made.is_empty() || (there.is_none() && self.groups.contains_key(group));
        with_created(there, makes.then_some(made))
    }

    fn identified(&self, group: &Xid, id: &str) -> Vec<Xid> {
        let mut found = self.catalog.identified(group, id);
        found.retain(|xid| !self.resources.contains_key(xid) && !self.is_removed(xid));
        let own = self.resources.iter().filter(|(xid, edit)| {
            xid.group().as_ref() == Some(group) && edit.id_of_default().as_deref() == Some(id)
        });
        found.extend(own.map(|(xid, _)| xid.clone()));
        found.into_iter().collect()
    }
}

impl ResourceEdit {
    fn content_at(&self, version: &Id) -> Option<DocumentContent> {
        match self.versions.get(version) {
            Some(edit) => {
                let content_type = edit.content_type.as_deref();
                let content = edit.document?.reference();
                let notation = Notation::of(content_type);
                let schema = is_among_schemas(&self.xid).then(|| edit.attributes_reference());
                let schema = schema
                    .and_then(|attributes| SchemaOrigin::of(&self.xid, content_type, attributes));
                Some(DocumentContent { content, notation, schema })
            }
            None if self.removed.contains(version) => None,
            None => self.old.as_ref()?.versions.get(version)?.document_content(&self.xid),
        }
    }
}

impl ResourceEdit {
    /// The facts of the version that will be the default.
    pub(super) fn default_facts(&self) -> Option<&VersionFacts> {
        let default = self.default.as_ref()?;
        match self.versions.get(default) {
            Some(edit) => Some(&edit.facts),
            None => Some(&self.old.as_ref()?.versions.get(default)?.facts),
        }
    }

    /// The `$id` that it will have as a schema.
    pub(super) fn id_of_default(&self) -> Option<Arc<str>> {
        self.default_facts()?.schema.as_ref()?.id.clone()
    }
}

impl Version {
    /// The content of its document, and how its data is written; `xid` is its name or that of its
    /// resource.
    pub(crate) fn document_content(&self, xid: &Xid) -> Option<DocumentContent> {
        let content = self.document?.reference();
        let content_type = self.content_type.as_deref();
        let attributes = self.attributes.map(|attributes| attributes.reference());
        let schema = SchemaOrigin::of(xid, content_type, attributes);
        Some(DocumentContent { content, notation: Notation::of(content_type), schema })
    }
}

impl VersionEdit {
    /// The content of its attributes after the command. Those that aren't stored yet have position 0.
    fn attributes_reference(&self) -> Option<ContentRef> {
        let stored = self.old.as_ref().and_then(|old| old.attributes);
        match &self.attributes {
            DraftAttributes::Same(content) => content.map(|content| content.reference()),
            DraftAttributes::New(map) if map.is_empty() => None,
            DraftAttributes::New(map) => {
                let digest = Digest::of(&written(map));
                let same = stored.filter(|content| content.digest == digest);
                let new = ContentRef { position: Position::ZERO, digest };
                Some(same.map_or(new, |content| content.reference()))
            }
        }
    }
}

impl DocumentEdit {
    fn reference(self) -> ContentRef {
        match self {
            Self::Same(content) => content.reference(),
            Self::New(named) => {
                ContentRef { position: named.at.unwrap_or(Position::ZERO), digest: named.digest }
            }
        }
    }
}

impl Draft<'_> {
    /// The resources that the command creates in a group.
    fn created_in<'b>(&'b self, group: &Xid) -> impl Iterator<Item = &'b Xid> + use<'b> {
        let group = group.clone();
        let made = self.resources.iter().filter(|(_, edit)| edit.old.is_none());
        made.map(|(xid, _)| xid).filter(move |xid| xid.group().as_ref() == Some(&group))
    }

    /// Which documents names will lead to after the command.
    pub(super) fn preview(&self) -> Preview {
        let (bytes, removed) = (self.contents.clone(), self.hidden.clone());
        let mut preview = Preview { bytes, removed, ..Preview::default() };
        for (xid, edit) in &self.resources {
            preview.contents.insert(xid.clone(), self.content_at(xid));
            if holds_schemas(&edit.kind) {
                preview.ids.insert(xid.clone(), self.id_after(xid, edit));
            }
            for version in edit.versions.values().filter(|_| is_among_schemas(xid)) {
                if let DraftAttributes::New(map) = &version.attributes {
                    let bytes = written(map);
                    preview.bytes.insert(Digest::of(&bytes), bytes);
                }
            }
            for id in edit.versions.keys().chain(&edit.removed) {
                let content = edit.content_at(id);
                preview.contents.extend(xid.version(id.clone()).map(|name| (name, content)));
            }
            if let Some(group) = xid.group().filter(|_| edit.old.is_none()) {
                preview.made.entry(group).or_default().push(xid.clone());
            }
        }
        for (group, _) in self.groups.iter().filter(|(_, edit)| edit.old.is_none()) {
            preview.made.entry(group.clone()).or_default();
        }
        preview
    }

    /// Whether all dependencies of the verdicts on its documents, and of its bindings, will be
    /// unchanged after the command.
    pub(super) fn verdicts_hold(&self, tree: &WriteTree) -> bool {
        let is_same = |(xid, content): &Dependency| self.content_at(xid) == *content;
        if !tree.bound.iter().all(is_same) {
            return false;
        }
        // Documents with the same type and the same group have the same bindings.
        let mut found: BTreeMap<(Option<Xid>, Option<Id>), Vec<Dependency>> = BTreeMap::new();
        self.verdicts.iter().all(|(xid, verdict)| {
            let Some(kind) = current_type(&self.model, xid) else { return false };
            let resources = xid.collection().and_then(|collection| collection.resources);
            let bindings = found.entry((xid.group(), resources)).or_insert_with(|| {
                binding_documents(self, &kind, self.bindings_of(xid).as_deref())
            });
            *bindings == verdict.bindings
                && verdict.is_bound_as(self.bindings_of(xid).as_deref())
                && self.is_compared_as(&kind, xid, verdict)
                && (verdict.is_schema || !must_be_schema(self.catalog, &kind, xid))
                && verdict.schema_references.iter().all(is_same)
                && verdict.schema_ids.iter().all(|lookup| self.is_still(lookup))
        })
    }

    /// Whether a new version of a schema was compared as its group asks for, with the versions that
    /// are there.
    pub(super) fn is_compared_as(&self, kind: &ResourceType, xid: &Xid, verdict: &Verdict) -> bool {
        let bindings = self.bindings_of(xid);
        let guid = verdict.identity.as_ref().map(|identity| identity.guid);
        let asked = self.catalog.compatibility_rule(xid, bindings.as_deref(), &self.schemas, guid);
        let asked = asked.filter(|_| holds_schemas(kind));
        let group = asked.and_then(|_| {
            self.catalog.schema_settings(xid, bindings.as_deref()).compatibility_group()
        });
        let is_same = || {
            let earlier = self.catalog.earlier_versions(xid, verdict.earlier_at_most);
            earlier == verdict.earlier
        };
        asked == verdict.compatibility
            && group == verdict.compatibility_group
            && (asked.is_none() || is_same())
    }

    fn is_still(&self, (group, id, found): &IdLookup) -> bool {
        self.identified(group, id) == *found
    }

    /// Whether the dependencies of a verdict will be unchanged after the command.
    pub(super) fn verdict_holds(&self, xid: &Xid, verdict: &Verdict) -> bool {
        let Some(kind) = current_type(&self.model, xid) else { return false };
        let is_same = |(xid, content): &Dependency| self.content_at(xid) == *content;
        binding_documents(self, &kind, self.bindings_of(xid).as_deref()) == verdict.bindings
            && verdict.is_bound_as(self.bindings_of(xid).as_deref())
            && (verdict.is_schema || !must_be_schema(self.catalog, &kind, xid))
            && verdict.schema_references.iter().all(is_same)
            && verdict.schema_ids.iter().all(|lookup| self.is_still(lookup))
    }

    /// The `$id` that a schema will have. The facts of a document that wasn't judged yet are unknown.
    fn id_after(&self, xid: &Xid, edit: &ResourceEdit) -> Option<Arc<str>> {
        let DocumentContent { content, notation, .. } = self.content_at(xid)?;
        match self.contents.get(&content.digest) {
            Some(bytes) if content.position == Position::ZERO => {
                VersionFacts::of(&edit.kind, xid, notation, bytes).schema?.id.clone()
            }
            _ => edit.id_of_default(),
        }
    }

    pub(super) fn bindings_of(&self, xid: &Xid) -> Option<Arc<Bindings>> {
        let group = xid.group()?;
        match self.groups.get(&group) {
            Some(edit) => Some(edit.bindings.clone()),
            None => Some(self.catalog.group_at(&group)?.own.bindings.clone()),
        }
    }
}

fn current_type(model: &Model, xid: &Xid) -> Option<Arc<ResourceType>> {
    match xid {
        Xid::Resource { groups, resources, .. } => {
            model.resource_type(groups.as_str(), resources.as_str()).cloned()
        }
        _ => None,
    }
}
