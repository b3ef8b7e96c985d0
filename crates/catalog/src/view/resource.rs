use std::sync::Arc;

use muster_words::{Id, Position};

use super::members::{HasId, former_after, merged};
use crate::state::{
    CaseFoldedId, ExactId, Meta, Resource, ResourcePast, Stamp, Version, locate, state_at,
};

/// A resource in a view: its Meta and its versions.
#[derive(Clone, Copy, Debug)]
pub struct ResourceView<'a> {
    resource: &'a Resource,
    meta: &'a Arc<Meta>,
    /// The position up to which changes are visible; none if all changes are.
    at: Option<Position>,
}

impl HasId for Resource {
    fn id(&self) -> &Id {
        &self.id
    }
}

impl HasId for Version {
    fn id(&self) -> &Id {
        &self.id
    }
}

impl<'a> ResourceView<'a> {
    /// The resource at a position; none if it didn't exist yet.
    pub(super) fn at(resource: &'a Resource, at: Position) -> Option<Self> {
        if resource.any.position <= at {
            return Some(Self { resource, meta: &resource.meta, at: None });
        }
        Some(Self { resource, meta: state_at(&resource.meta, at)?, at: Some(at) })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &'a Id {
        &self.resource.id
    }

    /// Its number in the indexes.
    #[must_use]
    pub(crate) const fn number(&self) -> u32 {
        self.resource.number
    }

    /// Its Meta.
    #[must_use]
    pub const fn meta(&self) -> &'a Arc<Meta> {
        self.meta
    }

    fn past(&self) -> Option<&'a ResourcePast> {
        self.resource.past.as_deref()
    }

    /// The last change anywhere in the resource.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        let touched = self.at.and_then(|at| self.past()?.touched(at));
        touched.map_or(self.resource.any, |touched| touched.stamp())
    }

    /// The last change of the default version's choice.
    #[must_use]
    pub fn pointer(&self) -> Stamp {
        if self.at.is_none() {
            return self.resource.pointer;
        }
        state_at(self.meta, self.meta.pointer).map_or(self.resource.pointer, |meta| meta.stamp)
    }

    /// The default version.
    #[must_use]
    pub fn default_version(&self) -> Option<&'a Arc<Version>> {
        self.version(&self.meta.default)
    }

    /// A version.
    #[must_use]
    pub fn version(&self, id: &Id) -> Option<&'a Arc<Version>> {
        let now = self.resource.versions.get(id);
        let Some(at) = self.at else { return now };
        let lives = self.past().and_then(|past| past.former().get(&ExactId(id.clone())));
        state_at(locate(now, lives, at)?, at)
    }

    /// Its number of versions.
    #[must_use]
    pub fn version_count(&self) -> usize {
        let touched = self.at.and_then(|at| self.past()?.touched(at));
        touched.map_or(self.resource.versions.len(), |touched| touched.versions as usize)
    }

    /// Its versions, sorted by id: all, or those after an id.
    pub fn versions(&self, after: Option<&Id>) -> impl Iterator<Item = &'a Arc<Version>> + use<'a> {
        let at = self.at.unwrap_or(Position(u64::MAX));
        let former = self.at.and_then(|_| Some(self.past()?.former()));
        let former = former_after(former, after);
        let after = after.map(|id| CaseFoldedId(id.clone()));
        let follows = move |version: &&Arc<Version>| {
            after.as_ref().is_none_or(|after| CaseFoldedId(version.id.clone()) > *after)
        };
        let now = self.resource.versions.iter().filter(follows);
        merged(now, former, at).filter_map(move |version| state_at(version, at))
    }
}
