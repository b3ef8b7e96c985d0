use std::sync::Arc;

use muster_words::{Id, Moment, Position};

use super::{
    ResourceView,
    members::{HasId, Members},
};
use crate::{
    Content,
    state::{Bindings, EpochEntry, Group, GroupState, Resource, Stamp, state_at},
};

/// A group in a view.
#[derive(Clone, Copy, Debug)]
pub struct GroupView<'a> {
    group: &'a Group,
    own: &'a GroupState,
    moved: EpochEntry,
    /// The position up to which changes are visible.
    at: Position,
}

impl HasId for Group {
    fn id(&self) -> &Id {
        &self.id
    }
}

impl<'a> GroupView<'a> {
    /// The group at a position; none if it didn't exist yet.
    pub(super) fn at(group: &'a Group, at: Position) -> Option<Self> {
        let moved = group.moved();
        if moved.stamp.position <= at {
            return Some(Self { group, own: &group.own, moved, at });
        }
        let own = state_at(&group.own, at)?;
        Some(Self { group, own, moved: *group.past.moved(at)?, at })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &'a Id {
        &self.group.id
    }

    /// The attributes that clients set.
    #[must_use]
    pub const fn attributes(&self) -> Option<Content> {
        self.own.attributes
    }

    /// The documents that are bound to its members.
    #[must_use]
    pub const fn bindings(&self) -> &'a Arc<Bindings> {
        &self.own.bindings
    }

    /// Its epoch, which increases with its attributes and when resources are added or removed.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.moved.epoch
    }

    /// When it was created.
    #[must_use]
    pub const fn created(&self) -> Moment {
        self.own.created
    }

    /// When its attributes or its set of resources were last modified.
    #[must_use]
    pub const fn modified(&self) -> Moment {
        self.moved.modified
    }

    /// The last change of its attributes or of its set of resources.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        self.moved.stamp
    }

    /// The number of its resources of a type.
    #[must_use]
    pub fn resource_count(&self, resources: &str) -> usize {
        self.members(resources).count()
    }

    /// Its resources of a type, sorted by id: all, or those after an id.
    pub fn resources(
        &self,
        resources: &str,
        after: Option<&Id>,
    ) -> impl Iterator<Item = ResourceView<'a>> + use<'a> {
        let at = self.at;
        let members = self.members(resources).after(after);
        members.filter_map(move |resource| ResourceView::at(resource, at))
    }

    /// A resource in it.
    #[must_use]
    pub fn resource(&self, resources: &Id, resource: &Id) -> Option<ResourceView<'a>> {
        ResourceView::at(self.members(resources.as_str()).get(resource)?, self.at)
    }

    fn members(&self, resources: &str) -> Members<'a, Resource> {
        let now = self.group.resources.get(resources);
        Members::of(now, &self.group.past, resources, self.at)
    }
}
