use std::collections::BTreeSet;

use muster_model::{Attribute, AttributeOrigin, Attributes, ResourceType, SPECVERSION};
use serde_json::{Map, Value, json};

use super::{Entity, LoadedAttributes};
use crate::{Content, Lifecycle, ResourceView, View, state::Version};

/// Reads the attributes of entities in the specification's order, without nested collections and
/// documents.
#[derive(Clone, Copy)]
pub struct EntityReader<'a> {
    /// The view.
    pub view: &'a View,
    /// The attributes that clients set, if they are loaded.
    pub loaded: &'a dyn LoadedAttributes,
    /// Writes the URLs.
    pub urls: &'a dyn EntityUrls,
}

/// Writes the URLs of entities.
pub trait EntityUrls: Sync {
    /// Whether this is the document view (core, "Doc Flag"), in which nothing is repeated.
    fn is_document(&self) -> bool;
    /// An entity's own URL. `has_document` says whether it has a document besides its attributes.
    fn own(&self, path: &str, has_document: bool) -> String;
    /// The URL of another entity. `is_there` says whether the answer contains that entity.
    fn to(&self, path: &str, has_document: bool, is_there: bool) -> String;
}

/// The attributes that the server sets, by the names of the entity's type.
struct ServerAttributes<'a> {
    id_name: String,
    id: &'a str,
    path: &'a str,
    has_document: bool,
}

/// Why a document wasn't validated against its format.
const UNKNOWN_FORMAT: &str = "Unknown format";

