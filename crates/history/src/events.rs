use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_catalog::{
    Content, View,
    state::{Meta, Version},
};
use muster_words::{
    Id, Xid,
    json::{Map, Value},
};

use crate::{CommittedCommand, Edit, EditAction, EditDetail, EditSubject, difference};

/// An event about one subject, as in xRegistry's events specification (core/events.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryEvent {
    /// The subject; never a key.
    pub subject: EditSubject,
    /// What happened.
    pub kind: EventKind,
    /// The attributes that an update added, changed or deleted. Empty if some of them aren't known,
    /// and for subjects that were created or deleted.
    pub changed: Vec<String>,
}

/// What happened to a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// `deprecated` was set, changed or removed.
    Deprecation,
    /// Its attributes, its document or its set of members changed.
    Updated,
    /// It was created or restored.
    Created,
    /// It was deleted.
    Deleted,
}

/// Attributes that clients set.
type Attributes = Arc<Map<String, Value>>;

/// The events of a command, before stored attributes are read.
#[derive(Debug)]
pub struct PendingEvents {
    /// The events that follow from the changes and the entities' states alone.
    drafts: BTreeMap<EditSubject, DraftEvent>,
    comparisons: BTreeMap<EditSubject, Comparison>,
    /// Updated default versions, with their resources.
    shown: BTreeMap<EditSubject, EditSubject>,
}

#[derive(Debug)]
struct DraftEvent {
    kind: EventKind,
    changed: BTreeSet<String>,
    /// Whether the changed attributes of some write aren't known. Then no attribute is listed,
    /// because an incomplete list would say that the others stayed the same.
    is_open: bool,
}

/// Two states of one subject.
#[derive(Debug)]
struct Comparison {
    /// The prefix of its attributes' names.
    prefix: &'static str,
    old: Option<Content>,
    new: Option<Content>,
    /// What changed besides the attributes that clients set.
    beside: BTreeSet<String>,
    /// Contents whose attributes all count as changed.
    whole: Vec<Content>,
}

/// The events of a command: one for each subject. If several things happened to a subject, the most
/// important one counts (xRegistry events, "Event Definition": deleted, created, updated).
///
/// The view must be at the command's end or later.
#[must_use]
pub fn events(command: &CommittedCommand, view: &View) -> PendingEvents {
    let (before, after) = (&command.before(view), &command.after(view));
    let edits: Vec<Edit> = command.edits().collect();
    let mut pending = PendingEvents {
        drafts: BTreeMap::new(),
        comparisons: BTreeMap::new(),
        shown: BTreeMap::new(),
    };
    let is_genesis = edits.iter().any(|edit| edit.action == EditAction::Opened);
    for (index, edit) in edits.iter().enumerate() {
        match (&edit.subject, edit.action) {
            (EditSubject::Key(_), _)
            | (
                _,
                EditAction::Opened
                | EditAction::Revoked
                | EditAction::Forgotten
                | EditAction::Moved,
            ) => {}
            (EditSubject::Registry, EditAction::Created) if is_genesis => {}
            (subject, EditAction::Deleted | EditAction::Purged) => {
                let mut gone: BTreeSet<Xid> = within(before, subject.xid()).into_iter().collect();
                gone.extend(written_within(subject.xid(), &edits[..index]));
                gone.iter().for_each(|xid| pending.add_or_remove(xid, EventKind::Deleted));
            }
            (subject, EditAction::Restored) => {
                let back = within(after, subject.xid());
                back.iter().for_each(|xid| pending.add_or_remove(xid, EventKind::Created));
            }
            (EditSubject::Entity(xid), EditAction::Created) => {
                pending.add_or_remove(xid, EventKind::Created);
            }
            (subject, EditAction::Created | EditAction::Updated) => pending.update(subject, edit),
        }
        if let (EditSubject::Entity(xid), EditAction::Updated) = (&edit.subject, edit.action) {
            let compared = compare(xid, &edit.detail, before, after);
            pending.comparisons.extend(compared.map(|pair| (edit.subject.clone(), pair)));
            pending.shown.extend(shown_by(xid, after));
        }
    }
    pending
}

