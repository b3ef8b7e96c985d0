use std::sync::Arc;

use muster_words::{Id, Moment};

use super::ResourceView;
use crate::{
    Content,
    state::{Bindings, Group, Stamp, exact, members_after},
};

/// A group in a view.
#[derive(Clone, Copy, Debug)]
pub struct GroupView<'a> {
    group: &'a Group,
}

impl<'a> GroupView<'a> {
    pub(super) const fn new(group: &'a Group) -> Self {
        Self { group }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &'a Id {
        &self.group.id
    }

    /// What clients set.
    #[must_use]
    pub fn attributes(&self) -> Option<Content> {
        self.group.own.attributes
    }

    /// The documents that bind what lies in it.
    #[must_use]
    pub fn bindings(&self) -> &'a Arc<Bindings> {
        &self.group.own.bindings
    }

    /// Its epoch: moves with its attributes and when resources come or go.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.group.epoch
    }

    /// When it was created.
    #[must_use]
    pub fn created(&self) -> Moment {
        self.group.own.created
    }

    /// When it was last modified: its attributes, or because resources came or went.
    #[must_use]
    pub const fn modified(&self) -> Moment {
        self.group.modified
    }

    /// The last change of its attributes, or the last time that resources came or went.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.group.own.stamp.max(self.group.members)
    }

    /// How many resources of a type it holds.
    #[must_use]
    pub fn resource_count(&self, resources: &str) -> usize {
        self.group.resources.get(resources).map_or(0, |members| members.len())
    }

    /// Its resources of a type in the order of their ids: all, or those that follow an id.
    pub fn resources(
        &self,
        resources: &str,
        after: Option<&Id>,
    ) -> impl Iterator<Item = ResourceView<'a>> + use<'a> {
        members_after(self.group.resources.get(resources), after)
            .map(|found| ResourceView::new(found))
    }

    /// A resource in it.
    #[must_use]
    pub fn resource(&self, resources: &Id, resource: &Id) -> Option<ResourceView<'a>> {
        exact(self.group.resources.get(resources)?, resource).map(|found| ResourceView::new(found))
    }
}