impl EntityReader<'_> {
    /// Passes each attribute of an entity to `sink`. `holds` says whether the answer contains the
    /// version with this id; the URL of the default version depends on it.
    pub fn each(
        &self,
        entity: &Entity<'_>,
        path: &str,
        holds: &dyn Fn(&str) -> bool,
        sink: &mut dyn FnMut(&str, &Value),
    ) {
        match entity {
            Entity::Registry => self.registry(entity, path, sink),
            Entity::Group(kind, group) => {
                let own = ServerAttributes {
                    id_name: kind.id_name(),
                    id: group.id().as_str(),
                    path,
                    has_document: false,
                };
                self.ordered(&kind.attributes, entity, &own, sink, &|name| match name {
                    "epoch" => Some(group.epoch().into()),
                    "createdat" => Some(group.created().to_string().into()),
                    "modifiedat" => Some(group.modified().to_string().into()),
                    _ => None,
                });
            }
            Entity::Resource(kind, resource) if self.urls.is_document() => {
                let own = self.own(kind, resource, path);
                self.ordered(&kind.resource_attributes, entity, &own, sink, &|_| None);
            }
            Entity::Resource(kind, resource) => {
                if let Some(version) = resource.default_version() {
                    self.version(kind, resource, version, entity, path, sink);
                }
            }
            Entity::Version(kind, resource, version) => {
                self.version(kind, resource, version, entity, path, sink);
            }
            Entity::Meta(kind, resource) => self.meta(kind, resource, entity, path, holds, sink),
        }
    }

    /// The attributes that clients set, in this content.
    fn set(&self, content: Option<Content>) -> Option<&Map<String, Value>> {
        self.loaded.attributes(content?)
    }

    fn registry(&self, entity: &Entity<'_>, path: &str, sink: &mut dyn FnMut(&str, &Value)) {
        let state = self.view.registry();
        let id = self.view.id().as_str();
        let own =
            ServerAttributes { id_name: "registryid".to_owned(), id, path, has_document: false };
        let level = self.view.model().registry();
        let set = self.set(entity.attributes(self.view));
        let is_set = |name: &str| set.is_some_and(|set| set.contains_key(name));
        self.ordered(level, entity, &own, sink, &|name| match name {
            "specversion" => Some(SPECVERSION.into()),
            "epoch" => Some(state.epoch.into()),
            "createdat" => Some(state.created.to_string().into()),
            "modifiedat" => Some(state.modified.to_string().into()),
            // The registry is there before its model is, so no write filled it in.
            _ if is_set(name) => None,
            _ => level.get(name)?.default.clone(),
        });
    }

    fn own<'b>(
        &self,
        kind: &ResourceType,
        resource: &'b ResourceView<'b>,
        path: &'b str,
    ) -> ServerAttributes<'b> {
        ServerAttributes {
            id_name: kind.id_name(),
            id: resource.id().as_str(),
            path,
            has_document: kind.hasdocument,
        }
    }

    fn version(
        &self,
        kind: &ResourceType,
        resource: &ResourceView<'_>,
        version: &Version,
        entity: &Entity<'_>,
        path: &str,
        sink: &mut dyn FnMut(&str, &Value),
    ) {
        let own = self.own(kind, resource, path);
        let built_in = |name: &str| {
            kind.attributes
                .get(name)
                .is_some_and(|attribute| attribute.origin == AttributeOrigin::BuiltIn)
        };
        self.ordered(&kind.attributes, entity, &own, sink, &|name| match name {
            "versionid" => Some(version.id.as_str().into()),
            "epoch" => Some(version.epoch.into()),
            "isdefault" => Some((resource.meta().default == version.id).into()),
            "createdat" => Some(version.created.to_string().into()),
            "modifiedat" => Some(version.modified.to_string().into()),
            "ancestorid" => Some(version.ancestor.as_str().into()),
            "contenttype" => version.content_type.as_deref().map(Into::into),
            "state" if built_in(name) => Some(version.state.as_str().into()),
            "digest" if built_in(name) => {
                version.document.map(|document| document.digest.to_string().into())
            }
            _ => self.validated(kind, resource, version, name),
        });
    }

    /// What the specification requires if a type asks for validation against formats: no format is
    /// supported here, so nothing was validated.
    fn validated(
        &self,
        kind: &ResourceType,
        resource: &ResourceView<'_>,
        version: &Version,
        name: &str,
    ) -> Option<Value> {
        let set = self.set(version.attributes)?;
        if !kind.validateformat || !set.contains_key("format") {
            return None;
        }
        let of_meta = self.set(resource.meta().attributes);
        let compares = kind.validatecompatibility
            && of_meta.is_some_and(|meta| meta.contains_key("compatibility"));
        match name {
            "formatvalidated" => Some(false.into()),
            "formatvalidatedreason" => Some(UNKNOWN_FORMAT.into()),
            "compatibilityvalidated" if compares => Some(false.into()),
            "compatibilityvalidatedreason" if compares => Some(UNKNOWN_FORMAT.into()),
            _ => None,
        }
    }

    fn meta(
        &self,
        kind: &ResourceType,
        resource: &ResourceView<'_>,
        entity: &Entity<'_>,
        path: &str,
        holds: &dyn Fn(&str) -> bool,
        sink: &mut dyn FnMut(&str, &Value),
    ) {
        let meta = resource.meta();
        let own = ServerAttributes { has_document: false, ..self.own(kind, resource, path) };
        let stem = path.strip_suffix("/meta").unwrap_or(path);
        let set = self.set(meta.attributes);
        let says_nothing = set.is_none_or(|set| set.get("deprecated").is_none());
        let is_deprecated = kind.attributes.get("state").is_some_and(|state| {
            state.origin == AttributeOrigin::BuiltIn
                && resource
                    .default_version()
                    .is_some_and(|version| version.state == Lifecycle::Deprecated)
        });
        self.ordered(&kind.meta_attributes, entity, &own, sink, &|name| match name {
            "epoch" => Some(meta.epoch.into()),
            "createdat" => Some(meta.created.to_string().into()),
            "modifiedat" => Some(meta.modified.to_string().into()),
            "readonly" => Some(false.into()),
            "deprecated" if says_nothing && is_deprecated => Some(json!({})),
            "defaultversionid" => Some(meta.default.as_str().into()),
            "defaultversionurl" => {
                let id = meta.default.as_str();
                let path = format!("{stem}/versions/{id}");
                Some(self.urls.to(&path, kind.hasdocument, holds(id)).into())
            }
            "defaultversionsticky" => Some(meta.sticky.into()),
            _ => None,
        });
    }

    /// Passes the attributes of one level in their order. Attributes without a definition of their
    /// own, allowed by `*` or added by `ifvalues`, appear at the place of extensions.
    fn ordered(
        &self,
        level: &Attributes,
        entity: &Entity<'_>,
        own: &ServerAttributes<'_>,
        sink: &mut dyn FnMut(&str, &Value),
        known: &dyn Fn(&str) -> Option<Value>,
    ) {
        let none = Map::new();
        let set = match entity {
            Entity::Resource(..) if self.urls.is_document() => &none,
            _ => self.set(entity.attributes(self.view)).unwrap_or(&none),
        };
        let mut extra: BTreeSet<&str> =
            set.keys().map(String::as_str).filter(|name| level.get(name).is_none()).collect();
        for attribute in level.iter() {
            if is_after_extensions(attribute) {
                for name in std::mem::take(&mut extra) {
                    give(name, set.get(name), sink);
                }
            }
            let name = attribute.name.as_str();
            if attribute.origin == AttributeOrigin::Nested || self.leaves_out(entity, name) {
                continue;
            }
            let value = if name == own.id_name {
                Some(own.id.into())
            } else {
                match name {
                    "self" => Some(self.urls.own(own.path, own.has_document).into()),
                    "xid" => Some(own.path.into()),
                    _ => known(name),
                }
            };
            give(name, value.as_ref().or_else(|| set.get(name)), sink);
        }
        for name in extra {
            give(name, set.get(name), sink);
        }
    }

    /// Attributes that others write, and those that the document view leaves out because they only
    /// concern this server.
    fn leaves_out(&self, entity: &Entity<'_>, name: &str) -> bool {
        let by_others = match entity {
            Entity::Registry => matches!(name, "capabilities" | "model" | "modelsource"),
            Entity::Resource(..) => name == "metaurl",
            Entity::Group(..) | Entity::Meta(..) | Entity::Version(..) => false,
        };
        let of_server = name == "shortself"
            || name.starts_with("formatvalidated")
            || name.starts_with("compatibilityvalidated");
        by_others || self.urls.is_document() && of_server
    }
}

fn is_after_extensions(attribute: &Attribute) -> bool {
    matches!(attribute.origin, AttributeOrigin::Nested | AttributeOrigin::Document)
        || matches!(attribute.name.as_str(), "capabilities" | "defaultversionid")
}

fn give(name: &str, value: Option<&Value>, sink: &mut dyn FnMut(&str, &Value)) {
    if let Some(value) = value
        && !value.is_null()
    {
        sink(name, value);
    }
}