/// What earlier changes of the same command wrote in an entity.
fn written_within(xid: &Xid, edits: &[Edit]) -> impl Iterator<Item = Xid> {
    edits
        .iter()
        .filter(|edit| matches!(edit.action, EditAction::Created | EditAction::Updated))
        .filter(|edit| edit.detail != EditDetail::Members)
        .filter(move |edit| is_within(edit.subject.xid(), xid))
        .map(|edit| edit.subject.xid().clone())
}

/// The entity with everything in it, if it exists.
fn within(view: &View, xid: &Xid) -> Vec<Xid> {
    let Xid::Group { groups, group } = xid else { return resource_within(view, xid) };
    let Some(members) = view.group_at(xid) else { return Vec::new() };
    let kind = view.model().group_type(groups.as_str());
    let types = kind.into_iter().flat_map(|kind| kind.resources.keys());
    let types = types.filter_map(|plural| plural.parse::<Id>().ok());
    let resources = types.flat_map(|plural| {
        members.resources(plural.as_str(), None).map(move |resource| Xid::Resource {
            groups: groups.clone(),
            group: group.clone(),
            resources: plural.clone(),
            resource: resource.id().clone(),
        })
    });
    let inside = resources.flat_map(|resource| resource_within(view, &resource));
    std::iter::once(xid.clone()).chain(inside).collect()
}

fn resource_within(view: &View, xid: &Xid) -> Vec<Xid> {
    if !view.has(xid) {
        return Vec::new();
    }
    let versions = match xid {
        Xid::Resource { .. } => view.resource_at(xid),
        _ => None,
    };
    let versions = versions.into_iter().flat_map(|resource| resource.versions(None));
    let versions = versions.filter_map(|version| xid.version(version.id.clone()));
    std::iter::once(xid.clone()).chain(versions).collect()
}

/// The attribute with a resource's document: the singular name of its type.
fn document_attribute(view: &View, xid: &Xid) -> Option<String> {
    let collection = xid.collection()?;
    let (groups, resources) = (collection.groups, collection.resources?);
    let kind = view.model().resource_type(groups.as_str(), resources.as_str())?;
    Some(kind.singular.clone())
}

fn is_within(xid: &Xid, other: &Xid) -> bool {
    std::iter::successors(Some(xid.clone()), Xid::parent).any(|xid| xid == *other)
}

impl PendingEvents {
    fn add(&mut self, subject: EditSubject, kind: EventKind, changed: Option<&[&str]>) {
        let there = self.drafts.entry(subject).or_insert(DraftEvent {
            kind,
            changed: BTreeSet::new(),
            is_open: false,
        });
        there.kind = there.kind.max(kind);
        match changed {
            Some(names) => there.changed.extend(names.iter().map(|name| (*name).to_owned())),
            None => there.is_open = true,
        }
    }

    fn update(&mut self, subject: &EditSubject, edit: &Edit) {
        match subject {
            EditSubject::Model => {
                self.add(EditSubject::Model, EventKind::Updated, None);
                self.add(EditSubject::ModelSource, EventKind::Updated, None);
                let names = Some(&["model", "modelsource"][..]);
                self.add(EditSubject::Registry, EventKind::Updated, names);
            }
            EditSubject::Capabilities => {
                self.add(EditSubject::Capabilities, EventKind::Updated, None);
                self.add(EditSubject::Registry, EventKind::Updated, Some(&["capabilities"]));
            }
            subject if edit.detail == EditDetail::Members => {
                let names = Some(&["epoch", "modifiedat"][..]);
                self.add(subject.clone(), EventKind::Updated, names);
            }
            subject => self.add(subject.clone(), EventKind::Updated, None),
        }
    }

