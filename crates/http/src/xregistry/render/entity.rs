use std::sync::Arc;

use muster_catalog::{
    Catalog, Content,
    state::{Group, Resource, Version},
};
use muster_model::{GroupType, ResourceType};
use muster_words::Xid;

use super::shelf::Wanted;

/// An entity of a view, with its type and its path.
#[derive(Clone, Copy, Debug)]
pub(in crate::xregistry) enum Entity<'a> {
    /// The registry.
    Registry,
    /// A group.
    Group(&'a GroupType, &'a Arc<Group>),
    /// A resource, which shows its default version.
    Resource(&'a ResourceType, &'a Arc<Resource>),
    /// A resource's Meta.
    Meta(&'a ResourceType, &'a Arc<Resource>),
    /// A version.
    Version(&'a ResourceType, &'a Arc<Resource>, &'a Arc<Version>),
}

impl<'a> Entity<'a> {
    /// The entity of that name.
    pub fn find(view: &'a Catalog, xid: &Xid) -> Option<Self> {
        let model = &view.model;
        match xid {
            Xid::Registry => Some(Self::Registry),
            Xid::Group { groups, group } => {
                let kind = model.group_type(groups.as_str())?;
                Some(Self::Group(kind, view.group(groups, group)?))
            }
            Xid::Resource { groups, resources, .. }
            | Xid::Meta { groups, resources, .. }
            | Xid::Version { groups, resources, .. } => {
                let kind = model.resource_type(groups.as_str(), resources.as_str())?;
                let resource = view.resource_at(xid)?;
                Some(match xid {
                    Xid::Version { version, .. } => {
                        Self::Version(kind, resource, resource.versions.get(version)?)
                    }
                    Xid::Meta { .. } => Self::Meta(kind, resource),
                    _ => Self::Resource(kind, resource),
                })
            }
        }
    }

    /// The entity's id.
    pub fn id(&self) -> &'a str {
        match self {
            Self::Registry => "",
            Self::Group(_, group) => group.id.as_str(),
            Self::Resource(_, resource) | Self::Meta(_, resource) => resource.id.as_str(),
            Self::Version(_, _, version) => version.id.as_str(),
        }
    }

    /// The version whose attributes the entity shows.
    pub fn version(&self) -> Option<&'a Arc<Version>> {
        match self {
            Self::Resource(_, resource) => resource.default_version(),
            Self::Version(_, _, version) => Some(version),
            Self::Registry | Self::Group(..) | Self::Meta(..) => None,
        }
    }

    /// Its document, where it has one here that isn't empty.
    pub fn document(&self) -> Option<Content> {
        self.version()?.document.filter(|document| document.size > 0)
    }

    /// What clients set on it.
    pub fn attributes(&self, view: &Catalog) -> Option<Content> {
        match self {
            Self::Registry => view.registry.attributes,
            Self::Group(_, group) => group.own.attributes,
            Self::Meta(_, resource) => resource.meta.attributes,
            Self::Resource(..) | Self::Version(..) => self.version()?.attributes,
        }
    }

    /// Asks for what clients set on it.
    pub fn want(&self, view: &Catalog, wanted: &mut Wanted) {
        wanted.attributes.extend(self.attributes(view));
        // Whether versions were compared is told by Meta.
        if let Self::Resource(kind, resource) | Self::Version(kind, resource, _) = self
            && kind.validatecompatibility
        {
            wanted.attributes.extend(resource.meta.attributes);
        }
    }

    /// Whether the name is that of a collection in such an entity.
    pub fn has_collection(&self, view: &Catalog, name: &str) -> bool {
        match self {
            Self::Registry => view.model.group_type(name).is_some(),
            Self::Group(kind, _) => kind.resource_type(name).is_some(),
            Self::Resource(..) => name == "versions",
            Self::Meta(..) | Self::Version(..) => false,
        }
    }
}
