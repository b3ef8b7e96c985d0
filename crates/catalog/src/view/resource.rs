use std::sync::Arc;

use muster_words::Id;

use crate::state::{Meta, Resource, Stamp, Version};

/// A resource in a view: its Meta and its versions.
#[derive(Clone, Copy, Debug)]
pub struct ResourceView<'a> {
    resource: &'a Resource,
}

impl<'a> ResourceView<'a> {
    pub(super) const fn new(resource: &'a Resource) -> Self {
        Self { resource }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &'a Id {
        &self.resource.id
    }

    /// Its Meta.
    #[must_use]
    pub const fn meta(&self) -> &'a Arc<Meta> {
        &self.resource.meta
    }

    /// The last change anywhere in the resource.
    #[must_use]
    pub const fn stamp(&self) -> Stamp {
        self.resource.any
    }

    /// The last change of which version is the default.
    #[must_use]
    pub const fn pointer(&self) -> Stamp {
        self.resource.pointer
    }

    /// The default version.
    #[must_use]
    pub fn default_version(&self) -> Option<&'a Arc<Version>> {
        self.version(&self.meta().default)
    }

    /// A version.
    #[must_use]
    pub fn version(&self, id: &Id) -> Option<&'a Arc<Version>> {
        self.resource.versions.get(id)
    }

    /// How many versions it has.
    #[must_use]
    pub fn version_count(&self) -> usize {
        self.resource.versions.len()
    }

    /// Its versions in the order of their ids: all, or those that follow an id.
    pub fn versions(&self, after: Option<&Id>) -> impl Iterator<Item = &'a Arc<Version>> + use<'a> {
        let after = after.map(Id::folded);
        let follows = move |version: &&Arc<Version>| {
            after.as_ref().is_none_or(|after| version.id.folded() > *after)
        };
        self.resource.versions.iter().filter(follows)
    }
}
