//! The entities of a view for readers: how to find them, their members, and their attributes.

mod attributes;
mod members;

use std::sync::Arc;

use muster_model::{GroupType, ResourceType};
use muster_words::Xid;
use serde_json::{Map, Value};

pub use attributes::{EntityReader, EntityUrls};

use crate::{Content, GroupView, ResourceView, View, state::Version};

/// An entity of a view, with its type.
#[derive(Clone, Copy, Debug)]
pub enum Entity<'a> {
    /// The registry.
    Registry,
    /// A group.
    Group(&'a GroupType, GroupView<'a>),
    /// A resource, which shows its default version.
    Resource(&'a ResourceType, ResourceView<'a>),
    /// A resource's Meta.
    Meta(&'a ResourceType, ResourceView<'a>),
    /// A version.
    Version(&'a ResourceType, ResourceView<'a>, &'a Arc<Version>),
}

/// The attributes that clients set on entities, if they were read from the ledger.
pub trait LoadedAttributes {
    /// The attributes in this content; none if it isn't loaded.
    fn attributes(&self, content: Content) -> Option<&Map<String, Value>>;
}

impl<'a> Entity<'a> {
    /// The entity with this name.
    #[must_use]
    pub fn find(view: &'a View, xid: &Xid) -> Option<Self> {
        let model = view.model();
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
                        Self::Version(kind, resource, resource.version(version)?)
                    }
                    Xid::Meta { .. } => Self::Meta(kind, resource),
                    _ => Self::Resource(kind, resource),
                })
            }
        }
    }

    /// The entity's id.
    #[must_use]
    pub fn id(&self) -> &'a str {
        match self {
            Self::Registry => "",
            Self::Group(_, group) => group.id().as_str(),
            Self::Resource(_, resource) | Self::Meta(_, resource) => resource.id().as_str(),
            Self::Version(_, _, version) => version.id.as_str(),
        }
    }

    /// The version whose attributes the entity shows.
    #[must_use]
    pub fn version(&self) -> Option<&'a Arc<Version>> {
        match self {
            Self::Resource(_, resource) => resource.default_version(),
            Self::Version(_, _, version) => Some(version),
            Self::Registry | Self::Group(..) | Self::Meta(..) => None,
        }
    }

    /// Its document, if it is stored here and isn't empty.
    #[must_use]
    pub fn document(&self) -> Option<Content> {
        self.version()?.document.filter(|document| document.size > 0)
    }

    /// The attributes that clients set.
    #[must_use]
    pub fn attributes(&self, view: &View) -> Option<Content> {
        match self {
            Self::Registry => view.registry().attributes,
            Self::Group(_, group) => group.attributes(),
            Self::Meta(_, resource) => resource.meta().attributes,
            Self::Resource(..) | Self::Version(..) => self.version()?.attributes,
        }
    }

    /// The contents that its attributes are read from.
    pub fn contents(&self, view: &View) -> impl Iterator<Item = Content> + use<> {
        // Meta says whether versions were compared.
        let of_meta = match self {
            Self::Resource(kind, resource) | Self::Version(kind, resource, _)
                if kind.validatecompatibility =>
            {
                resource.meta().attributes
            }
            _ => None,
        };
        self.attributes(view).into_iter().chain(of_meta)
    }

    /// Whether the name is that of a collection of such an entity.
    #[must_use]
    pub fn has_collection(&self, view: &View, name: &str) -> bool {
        match self {
            Self::Registry => view.model().group_type(name).is_some(),
            Self::Group(kind, _) => kind.resource_type(name).is_some(),
            Self::Resource(..) => name == "versions",
            Self::Meta(..) | Self::Version(..) => false,
        }
    }
}
