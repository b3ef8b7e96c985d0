use std::sync::Arc;

use http::{HeaderValue, header};
use muster_catalog::ValueFault;
use muster_model::{GroupType, Model, ResourceType};
use muster_wire::{ErrorKind, Problem};
use muster_words::{Id, IdError, Xid};

/// A parsed path (xRegistry HTTP binding, "HTTP API Patterns"). It depends on the model, which
/// defines the names of collections.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// The place itself.
    pub place: Place,
    /// The path without the API's prefix and without a trailing slash, which is the subject of
    /// errors.
    pub path: String,
    /// Whether `$details` was appended: then the attributes are meant, not the document.
    pub details: bool,
}

/// The places that a path can name.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// `/`
    Registry,
    /// `/export`
    Export,
    /// `/model`
    Model,
    /// `/modelsource`
    ModelSource,
    /// `/capabilities`
    Capabilities,
    /// `/capabilitiesoffered`
    CapabilitiesOffered,
    /// `/.xregistry`
    Registries,
    /// `/<GROUPS>`
    Groups(Arc<GroupType>),
    /// `/<GROUPS>/<GID>`
    Group(Arc<GroupType>, Xid),
    /// `/<GROUPS>/<GID>/<RESOURCES>`, with the group
    Resources(Arc<ResourceType>, Xid),
    /// `/<GROUPS>/<GID>/<RESOURCES>/<RID>`
    Resource(Arc<ResourceType>, Xid),
    /// `…/meta`
    Meta(Xid),
    /// `…/versions`, with the resource
    Versions(Arc<ResourceType>, Xid),
    /// `…/versions/<VID>`
    Version(Arc<ResourceType>, Xid),
}

/// The methods in `Allow` if the place isn't known yet.
pub(super) const METHODS_OF_ROOT: &str = "GET, OPTIONS, PATCH, POST, PUT";
/// The methods in `Allow` of a read-only place.
pub(super) const METHODS_TO_READ: &str = "GET, OPTIONS";

const METHODS_OF_COLLECTION: &str = "DELETE, GET, OPTIONS, PATCH, POST";
const METHODS_OF_ENTITY: &str = "DELETE, GET, OPTIONS, PATCH, POST, PUT";
/// Also of `meta`.
const METHODS_OF_VERSION: &str = "DELETE, GET, OPTIONS, PATCH, PUT";

const DETAILS: &str = "$details";

impl Address {
    /// Parses a path, which begins after the API's prefix and is percent-encoded.
    ///
    /// # Errors
    /// `not_found` for names that the model doesn't define, `api_not_found` for other forms,
    /// `bad_details`, and `invalid_attribute` for a write with an invalid id (a read with one is
    /// `not_found`).
    pub fn parse(path: &str, model: &Model, writes: bool) -> Result<Self, Problem> {
        let path = decoded(path.trim_matches('/'))?;
        let steps: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
        let walk = Walk { path: format!("/{path}"), model, writes };
        let last = steps.last().copied().unwrap_or_default();
        let details = last.ends_with(DETAILS) && matches!(steps.len(), 4 | 6);
        if path.contains(DETAILS) && !details {
            return Err(walk.problem(ErrorKind::BadDetails));
        }
        let mut names = steps;
        if details && let Some(last) = names.last_mut() {
            *last = last.strip_suffix(DETAILS).unwrap_or(last);
        }
        if names.iter().any(|name| name.contains(DETAILS)) {
            return Err(walk.problem(ErrorKind::BadDetails));
        }
        Ok(Self { place: walk.place(&names)?, path: walk.path, details })
    }
}

/// A path that is being parsed.
struct Walk<'a> {
    path: String,
    model: &'a Model,
    writes: bool,
}

