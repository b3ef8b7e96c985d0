use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

use muster_catalog::{
    Content, GroupView, Lifecycle, ResourceView, View,
    command::RegistryPart,
    state::{CaseFoldedId, Meta, Version},
};
use muster_words::{
    Digest, Id, Xid,
    json::{Map, Value},
};

/// An entity that two views show differently: a group or a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedEntity {
    /// The entity.
    pub xid: Xid,
    /// The difference.
    pub difference: EntityDifference,
}

/// How two views differ in an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityDifference {
    /// Only the later view has it.
    Added,
    /// Only the earlier view has it.
    Removed,
    /// Both have it, and it says something else.
    Changed,
}

/// What a resource says: the document and the attributes of its default version, and what clients
/// set on its Meta. Epochs, times and the numbers of versions aren't part of it.
#[derive(Clone, Debug)]
pub struct ResourceState {
    /// The document.
    pub document: Option<Content>,
    /// The document's media type.
    pub content_type: Option<Arc<str>>,
    /// The lifecycle state.
    pub state: Lifecycle,
    /// The attributes that clients set.
    pub attributes: Option<Content>,
    /// The attributes that clients set on Meta.
    pub meta: Option<Content>,
    /// Whether the default version is pinned.
    pub sticky: bool,
    /// The default version.
    pub version: Id,
}

impl ResourceState {
    /// What a resource says in a view.
    #[must_use]
    pub fn of(resource: &ResourceView<'_>) -> Option<Self> {
        Some(Self::of_version(resource.default_version()?, resource.meta()))
    }

    /// The attributes that are compared and rolled back, as one object. `load` gives the attributes
    /// in a content, and none of no content.
    #[must_use]
    pub fn attributes(&self, load: impl Fn(Option<Content>) -> Map<String, Value>) -> Value {
        let mut map = load(self.attributes);
        let content_type = self.content_type.as_deref().map(Value::from);
        map.extend(content_type.map(|text| ("contenttype".to_owned(), text)));
        map.insert("state".to_owned(), self.state.as_str().into());
        let mut meta = load(self.meta);
        meta.insert("defaultversionsticky".to_owned(), self.sticky.into());
        map.insert("meta".to_owned(), meta.into());
        map.into()
    }

    /// What a resource says while this version is its default.
    #[must_use]
    pub fn of_version(version: &Version, meta: &Meta) -> Self {
        Self {
            document: version.document,
            content_type: version.content_type.clone(),
            state: version.state,
            attributes: version.attributes,
            meta: meta.attributes,
            sticky: meta.sticky,
            version: version.id.clone(),
        }
    }

    /// Whether both have the same document, of the same media type.
    #[must_use]
    pub fn has_document_of(&self, other: &Self) -> bool {
        digest(self.document) == digest(other.document) && self.content_type == other.content_type
    }

    /// Whether both say the same.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.has_document_of(other)
            && self.state == other.state
            && digest(self.attributes) == digest(other.attributes)
            && digest(self.meta) == digest(other.meta)
            && self.sticky == other.sticky
    }
}

/// The digest of a content. Equal attributes have equal digests, because they are stored as
/// canonical JSON.
fn digest(content: Option<Content>) -> Option<Digest> {
    content.map(|content| content.digest)
}

/// What two views, an earlier and a later one, show differently at a place, sorted: each group
/// before its resources. Of a group that only one of them has, all resources are named as well.
///
/// Nothing is read from storage. An entity that didn't change costs a comparison of two positions.
#[must_use]
pub fn changed_entities<'a>(
    before: &'a View,
    after: &'a View,
    place: &RegistryPart,
) -> Box<dyn Iterator<Item = ChangedEntity> + 'a> {
    differing(before, after, place, Compared::Shown)
}

/// What was written between two views at a place, in the order of [`changed_entities`]: also what
/// shows the same again, and what changed only in versions that aren't shown.
#[must_use]
pub fn written_entities<'a>(
    before: &'a View,
    after: &'a View,
    place: &RegistryPart,
) -> Box<dyn Iterator<Item = ChangedEntity> + 'a> {
    differing(before, after, place, Compared::Written)
}

/// What two entities must have in common to count as one that didn't change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    /// What they show.
    Shown,
    /// The command that wrote them last.
    Written,
}

fn differing<'a>(
    before: &'a View,
    after: &'a View,
    place: &RegistryPart,
    compared: Compared,
) -> Box<dyn Iterator<Item = ChangedEntity> + 'a> {
    match place {
        RegistryPart::All => {
            let types = [before, after].map(|view| view.model().group_types());
            let types: BTreeSet<Id> =
                types.into_iter().flatten().filter_map(|kind| kind.plural.parse().ok()).collect();
            Box::new(
                types.into_iter().flat_map(move |groups| of_type(before, after, groups, compared)),
            )
        }
        RegistryPart::Groups(groups) => Box::new(of_type(before, after, groups.clone(), compared)),
        RegistryPart::Entity(xid @ Xid::Group { .. }) => {
            let pair = (before.group_at(xid), after.group_at(xid));
            Box::new(of_group(before, after, xid.clone(), pair, compared))
        }
        RegistryPart::Entity(xid) => {
            let pair = (before.resource_at(xid), after.resource_at(xid));
            let difference = of_resource(pair, compared);
            let found = difference.map(|difference| ChangedEntity { xid: xid.clone(), difference });
            Box::new(found.into_iter())
        }
        RegistryPart::Resources { group, resources } => {
            let pair = (before.group_at(group), after.group_at(group));
            Box::new(of_resources(group.clone(), pair, resources.clone(), compared))
        }
    }
}

