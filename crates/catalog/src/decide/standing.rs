use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use muster_words::{ContentRef, Digest, Id, Position, Xid};

use super::draft::{DocumentEdit, Draft, ResourceEdit};
use crate::{
    Catalog, Content,
    state::{Bindings, Group},
    tree::Tree,
};
use muster_model::{Model, ResourceType};

/// Where the names of documents lead: now, or once a command is done.
pub trait Leads {
    /// The content that a document's name leads to. One that a command brings itself lies at no
    /// position yet: it has position 0.
    fn content_at(&self, xid: &Xid) -> Option<ContentRef>;

    /// The names of all resources in the group of that name; none where it isn't there.
    fn members_of(&self, group: &Xid) -> Option<Vec<Xid>>;
}

impl Leads for Catalog {
    fn content_at(&self, xid: &Xid) -> Option<ContentRef> {
        self.version_at(xid)?.document.map(|content| content.reference())
    }

    fn members_of(&self, group: &Xid) -> Option<Vec<Xid>> {
        Some(members(group, self.group_at(group)?).collect())
    }
}

/// What a command brings, as far as documents may stand on it.
#[derive(Clone, Debug, Default)]
pub struct Brought {
    leads: BTreeMap<Xid, Option<ContentRef>>,
    /// The groups that it makes or makes resources in, with these.
    makes: BTreeMap<Xid, Vec<Xid>>,
    /// The documents that aren't stored yet.
    bytes: BTreeMap<Digest, Bytes>,
}

/// A view with what a command brings.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// The view.
    pub view: &'a Catalog,
    /// What the command brings; none: nothing that documents may stand on.
    pub brought: Option<&'a Brought>,
}

impl Sight<'_> {
    /// The document that a name leads to, where it is one that the command brings itself.
    #[must_use]
    pub fn brought_at(&self, xid: &Xid) -> Option<Bytes> {
        let content = self.brought?.leads.get(xid).copied().flatten()?;
        let is_new = content.position == Position::ZERO;
        self.brought?.bytes.get(&content.digest).filter(|_| is_new).cloned()
    }

    /// The stored content that a name leads to.
    #[must_use]
    pub fn stored_at(&self, xid: &Xid) -> Option<Content> {
        match self.brought.and_then(|brought| brought.leads.get(xid)) {
            Some(led) => led.and_then(|led| self.find(xid, led)),
            None => self.view.version_at(xid)?.document,
        }
    }

    /// The content of that reference among a resource's versions.
    fn find(&self, xid: &Xid, reference: ContentRef) -> Option<Content> {
        let versions = self.view.resource_at(xid)?.versions.iter();
        versions
            .filter_map(|version| version.document)
            .find(|content| content.reference() == reference)
    }
}

impl Leads for Sight<'_> {
    fn content_at(&self, xid: &Xid) -> Option<ContentRef> {
        match self.brought.and_then(|brought| brought.leads.get(xid)) {
            Some(led) => *led,
            None => self.view.content_at(xid),
        }
    }

    fn members_of(&self, group: &Xid) -> Option<Vec<Xid>> {
        let made = self.brought.and_then(|brought| brought.makes.get(group));
        with_made(self.view.members_of(group), made.cloned())
    }
}

/// What is in a group, then what a command makes in it.
fn with_made(there: Option<Vec<Xid>>, made: Option<Vec<Xid>>) -> Option<Vec<Xid>> {
    if there.is_none() && made.is_none() {
        return None;
    }
    Some(there.into_iter().chain(made).flatten().collect())
}

/// The documents that bind a document of that type in that group, each with the content that its
/// name leads to; none where the name leads nowhere.
///
/// Where names lead to the same, every document has the same verdict.
#[must_use]
pub fn standing(
    leads: &impl Leads,
    kind: &ResourceType,
    bindings: Option<&Bindings>,
) -> Vec<(Xid, Option<ContentRef>)> {
    let mut found = Vec::new();
    let schemas = kind.aspect.schema.iter().chain(bindings.and_then(|own| own.schema.as_ref()));
    for schema in schemas {
        found.push((schema.clone(), leads.content_at(schema)));
    }
    for rule in kind.aspect.rules.iter().chain(bindings.iter().flat_map(|own| &own.rules)) {
        match rule {
            Xid::Group { .. } => found.extend(rules_in(leads, rule)),
            _ => found.push((rule.clone(), leads.content_at(rule))),
        }
    }
    found
}