impl Walk<'_> {
    fn problem(&self, kind: ErrorKind) -> Problem {
        Problem::new(kind).subject(&self.path)
    }

    fn place(&self, names: &[&str]) -> Result<Place, Problem> {
        match *names {
            [] => Ok(Place::Registry),
            ["export"] => Ok(Place::Export),
            ["model"] => Ok(Place::Model),
            ["modelsource"] => Ok(Place::ModelSource),
            ["capabilities"] => Ok(Place::Capabilities),
            ["capabilitiesoffered"] => Ok(Place::CapabilitiesOffered),
            [".xregistry"] => Ok(Place::Registries),
            [
                "export"
                | "model"
                | "modelsource"
                | "capabilities"
                | "capabilitiesoffered"
                | ".xregistry",
                ..,
            ] => {
                let methods = HeaderValue::from_static(METHODS_TO_READ);
                let problem = self.problem(ErrorKind::ApiNotFound);
                Err(problem.header(header::ACCESS_CONTROL_ALLOW_METHODS, methods))
            }
            [groups, ref rest @ ..] => self.group(groups, rest),
        }
    }

    fn group(&self, groups: &str, rest: &[&str]) -> Result<Place, Problem> {
        let Some(kind) = self.model.group_type(groups) else {
            return Err(Problem::new(ErrorKind::NotFound)
                .subject(format!("/{groups}"))
                .detail(format!("Unknown Group type: {groups}.")));
        };
        let [group, rest @ ..] = rest else { return Ok(Place::Groups(Arc::clone(kind))) };
        let id = self.id(&kind.singular, group)?;
        let xid = Xid::Group { groups: self.id("", groups)?, group: id };
        let [resources, rest @ ..] = rest else { return Ok(Place::Group(Arc::clone(kind), xid)) };
        let Some(kind) = kind.resource_type(resources) else {
            return Err(Problem::new(ErrorKind::NotFound)
                .subject(format!("/{groups}/{group}/{resources}"))
                .detail(format!("Unknown Resource type: {resources}.")));
        };
        self.resource(&xid, kind, rest)
    }

    fn resource(
        &self,
        group: &Xid,
        kind: &Arc<ResourceType>,
        rest: &[&str],
    ) -> Result<Place, Problem> {
        let kind = Arc::clone(kind);
        let [resource, rest @ ..] = rest else { return Ok(Place::Resources(kind, group.clone())) };
        let unknown = || self.problem(ErrorKind::NotFound);
        let Xid::Group { groups, group } = group.clone() else { return Err(unknown()) };
        let resources = self.id("", &kind.plural)?;
        let resource = self.id(&kind.singular, resource)?;
        let xid = Xid::Resource { groups, group, resources, resource };
        match *rest {
            [] => Ok(Place::Resource(kind, xid)),
            ["meta"] => Ok(Place::Meta(xid.meta().ok_or_else(unknown)?)),
            ["versions"] => Ok(Place::Versions(kind, xid)),
            ["versions", version] => {
                if self.writes && matches!(version, "null" | "request") {
                    return Err(self.invalid("version", &ValueFault::Reserved));
                }
                let xid = xid.version(self.id("version", version)?).ok_or_else(unknown)?;
                Ok(Place::Version(kind, xid))
            }
            _ => Err(unknown()),
        }
    }

    fn id(&self, singular: &str, text: &str) -> Result<Id, Problem> {
        text.parse().map_err(|error: IdError| match self.writes {
            true => self.invalid(singular, &error.into()),
            false => self.problem(ErrorKind::NotFound),
        })
    }

    /// An invalid id is an error of the attribute, as in the reference server.
    fn invalid(&self, singular: &str, fault: &ValueFault) -> Problem {
        let (name, error_detail) = (format!("{singular}id"), fault.to_string());
        let subject = self.path.strip_suffix(DETAILS).unwrap_or(&self.path);
        let steps = self.path.matches('/').count();
        let methods = match (steps, self.path.ends_with("/meta")) {
            (3, _) | (5, false) => METHODS_OF_COLLECTION,
            (5 | 6, _) => METHODS_OF_VERSION,
            _ => METHODS_OF_ENTITY,
        };
        let methods = HeaderValue::from_static(methods);
        Problem::new(ErrorKind::InvalidAttribute { name, error_detail })
            .subject(subject)
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, methods)
    }
}

/// Percent-decodes each segment separately: an encoded slash becomes part of a name, where it is
/// invalid.
fn decoded(path: &str) -> Result<String, Problem> {
    if !path.contains('%') {
        return Ok(path.to_owned());
    }
    let broken = || Problem::new(ErrorKind::ApiNotFound).subject(format!("/{path}"));
    let segments: Option<Vec<String>> = path.split('/').map(percent_decoded).collect();
    let segments = segments.ok_or_else(broken)?;
    if segments.iter().any(|segment| segment.contains('/')) {
        return Err(broken());
    }
    Ok(segments.join("/"))
}

/// The text without percent-encoding, if it is UTF-8 then.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let [high, low, after @ ..] = rest else { return None };
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
        bytes.push(digit(*high)? * 16 + digit(*low)?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

impl Place {
    /// The methods of the place, for `Allow` and `Access-Control-Allow-Methods`.
    pub const fn methods(&self) -> &'static str {
        match self {
            Self::Registry => METHODS_OF_ROOT,
            Self::Export | Self::Model | Self::CapabilitiesOffered | Self::Registries => {
                METHODS_TO_READ
            }
            Self::ModelSource => "GET, OPTIONS, PUT",
            Self::Capabilities => "GET, OPTIONS, PATCH, PUT",
            Self::Groups(_) | Self::Resources(..) | Self::Versions(..) => METHODS_OF_COLLECTION,
            Self::Group(..) | Self::Resource(..) => METHODS_OF_ENTITY,
            Self::Meta(_) | Self::Version(..) => METHODS_OF_VERSION,
        }
    }

    /// The kind of metadata at the place (core, "`available` Capability").
    pub const fn metadata(&self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Model => "model",
            Self::ModelSource => "modelsource",
            Self::Capabilities => "capabilities",
            Self::CapabilitiesOffered => "capabilitiesoffered",
            Self::Registries => ".xregistry",
            _ => "entities",
        }
    }

    /// The entity that the path names.
    pub fn entity(&self) -> Option<&Xid> {
        match self {
            Self::Registry => Some(&Xid::Registry),
            Self::Group(_, xid)
            | Self::Resource(_, xid)
            | Self::Meta(xid)
            | Self::Version(_, xid) => Some(xid),
            _ => None,
        }
    }

    /// Whether the path names a collection.
    pub const fn is_collection(&self) -> bool {
        matches!(self, Self::Groups(_) | Self::Resources(..) | Self::Versions(..))
    }

    /// The type of the resource with a document at this path; none if there is no document.
    pub fn document_type(&self) -> Option<&Arc<ResourceType>> {
        match self {
            Self::Resource(kind, _) | Self::Version(kind, _) if kind.hasdocument => Some(kind),
            _ => None,
        }
    }
}

impl Address {
    /// Whether bodies at this path are documents, not attributes.
    pub fn is_document(&self) -> bool {
        !self.details && self.place.document_type().is_some()
    }
}

#[cfg(test)]
mod tests;