    /// A subject was added or removed, so its parent's collection changed.
    fn add_or_remove(&mut self, xid: &Xid, kind: EventKind) {
        self.add(EditSubject::of(xid), kind, None);
        let Some(parent) = xid.parent() else { return };
        let (collection, meta) = match xid {
            Xid::Group { groups, .. } => (groups.as_str(), ""),
            Xid::Resource { resources, .. } => (resources.as_str(), ""),
            _ => ("versions", "meta."),
        };
        let (epoch, modified) = (format!("{meta}epoch"), format!("{meta}modifiedat"));
        let count = format!("{collection}count");
        let names = [collection, &count, &epoch, &modified];
        self.add(EditSubject::of(&parent), EventKind::Updated, Some(&names));
    }

    /// The contents that [`finish`](Self::finish) needs.
    #[must_use]
    pub fn contents(&self) -> Vec<Content> {
        let all = self.comparisons.values().flat_map(|comparison| {
            let pair = comparison.old.into_iter().chain(comparison.new);
            pair.chain(comparison.whole.iter().copied())
        });
        all.collect()
    }

    /// The highest number of events that the command may have, whether the attributes that decide
    /// it can be read or not.
    #[must_use]
    pub fn count_max(&self) -> usize {
        self.drafts.len() + self.comparisons.len() + self.shown.len()
    }

    /// The events in the order of sending.
    ///
    /// First come the events that follow from the ledger's changes alone, sorted by name. Events
    /// that need stored attributes come last: if these are purged later, a resumed stream lacks
    /// those events, but the others keep their numbers.
    ///
    /// `attributes` returns a content's attributes, an empty map for purged ones, and none if they
    /// can't be read; then the changed attributes are left out.
    pub fn finish(
        mut self,
        attributes: impl Fn(&Content) -> Option<Attributes>,
    ) -> Vec<RegistryEvent> {
        let mut late = BTreeMap::new();
        let mut known = BTreeMap::new();
        for (subject, comparison) in &self.comparisons {
            let Some((names, deprecated)) = comparison.finish(subject, &attributes) else {
                continue;
            };
            if let Some(changed) = deprecated {
                late.insert((true, subject.clone()), Some(changed));
            }
            known.insert(subject.clone(), names);
        }
        for (version, resource) in std::mem::take(&mut self.shown) {
            let names = known.get(&version).cloned();
            match known.get_mut(&resource) {
                Some(own) => own.extend(names.into_iter().flatten()),
                None if self.drafts.contains_key(&resource) => {}
                None => drop(late.insert((false, resource), names)),
            }
        }
        for (subject, names) in known {
            if let Some(draft) = self.drafts.get_mut(&subject) {
                draft.changed.extend(names);
                draft.is_open = false;
            }
        }
        let sure = self.drafts.into_iter().map(|(subject, draft)| {
            let is_listed = draft.kind == EventKind::Updated && !draft.is_open;
            let changed = if is_listed { draft.changed.into_iter().collect() } else { Vec::new() };
            RegistryEvent { subject, kind: draft.kind, changed }
        });
        let late = late.into_iter().map(|((is_deprecation, subject), names)| RegistryEvent {
            subject,
            kind: if is_deprecation { EventKind::Deprecation } else { EventKind::Updated },
            changed: names.into_iter().flatten().collect(),
        });
        sure.chain(late).collect()
    }
}

/// The states before and after a write.
fn compare(xid: &Xid, detail: &EditDetail, before: &View, after: &View) -> Option<Comparison> {
    let mut comparison = match detail {
        EditDetail::Attributes { .. } => {
            let (old, new) = (before.group_at(xid)?, after.group_at(xid)?);
            let mut beside = owned(&["epoch", "modifiedat"]);
            note(&mut beside, "createdat", old.created() != new.created());
            Comparison::new("", old.attributes(), new.attributes(), beside)
        }
        EditDetail::Meta { .. } => {
            let (old, new) = (before.resource_at(xid)?.meta(), after.resource_at(xid)?.meta());
            let beside = of_meta(old, new);
            let mut comparison = Comparison::new("meta.", old.attributes, new.attributes, beside);
            if old.default != new.default {
                comparison.show_version(xid, old, before);
                comparison.show_version(xid, new, after);
            }
            comparison
        }
        EditDetail::Version { .. } => {
            let (old, new) = (before.version_at(xid)?, after.version_at(xid)?);
            let beside = of_version(xid, old, new, after);
            Comparison::new("", old.attributes, new.attributes, beside)
        }
        EditDetail::None
        | EditDetail::Opened(_)
        | EditDetail::Moved(_)
        | EditDetail::Source(_)
        | EditDetail::Members => return None,
    };
    if comparison.old == comparison.new {
        // Equal contents needn't be read.
        (comparison.old, comparison.new) = (None, None);
    }
    Some(comparison)
}

