//! Views: the catalog at one position, for readers.

mod group;
mod last_change;
mod members;
mod resource;
mod synced;

use std::{collections::BTreeSet, ops::Deref, sync::Arc};

pub use group::GroupView;
use members::Members;
use muster_model::Model;
use muster_words::{Id, Moment, Position, Xid, XidPatterns};
pub use resource::ResourceView;
use serde_json::Value;

use crate::{
    Catalog, Content,
    state::{FormerCapabilities, FormerModel, Group, Stamp, Version, state_at},
};

/// The catalog at a position, now or in the past.
///
/// A view is immutable, and a clone copies a pointer. All reads use a view and needn't know its
/// position. `C` is how the catalog is held: by a shared pointer, or borrowed while a command is
/// decided.
///
/// A view of the past reads from the newest catalog, which keeps every state, every deleted name
/// and every epoch with its position. Contents may have been purged since; see [`View::erased`].
#[derive(Clone, Debug)]
pub struct View<C = Arc<Catalog>> {
    catalog: C,
    stamp: Stamp,
    moment: Moment,
    within: Option<Arc<XidPatterns>>,
}

/// The registry itself in a view.
#[derive(Clone, Copy, Debug)]
pub struct RegistryView {
    /// The attributes that clients set.
    pub attributes: Option<Content>,
    /// Its epoch.
    pub epoch: u64,
    /// When it was created.
    pub created: Moment,
    /// When it was last modified.
    pub modified: Moment,
    /// The last change of its attributes or of its set of groups.
    pub stamp: Stamp,
}

impl<C: Deref<Target = Catalog>> View<C> {
    /// The view of the newest position.
    #[must_use]
    pub fn newest(catalog: C) -> Self {
        let (stamp, moment) = (catalog.stamp, catalog.moment);
        Self { catalog, stamp, moment, within: None }
    }

    /// The view for a key that is limited to these places: collections above them show only members
    /// that lead there. Entities elsewhere can still be found by name, so callers must check names
    /// first.
    #[must_use]
    pub fn seen_within(self, within: Option<Arc<XidPatterns>>) -> Self {
        Self { within, ..self }
    }

    /// The visible places; none means all.
    #[must_use]
    pub fn within(&self) -> Option<&XidPatterns> {
        self.within.as_deref()
    }

    /// The catalog behind the view; it may be newer. It holds what has no past: keys, remembered
    /// answers and referrers.
    #[must_use]
    pub fn catalog(&self) -> &C {
        &self.catalog
    }

    /// The view at the end of an earlier command. For a later command, it is this view itself.
    #[must_use]
    pub fn back_to(&self, stamp: Stamp, moment: Moment) -> Self
    where
        C: Clone,
    {
        if stamp.position >= self.stamp.position {
            return self.clone();
        }
        Self { catalog: self.catalog.clone(), stamp, moment, within: self.within.clone() }
    }

    /// The view at an earlier position, for what doesn't depend on the command that ends there and its
    /// moment. For a later position, it is this view itself.
    #[must_use]
    pub fn at_position(&self, position: Position) -> Self
    where
        C: Clone,
    {
        self.back_to(Stamp { position, ..Stamp::default() }, Moment::EPOCH)
    }

    /// Whether this is the newest position.
    #[must_use]
    pub fn is_newest(&self) -> bool {
        self.stamp.position >= self.catalog.stamp.position
    }

    /// The position up to which changes are visible. For the newest view it is the maximum, so that
    /// reading the present costs nothing extra.
    fn seen(&self) -> Position {
        if self.is_newest() { Position(u64::MAX) } else { self.stamp.position }
    }

