use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::{Id, IdError};

/// The path of an entity within its registry (xRegistry core, "xid"):
/// `/[<GROUPS>/<group>[/<RESOURCES>/<resource>[/meta | /versions/<version>]]]`.
///
/// Types (`providers`, `entries`) are plural names of the model; this type doesn't check whether
/// the model has them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Xid {
    /// `/`
    Registry,
    /// `/providers/cms`
    Group {
        /// The group's type, plural.
        groups: Id,
        /// The group's id.
        group: Id,
    },
    /// `/providers/cms/entries/sanity`
    Resource {
        /// The group's type, plural.
        groups: Id,
        /// The group's id.
        group: Id,
        /// The resource's type, plural.
        resources: Id,
        /// The resource's id.
        resource: Id,
    },
    /// `/providers/cms/entries/sanity/meta`
    Meta {
        /// The group's type, plural.
        groups: Id,
        /// The group's id.
        group: Id,
        /// The resource's type, plural.
        resources: Id,
        /// The resource's id.
        resource: Id,
    },
    /// `/providers/cms/entries/sanity/versions/1`
    Version {
        /// The group's type, plural.
        groups: Id,
        /// The group's id.
        group: Id,
        /// The resource's type, plural.
        resources: Id,
        /// The resource's id.
        resource: Id,
        /// The version's id.
        version: Id,
    },
}

/// Why a text isn't an xid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum XidError {
    /// It doesn't begin with `/`.
    #[error("an xid begins with /")]
    Slash,
    /// It has one, three, or too many parts, or a word other than `meta` or `versions`.
    #[error(
        "an xid has the form /<groups>/<group>[/<resources>/<resource>[/meta | /versions/<version>]]"
    )]
    Shape,
    /// A part isn't an id.
    #[error("{part:?}: {error}")]
    Part {
        /// The part.
        part: String,
        /// The fault.
        error: IdError,
    },
}

impl Xid {
    /// Parses an xid as people write it, with or without the leading slash.
    ///
    /// # Errors
    /// See [`XidError`].
    pub fn parse_loosely(text: &str) -> Result<Self, XidError> {
        if text.starts_with('/') { text.parse() } else { format!("/{text}").parse() }
    }

    /// The parent: the resource of a version or a Meta, the group of a resource, the registry of a
    /// group.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::Registry => return None,
            Self::Group { .. } => Self::Registry,
            Self::Resource { groups, group, .. } => Self::Group { groups, group },
            Self::Meta { groups, group, resources, resource }
            | Self::Version { groups, group, resources, resource, .. } => {
                Self::Resource { groups, group, resources, resource }
            }
        })
    }

    /// The resource that this xid names or is in.
    #[must_use]
    pub fn resource(&self) -> Option<Self> {
        match self {
            Self::Resource { .. } => Some(self.clone()),
            Self::Meta { .. } | Self::Version { .. } => self.parent(),
            Self::Registry | Self::Group { .. } => None,
        }
    }

    /// The group that this xid names or is in.
    #[must_use]
    pub fn group(&self) -> Option<Self> {
        let (groups, group) = self.group_ids()?;
        Some(Self::Group { groups: groups.clone(), group: group.clone() })
    }

    /// The plural of the type and the id of the group that this xid names or lies in.
    #[must_use]
    pub const fn group_ids(&self) -> Option<(&Id, &Id)> {
        match self {
            Self::Registry => None,
            Self::Group { groups, group }
            | Self::Resource { groups, group, .. }
            | Self::Meta { groups, group, .. }
            | Self::Version { groups, group, .. } => Some((groups, group)),
        }
    }

    /// The plural of the type and the id of the resource that this xid names or lies in.
    #[must_use]
    pub const fn resource_ids(&self) -> Option<(&Id, &Id)> {
        match self {
            Self::Registry | Self::Group { .. } => None,
            Self::Resource { resources, resource, .. }
            | Self::Meta { resources, resource, .. }
            | Self::Version { resources, resource, .. } => Some((resources, resource)),
        }
    }

    /// The version with this id, if this xid names a resource or something in it.
    #[must_use]
    pub fn version(&self, version: Id) -> Option<Self> {
        match self.resource()? {
            Self::Resource { groups, group, resources, resource } => {
                Some(Self::Version { groups, group, resources, resource, version })
            }
            _ => None,
        }
    }

    /// The Meta of the resource that this xid names or is in.
    #[must_use]
    pub fn meta(&self) -> Option<Self> {
        match self.resource()? {
            Self::Resource { groups, group, resources, resource } => {
                Some(Self::Meta { groups, group, resources, resource })
            }
            _ => None,
        }
    }

    /// The last part: the id of the entity itself. The registry and a Meta have none.
    #[must_use]
    pub fn id(&self) -> Option<&Id> {
        match self {
            Self::Registry | Self::Meta { .. } => None,
            Self::Group { group, .. } => Some(group),
            Self::Resource { resource, .. } => Some(resource),
            Self::Version { version, .. } => Some(version),
        }
    }

    /// The collection type of this entity: of a group, or of a resource and everything in it.
    #[must_use]
    pub fn collection(&self) -> Option<Collection> {
        let (groups, _) = self.group_ids()?;
        let resources = self.resource_ids().map(|(resources, _)| resources.clone());
        Some(Collection { groups: groups.clone(), resources })
    }
}