/// A document shows its default version, so an update of that version updates the document, too.
fn shown_by(xid: &Xid, after: &View) -> Option<(EditSubject, EditSubject)> {
    let Xid::Version { version, .. } = xid else { return None };
    let resource = xid.resource()?;
    let is_default = after.resource_at(&resource)?.meta().default == *version;
    is_default.then(|| (EditSubject::of(xid), EditSubject::Entity(resource)))
}

fn owned(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn note(names: &mut BTreeSet<String>, name: &str, differs: bool) {
    if differs {
        names.insert(name.to_owned());
    }
}

fn of_meta(old: &Meta, new: &Meta) -> BTreeSet<String> {
    let mut changed = owned(&["meta.epoch", "meta.modifiedat"]);
    note(&mut changed, "meta.createdat", old.created != new.created);
    note(&mut changed, "meta.defaultversionid", old.default != new.default);
    note(&mut changed, "meta.defaultversionsticky", old.sticky != new.sticky);
    changed
}

fn of_version(xid: &Xid, old: &Version, new: &Version, after: &View) -> BTreeSet<String> {
    let mut changed = owned(&["epoch", "modifiedat"]);
    note(&mut changed, "createdat", old.created != new.created);
    note(&mut changed, "ancestor", old.ancestor != new.ancestor);
    note(&mut changed, "contenttype", old.content_type != new.content_type);
    note(&mut changed, "state", old.state != new.state);
    let digest = |version: &Version| version.document.map(|content| content.digest);
    if digest(old) != digest(new) {
        changed.extend(document_attribute(after, xid));
    }
    changed
}

impl Comparison {
    const fn new(
        prefix: &'static str,
        old: Option<Content>,
        new: Option<Content>,
        beside: BTreeSet<String>,
    ) -> Self {
        Self { prefix, old, new, beside, whole: Vec::new() }
    }

    /// The default version changed, so everything that either version shows counts as changed
    /// (xRegistry events, `changed`).
    fn show_version(&mut self, resource: &Xid, meta: &Meta, at: &View) {
        let version = resource.version(meta.default.clone());
        let Some(version) = version.as_ref().and_then(|xid| at.version_at(xid)) else { return };
        self.whole.extend(version.attributes);
        let shown = ["versionid", "isdefault", "epoch", "createdat", "modifiedat", "ancestor"];
        self.beside.extend(owned(&shown));
        note(&mut self.beside, "contenttype", version.content_type.is_some());
        if version.document.is_some() {
            self.beside.extend(document_attribute(at, resource));
        }
    }

    /// The names of the differing attributes, including those within `deprecated` if that differs.
    /// None if something can't be read.
    fn finish(
        &self,
        subject: &EditSubject,
        attributes: impl Fn(&Content) -> Option<Attributes>,
    ) -> Option<(BTreeSet<String>, Option<BTreeSet<String>>)> {
        let read = |content: Option<Content>| match content {
            Some(content) => attributes(&content),
            None => Some(Attributes::default()),
        };
        let (old, new) = (read(self.old)?, read(self.new)?);
        let mut changed = self.beside.clone();
        let prefix = self.prefix;
        changed.extend(difference::names(&old, &new).map(|name| format!("{prefix}{name}")));
        for content in &self.whole {
            changed.extend(attributes(content)?.keys().cloned());
        }
        let is_version = matches!(subject.xid(), Xid::Version { .. });
        let (before, after) = (old.get("deprecated"), new.get("deprecated"));
        let deprecated = (!is_version && before != after).then(|| {
            let members = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
            let (before, after) = (members(before), members(after));
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            difference::names(&before, &after).map(ToOwned::to_owned).collect()
        });
        Some((changed, deprecated))
    }
}
