//! What readers see: the catalog at one position.

mod group;
mod resource;

use std::{collections::BTreeSet, ops::Deref, sync::Arc};

pub use group::GroupView;
use muster_model::Model;
use muster_words::{Id, Moment, Position, Xid};
pub use resource::ResourceView;
use serde_json::Value;

use crate::{
    Catalog, Content,
    state::{Group, Stamp, Version, exact, members_after},
};

/// The catalog at a position.
///
/// A value that never changes: cloning it copies a pointer. Whoever reads works on one, and needn't
/// know at which position it stands. `C` is how the catalog is held: by a shared pointer, or
/// borrowed while a command is decided on it.
#[derive(Clone, Debug)]
pub struct View<C = Arc<Catalog>> {
    catalog: C,
    stamp: Stamp,
    moment: Moment,
}

/// The registry itself in a view.
#[derive(Clone, Copy, Debug)]
pub struct RegistryView {
    /// What clients set.
    pub attributes: Option<Content>,
    /// Its epoch.
    pub epoch: u64,
    /// When it was created.
    pub created: Moment,
    /// When it was last modified.
    pub modified: Moment,
    /// The last change of its attributes, or the last time that groups came or went.
    pub stamp: Stamp,
}

impl<C: Deref<Target = Catalog>> View<C> {
    /// The view of everything that is folded.
    #[must_use]
    pub fn newest(catalog: C) -> Self {
        let (stamp, moment) = (catalog.stamp, catalog.moment);
        Self { catalog, stamp, moment }
    }

    /// The catalog from which the view reads, which may be newer than the view. It holds what has
    /// no past: keys, remembered answers, who refers to whom.
    #[must_use]
    pub fn catalog(&self) -> &C {
        &self.catalog
    }

    /// The position at which the view stands: the end of a command.
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
        &self.catalog.model
    }

    /// The model's last change.
    #[must_use]
    pub fn model_stamp(&self) -> Stamp {
        self.catalog.model_stamp
    }

    /// The capabilities in force; none: what is built.
    #[must_use]
    pub fn capabilities(&self) -> Option<&Arc<Value>> {
        self.catalog.capabilities.as_ref()
    }

    /// The capabilities' last change.
    #[must_use]
    pub fn capabilities_stamp(&self) -> Stamp {
        self.catalog.capabilities_stamp
    }

    /// The registry itself.
    #[must_use]
    pub fn registry(&self) -> RegistryView {
        let state = &self.catalog.registry;
        RegistryView {
            attributes: state.attributes,
            epoch: state.epoch,
            created: state.created,
            modified: state.modified,
            stamp: state.own.max(state.members),
        }
    }

    /// How many groups of a type there are.
    #[must_use]
    pub fn group_count(&self, groups: &str) -> usize {
        self.catalog.groups.get(groups).map_or(0, |members| members.len())
    }

    /// The groups of a type in the order of their ids: all, or those that follow an id.
    pub fn groups(
        &self,
        groups: &str,
        after: Option<&Id>,
    ) -> impl Iterator<Item = GroupView<'_>> + use<'_, C> {
        members_after(self.catalog.groups.get(groups), after).map(|group| self.see(group))
    }

    /// A group.
    #[must_use]
    pub fn group(&self, groups: &Id, group: &Id) -> Option<GroupView<'_>> {
        exact(self.catalog.groups.get(groups)?, group).map(|group| self.see(group))
    }

    const fn see<'a>(&self, group: &'a Group) -> GroupView<'a> {
        GroupView::new(group)
    }

    /// The group that an xid names or lies in.
    #[must_use]
    pub fn group_at(&self, xid: &Xid) -> Option<GroupView<'_>> {
        match xid {
            Xid::Registry => None,
            Xid::Group { groups, group }
            | Xid::Resource { groups, group, .. }
            | Xid::Meta { groups, group, .. }
            | Xid::Version { groups, group, .. } => self.group(groups, group),
        }
    }

    /// The resource that an xid names or lies in.
    #[must_use]
    pub fn resource_at(&self, xid: &Xid) -> Option<ResourceView<'_>> {
        match xid {
            Xid::Registry | Xid::Group { .. } => None,
            Xid::Resource { groups, group, resources, resource }
            | Xid::Meta { groups, group, resources, resource }
            | Xid::Version { groups, group, resources, resource, .. } => {
                self.group(groups, group)?.resource(resources, resource)
            }
        }
    }

    /// The version that an xid names; of a resource's xid the default version.
    #[must_use]
    pub fn version_at(&self, xid: &Xid) -> Option<&Arc<Version>> {
        let resource = self.resource_at(xid)?;
        match xid {
            Xid::Version { version, .. } => resource.version(version),
            _ => resource.default_version(),
        }
    }

    /// Whether the entity is there.
    #[must_use]
    pub fn has(&self, xid: &Xid) -> bool {
        match xid {
            Xid::Registry => true,
            Xid::Group { groups, group } => self.group(groups, group).is_some(),
            Xid::Resource { .. } | Xid::Meta { .. } => self.resource_at(xid).is_some(),
            Xid::Version { .. } => self.version_at(xid).is_some(),
        }
    }

    /// The stamp of a document's `ETag`: the last change of the version that answers, or of the
    /// pointer that chose it.
    #[must_use]
    pub fn document_stamp(&self, xid: &Xid) -> Option<Stamp> {
        let resource = self.resource_at(xid)?;
        match xid {
            Xid::Version { version, .. } => Some(resource.version(version)?.stamp),
            _ => Some(resource.default_version()?.stamp.max(resource.pointer())),
        }
    }

    /// The stamp of an entity's `ETag` in its details: the last change anywhere in the resource; of
    /// a group or the registry, of their attributes or members; and of the model or the
    /// capabilities.
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

    /// Who refers to an entity or to anything in it, but for what lies in it itself. It is the
    /// newest catalog's answer, whatever the view's position.
    #[must_use]
    pub fn referrers_of(&self, xid: &Xid) -> BTreeSet<Xid> {
        self.catalog.referrers_of(xid)
    }
}