fn part(text: &str) -> Result<Id, XidError> {
    text.parse().map_err(|error| XidError::Part { part: text.chars().take(200).collect(), error })
}

impl FromStr for Xid {
    type Err = XidError;

    fn from_str(text: &str) -> Result<Self, XidError> {
        let rest = text.strip_prefix('/').ok_or(XidError::Slash)?;
        if rest.is_empty() {
            return Ok(Self::Registry);
        }
        // More parts than an xid can have are never collected: the text may be of any length.
        let parts: Vec<&str> = rest.split('/').take(7).collect();
        match *parts.as_slice() {
            [groups, group] => Ok(Self::Group { groups: part(groups)?, group: part(group)? }),
            [groups, group, resources, resource] => Ok(Self::Resource {
                groups: part(groups)?,
                group: part(group)?,
                resources: part(resources)?,
                resource: part(resource)?,
            }),
            [groups, group, resources, resource, "meta"] => Ok(Self::Meta {
                groups: part(groups)?,
                group: part(group)?,
                resources: part(resources)?,
                resource: part(resource)?,
            }),
            [groups, group, resources, resource, "versions", version] => Ok(Self::Version {
                groups: part(groups)?,
                group: part(group)?,
                resources: part(resources)?,
                resource: part(resource)?,
                version: part(version)?,
            }),
            _ => Err(XidError::Shape),
        }
    }
}

impl fmt::Display for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry => f.write_str("/"),
            Self::Group { groups, group } => write!(f, "/{groups}/{group}"),
            Self::Resource { groups, group, resources, resource } => {
                write!(f, "/{groups}/{group}/{resources}/{resource}")
            }
            Self::Meta { groups, group, resources, resource } => {
                write!(f, "/{groups}/{group}/{resources}/{resource}/meta")
            }
            Self::Version { groups, group, resources, resource, version } => {
                write!(f, "/{groups}/{group}/{resources}/{resource}/versions/{version}")
            }
        }
    }
}

impl Serialize for Xid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The type of a group or of a resource (xRegistry's "xidtype" of a container): `/providers` or
/// `/providers/entries`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Collection {
    /// The group's type, plural.
    pub groups: Id,
    /// The resource's type, plural; none for a collection of groups.
    pub resources: Option<Id>,
}

impl FromStr for Collection {
    type Err = XidError;

    fn from_str(text: &str) -> Result<Self, XidError> {
        let rest = text.strip_prefix('/').ok_or(XidError::Slash)?;
        match *rest.split('/').take(3).collect::<Vec<_>>().as_slice() {
            [groups] => Ok(Self { groups: part(groups)?, resources: None }),
            [groups, resources] => {
                Ok(Self { groups: part(groups)?, resources: Some(part(resources)?) })
            }
            _ => Err(XidError::Shape),
        }
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.resources {
            None => write!(f, "/{}", self.groups),
            Some(resources) => write!(f, "/{}/{resources}", self.groups),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_it_was_written() {
        for text in [
            "/",
            "/providers/cms",
            "/providers/cms/entries/sanity",
            "/providers/cms/entries/sanity/meta",
            "/providers/cms/entries/sanity/versions/1",
        ] {
            assert_eq!(text.parse::<Xid>().map(|xid| xid.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn refuses_other_shapes() {
        for text in [
            "",
            "a",
            "/a",
            "/a/b/c",
            "//",
            "/a/b/",
            "/a/b/c/d/e",
            "/a/b/c/d/versions",
            "/a/b/c/d/versions/1/2",
            "/a/b/c/../x",
        ] {
            assert!(text.parse::<Xid>().is_err(), "{text}");
        }
    }

    #[test]
    fn knows_its_parents() {
        let version: Xid = "/a/b/c/d/versions/1".parse().unwrap_or(Xid::Registry);
        let up: Vec<String> =
            std::iter::successors(Some(version), Xid::parent).map(|xid| xid.to_string()).collect();
        assert_eq!(up, ["/a/b/c/d/versions/1", "/a/b/c/d", "/a/b", "/"]);
    }
}