/// What two views show differently in one entity itself, without what is in it.
#[must_use]
pub fn changed_entity(before: &View, after: &View, xid: &Xid) -> Option<ChangedEntity> {
    let difference = match xid {
        Xid::Group { .. } => {
            group_itself((before.group_at(xid), after.group_at(xid)), Compared::Shown)
        }
        _ => of_resource((before.resource_at(xid), after.resource_at(xid)), Compared::Shown),
    };
    difference.map(|difference| ChangedEntity { xid: xid.clone(), difference })
}

/// The order of [`changed_entities`].
#[must_use]
pub fn entity_order(one: &Xid, other: &Xid) -> Ordering {
    let ids = |(one, one_id): (&Id, &Id), (other, other_id): (&Id, &Id)| {
        one.cmp(other).then_with(|| id_order(one_id, other_id))
    };
    let groups = match (one.group_ids(), other.group_ids()) {
        (Some(one), Some(other)) => ids(one, other),
        (one, other) => one.is_some().cmp(&other.is_some()),
    };
    groups.then_with(|| match (one.resource_ids(), other.resource_ids()) {
        (Some(one), Some(other)) => ids(one, other),
        (one, other) => one.is_some().cmp(&other.is_some()),
    })
}

fn id_order(one: &Id, other: &Id) -> Ordering {
    CaseFoldedId::order(one.as_str(), other.as_str()).then_with(|| one.cmp(other))
}

fn of_type<'a>(
    before: &'a View,
    after: &'a View,
    groups: Id,
    compared: Compared,
) -> impl Iterator<Item = ChangedEntity> + 'a {
    let [old, new] = [before, after].map(|view| view.groups(groups.as_str(), None));
    paired(old, new, GroupView::id).flat_map(move |(id, pair)| {
        let xid = Xid::Group { groups: groups.clone(), group: id.clone() };
        of_group(before, after, xid, pair, compared)
    })
}

type Pair<T> = (Option<T>, Option<T>);

fn of_group<'a>(
    before: &'a View,
    after: &'a View,
    xid: Xid,
    pair: Pair<GroupView<'a>>,
    compared: Compared,
) -> impl Iterator<Item = ChangedEntity> + 'a {
    let own = group_itself(pair, compared);
    let groups = xid.group_ids().map(|(groups, _)| groups.as_str());
    let kinds = [before, after].map(|view| groups.and_then(|one| view.model().group_type(one)));
    let types: BTreeSet<Id> = kinds
        .into_iter()
        .flatten()
        .flat_map(|kind| kind.resources.keys())
        .filter_map(|plural| plural.parse().ok())
        .collect();
    let own = own.map(|difference| ChangedEntity { xid: xid.clone(), difference });
    let members =
        types.into_iter().flat_map(move |kind| of_resources(xid.clone(), pair, kind, compared));
    own.into_iter().chain(members)
}

fn group_itself(
    (before, after): Pair<GroupView<'_>>,
    compared: Compared,
) -> Option<EntityDifference> {
    match (before, after) {
        (None, None) => None,
        (None, Some(_)) => Some(EntityDifference::Added),
        (Some(_), None) => Some(EntityDifference::Removed),
        (Some(old), Some(new)) => {
            let is_same = match compared {
                Compared::Shown => digest(old.attributes()) == digest(new.attributes()),
                Compared::Written => old.stamp() == new.stamp(),
            };
            (!is_same).then_some(EntityDifference::Changed)
        }
    }
}

fn of_resources<'a>(
    group: Xid,
    (before, after): Pair<GroupView<'a>>,
    resources: Id,
    compared: Compared,
) -> impl Iterator<Item = ChangedEntity> + 'a {
    let [old, new] = [before, after].map(|view| {
        view.into_iter().flat_map({
            let resources = resources.clone();
            move |group| group.resources(resources.as_str(), None)
        })
    });
    paired(old, new, ResourceView::id).filter_map(move |(id, pair)| {
        let difference = of_resource(pair, compared)?;
        let (groups, group) = group.group_ids()?;
        let (groups, group) = (groups.clone(), group.clone());
        let (resources, resource) = (resources.clone(), id.clone());
        let xid = Xid::Resource { groups, group, resources, resource };
        Some(ChangedEntity { xid, difference })
    })
}

fn of_resource(
    (before, after): Pair<ResourceView<'_>>,
    compared: Compared,
) -> Option<EntityDifference> {
    match (before, after) {
        (None, None) => None,
        (None, Some(_)) => Some(EntityDifference::Added),
        (Some(_), None) => Some(EntityDifference::Removed),
        (Some(old), Some(new)) => {
            if old.stamp() == new.stamp() {
                return None;
            }
            let is_same = compared == Compared::Shown
                && match (ResourceState::of(&old), ResourceState::of(&new)) {
                    (Some(old), Some(new)) => old.is_like(&new),
                    (old, new) => old.is_none() && new.is_none(),
                };
            (!is_same).then_some(EntityDifference::Changed)
        }
    }
}

/// Two sorted collections as one, each id once.
fn paired<'a, T>(
    before: impl Iterator<Item = T>,
    after: impl Iterator<Item = T>,
    id: fn(&T) -> &'a Id,
) -> impl Iterator<Item = (&'a Id, Pair<T>)> {
    let (mut before, mut after) = (before.peekable(), after.peekable());
    std::iter::from_fn(move || {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => id_order(id(old), id(new)),
        };
        let old = if order.is_le() { before.next() } else { None };
        let new = if order.is_ge() { after.next() } else { None };
        let name = id(old.as_ref().or(new.as_ref())?);
        Some((name, (old, new)))
    })
}