/// Every rule in a group of rules; the group itself, leading nowhere, where it isn't there.
fn rules_in(leads: &impl Leads, group: &Xid) -> Vec<(Xid, Option<ContentRef>)> {
    let Some(members) = leads.members_of(group) else { return vec![(group.clone(), None)] };
    let led = |xid: Xid| (xid.clone(), leads.content_at(&xid));
    members.into_iter().map(led).collect()
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

/// Whether something binds the documents of that name, which must then be schemas.
#[must_use]
pub fn binds_as_schema(catalog: &Catalog, kind: &ResourceType, xid: &Xid) -> bool {
    let Some(Xid::Group { groups, .. }) = xid.group() else { return false };
    let is_schema = kind.built_in && groups.as_str() == "schemagroups";
    is_schema && xid.resource().is_some_and(|own| !catalog.referrers_of(&own).is_empty())
}

impl Leads for Draft<'_> {
    fn content_at(&self, xid: &Xid) -> Option<ContentRef> {
        let edit = xid.resource().and_then(|resource| self.resources.get(&resource));
        let Some(edit) = edit else { return self.catalog.content_at(xid) };
        match xid {
            Xid::Version { version, .. } => edit.content_at(version),
            _ => edit.content_at(edit.default.as_ref()?),
        }
    }

    fn members_of(&self, group: &Xid) -> Option<Vec<Xid>> {
        let there = self.catalog.members_of(group);
        let made: Vec<Xid> = self.made_in(group).cloned().collect();
        let makes = !made.is_empty() || (there.is_none() && self.groups.contains_key(group));
        with_made(there, makes.then_some(made))
    }
}

impl ResourceEdit {
    fn content_at(&self, version: &Id) -> Option<ContentRef> {
        match self.versions.get(version) {
            Some(edit) => edit.document.map(DocumentEdit::reference),
            None if self.removed.contains(version) => None,
            None => {
                let old = self.old.as_ref()?.versions.get(version)?;
                old.document.map(|content| content.reference())
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

/// What is bound in a group to documents of a type, and where that leads.
type Standing = Vec<(Xid, Option<ContentRef>)>;

impl Draft<'_> {
    /// The resources that the command makes in a group.
    fn made_in<'b>(&'b self, group: &Xid) -> impl Iterator<Item = &'b Xid> + use<'b> {
        let group = group.clone();
        let made = self.resources.iter().filter(|(_, edit)| edit.old.is_none());
        made.map(|(xid, _)| xid).filter(move |xid| xid.group().as_ref() == Some(&group))
    }

    /// What the command brings, as far as documents may stand on it.
    pub(super) fn brought(&self) -> Brought {
        let mut brought = Brought { bytes: self.contents.clone(), ..Brought::default() };
        for (xid, edit) in &self.resources {
            brought.leads.insert(xid.clone(), self.content_at(xid));
            for id in edit.versions.keys().chain(&edit.removed) {
                let content = edit.content_at(id);
                brought.leads.extend(xid.version(id.clone()).map(|name| (name, content)));
            }
            if let Some(group) = xid.group().filter(|_| edit.old.is_none()) {
                brought.makes.entry(group).or_default().push(xid.clone());
            }
        }
        for (group, _) in self.groups.iter().filter(|(_, edit)| edit.old.is_none()) {
            brought.makes.entry(group.clone()).or_default();
        }
        brought
    }

    /// Whether all that the verdicts on its documents, and what it binds, stood on still stands
    /// once the command is done.
    pub(super) fn all_stands(&self, tree: &Tree) -> bool {
        let leads = |(xid, content): &(Xid, Option<ContentRef>)| self.content_at(xid) == *content;
        if !tree.bound.iter().all(leads) {
            return false;
        }
        // Documents of one type in one group stand on the same.
        let mut found: BTreeMap<(Option<Xid>, Option<Id>), Standing> = BTreeMap::new();
        self.verdicts.iter().all(|(xid, verdict)| {
            let Some(kind) = current_type(&self.model, xid) else { return false };
            let resources = xid.collection().and_then(|collection| collection.resources);
            let standing = found
                .entry((xid.group(), resources))
                .or_insert_with(|| standing(self, &kind, self.bindings_of(xid).as_deref()));
            *standing == verdict.standing
                && (verdict.is_schema || !binds_as_schema(self.catalog, &kind, xid))
                && verdict.behind.iter().all(leads)
        })
    }

    fn bindings_of(&self, xid: &Xid) -> Option<Arc<Bindings>> {
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