    /// The position of the view, which is the end of a command.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.stamp.position
    }

    /// The view's last command.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The moment of the view's last command.
    #[must_use]
    pub const fn moment(&self) -> Moment {
        self.moment
    }

    /// The registry's id.
    #[must_use]
    pub fn id(&self) -> &Id {
        &self.catalog.id
    }

    /// The model in force.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        self.former_model().map_or(&self.catalog.model, |former| &former.model)
    }

    fn former_model(&self) -> Option<&FormerModel> {
        let at = self.seen();
        if self.catalog.model_stamp.position <= at {
            return None;
        }
        self.catalog.past.models.split(|former| former.stamp.position <= at).0
    }

    fn former_capabilities(&self) -> Option<&FormerCapabilities> {
        let at = self.seen();
        if self.catalog.capabilities_stamp.position <= at {
            return None;
        }
        self.catalog.past.capabilities.split(|former| former.stamp.position <= at).0
    }

    /// The model's last change.
    #[must_use]
    pub fn model_stamp(&self) -> Stamp {
        self.former_model().map_or(self.catalog.model_stamp, |former| former.stamp)
    }

    /// The user's model as it was sent; none if it was never set.
    #[must_use]
    pub fn model_source(&self) -> Option<Content> {
        self.former_model().map_or(self.catalog.model_source, |former| former.source)
    }

    /// The capabilities in force; none means the built-in ones.
    #[must_use]
    pub fn capabilities(&self) -> Option<&Arc<Value>> {
        match self.former_capabilities() {
            None => self.catalog.capabilities.as_ref(),
            Some(former) => former.capabilities.as_ref(),
        }
    }

    /// The capabilities' last change.
    #[must_use]
    pub fn capabilities_stamp(&self) -> Stamp {
        let former = self.former_capabilities();
        former.map_or(self.catalog.capabilities_stamp, |former| former.stamp)
    }

    /// The registry itself.
    #[must_use]
    pub fn registry(&self) -> RegistryView {
        let now = &self.catalog.registry;
        let (at, mut own, mut moved) = (self.seen(), now, now.moved());
        if moved.stamp.position > at {
            own = state_at(now, at).unwrap_or(now);
            moved = self.catalog.past.groups.moved(at).copied().unwrap_or(moved);
        }
        RegistryView {
            attributes: own.attributes,
            epoch: moved.epoch,
            created: own.created,
            modified: moved.modified,
            stamp: moved.stamp,
        }
    }

    /// The number of groups of a type.
    #[must_use]
    pub fn group_count(&self, groups: &str) -> usize {
        self.members(groups).count()
    }

    /// The groups of a type, sorted by id: all, or those after an id.
    pub fn groups(
        &self,
        groups: &str,
        after: Option<&Id>,
    ) -> impl Iterator<Item = GroupView<'_>> + use<'_, C> {
        let at = self.seen();
        self.members(groups).after(after).filter_map(move |group| GroupView::at(group, at))
    }

    /// A group.
    #[must_use]
    pub fn group(&self, groups: &Id, group: &Id) -> Option<GroupView<'_>> {
        GroupView::at(self.members(groups.as_str()).get(group)?, self.seen())
    }

    fn members(&self, groups: &str) -> Members<'_, Group> {
        let catalog = &*self.catalog;
        Members::of(catalog.groups.get(groups), &catalog.past.groups, groups, self.seen())
    }

    /// The group that an xid names or is in.
    #[must_use]
    pub fn group_at(&self, xid: &Xid) -> Option<GroupView<'_>> {
        let (groups, group) = xid.group_ids()?;
        self.group(groups, group)
    }

    /// The resource that an xid names or is in.
    #[must_use]
    pub fn resource_at(&self, xid: &Xid) -> Option<ResourceView<'_>> {
        let (resources, resource) = xid.resource_ids()?;
        self.group_at(xid)?.resource(resources, resource)
    }

    /// The version that an xid names; for a resource's xid, the default version.
    #[must_use]
    pub fn version_at(&self, xid: &Xid) -> Option<&Arc<Version>> {
        let resource = self.resource_at(xid)?;
        match xid {
            Xid::Version { version, .. } => resource.version(version),
            _ => resource.default_version(),
        }
    }

    /// Whether the entity exists.
    #[must_use]
    pub fn has(&self, xid: &Xid) -> bool {
        match xid {
            Xid::Registry => true,
            Xid::Group { .. } => self.group_at(xid).is_some(),
            Xid::Resource { .. } | Xid::Meta { .. } => self.resource_at(xid).is_some(),
            Xid::Version { .. } => self.version_at(xid).is_some(),
        }
    }

    /// The stamp for a document's `ETag`: the last change of the version, or of the choice of the
    /// default version.
    #[must_use]
    pub fn document_stamp(&self, xid: &Xid) -> Option<Stamp> {
        let resource = self.resource_at(xid)?;
        match xid {
            Xid::Version { version, .. } => Some(resource.version(version)?.stamp),
            _ => Some(resource.default_version()?.stamp.max(resource.pointer())),
        }
    }

    /// The stamp for the `ETag` of an entity's attributes: the last change anywhere in a resource;
    /// for a group or the registry, of its attributes or members; or the last change of the model
    /// or the capabilities.
    #[must_use]
    pub fn details_stamp(&self, xid: &Xid) -> Option<Stamp> {
        let own = match xid {
            Xid::Registry => self.registry().stamp,
            Xid::Group { .. } => self.group_at(xid)?.stamp(),
            Xid::Resource { .. } | Xid::Meta { .. } => self.resource_at(xid)?.stamp(),
            Xid::Version { version, .. } => {
                let resource = self.resource_at(xid)?;
                resource.version(version)?;
                resource.stamp()
            }
        };
        Some(own.max(self.model_stamp()).max(self.capabilities_stamp()))
    }

    /// The purge that erased the contents of what the view shows under a name; none if they exist.
    /// Positions, epochs, times and digests remain.
    #[must_use]
    pub fn erased(&self, xid: &Xid) -> Option<Stamp> {
        if self.is_newest() || !self.has(xid) {
            return None;
        }
        let shown = match xid {
            Xid::Resource { .. } => {
                self.version_at(xid).and_then(|version| xid.version(version.id.clone()))
            }
            _ => None,
        };
        std::iter::successors(Some(xid.clone()), Xid::parent)
            .chain(shown)
            .filter_map(|name| self.catalog.purged.get(name.to_string().as_str()).copied())
            .find(|purge| purge.position > self.stamp.position)
    }

    /// The deleted members of a collection (given by its path) that a restore could bring back:
    /// their xids, sorted, each with the deletion that it would undo.
    #[must_use]
    pub fn deleted_in(&self, collection: &str) -> Vec<(Arc<str>, Stamp)> {
        let prefix = format!("{collection}/");
        let from: Arc<str> = prefix.as_str().into();
        let is_member = |xid: &str| !xid[prefix.len()..].contains('/');
        let mut found: Vec<(Arc<str>, Stamp)> = Vec::new();
        if self.is_newest() {
            let below = self.catalog.hidden.range(from..);
            let below = below.take_while(|(xid, _)| xid.starts_with(&prefix));
            let members = below.filter(|(xid, _)| is_member(xid));
            found.extend(members.map(|(xid, hidden)| (xid.clone(), hidden.stamp)));
            return found;
        }
        let below = self.catalog.past.deletions.range((from, Position::ZERO)..);
        let below = below.take_while(|((xid, _), _)| xid.starts_with(&prefix));
        let until = |((xid, since), _): &(&(Arc<str>, Position), _)| {
            *since <= self.stamp.position && is_member(xid)
        };
        for ((xid, _), deletion) in below.filter(until) {
            // Each record replaces the earlier one of its name.
            found.pop_if(|(last, _)| last == xid);
            found.extend(deletion.map(|stamp| (xid.clone(), stamp)));
        }
        found
    }

    /// An estimate of the names that [`View::deleted_in`] looks at.
    #[must_use]
    pub fn deleted_estimate(&self) -> usize {
        if self.is_newest() { self.catalog.hidden.len() } else { self.catalog.past.deletions.len() }
    }

    /// The entities that refer to this one or to anything in it, except those within it. The answer
    /// is that of the newest catalog, whatever the view's position.
    #[must_use]
    pub fn referrers_of(&self, xid: &Xid) -> BTreeSet<Xid> {
        self.catalog.referrers_of(xid)
    }
}
