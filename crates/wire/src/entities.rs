//! The fixed part of xRegistry's entities (core, "Attributes"). The server renders entities from
//! the model, as maps. These types tell the OpenAPI document which members exist in every model.
//!
//! Every member is optional: a request sends only what it sets, and an answer to `?collections` or
//! `?doc` leaves members out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{OrOther, Sample};

/// Entities by their ids.
pub type EntitiesById<T> = BTreeMap<String, T>;

/// Attributes that the server sets for every entity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Identity {
    /// The URL of the entity.
    #[serde(rename = "self", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri-reference"))]
    pub url: Option<String>,
    /// The path of the entity within the registry. It identifies the entity everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xid: Option<String>,
    /// How often the entity was changed. If a write sends it, it must be the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// Names and values that clients use to group entities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// When the entity was created, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub createdat: Option<String>,
    /// When the entity was last changed, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub modifiedat: Option<String>,
}

/// Attributes that describe an entity for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Presentation {
    /// The name, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the entity is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The URL of its documentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri-reference"))]
    pub documentation: Option<String>,
    /// The URL of its icon.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri-reference"))]
    pub icon: Option<String>,
}

/// The registry: its attributes and, for each type of group, a URL, a count and (if inlined) the
/// groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RegistryEntity {
    /// The version of xRegistry that the answer follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub specversion: Option<String>,
    /// The id of the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registryid: Option<String>,
    /// Attributes that the server sets.
    #[serde(flatten)]
    pub identity: Identity,
    /// Attributes for people.
    #[serde(flatten)]
    pub presentation: Presentation,
    /// Other attributes of the model.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A group: its id as `<singular>id`, its attributes and, for each type of resource, a URL, a count
/// and (if inlined) the resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GroupEntity {
    /// Attributes that the server sets.
    #[serde(flatten)]
    pub identity: Identity,
    /// Attributes for people.
    #[serde(flatten)]
    pub presentation: Presentation,
    /// Says that the group is deprecated, and what to use instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Map<String, Value>>,
    /// Other attributes of the model.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Attributes of a version. A resource shows those of its default version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VersionAttributes {
    /// The id of the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versionid: Option<String>,
    /// Whether it is its resource's default version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isdefault: Option<bool>,
    /// The id of the version that this one derives from; its own id if it is a root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ancestorid: Option<String>,
    /// The media type of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contenttype: Option<String>,
    /// The format that the document claims to follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// A resource: its id as `<singular>id`, the attributes of its default version, and the URLs of its
/// Meta and its versions. With `?inline`, and in a request, it also holds its document as
/// `<singular>` or `<singular>base64`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ResourceEntity {
    /// Attributes that the server sets.
    #[serde(flatten)]
    pub identity: Identity,
    /// Attributes for people.
    #[serde(flatten)]
    pub presentation: Presentation,
    /// Attributes of its default version.
    #[serde(flatten)]
    pub version: VersionAttributes,
    /// The URL of its Meta.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri-reference"))]
    pub metaurl: Option<String>,
    /// Its Meta, if it is inlined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<MetaEntity>,
    /// The URL of its versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri-reference"))]
    pub versionsurl: Option<String>,
    /// How many versions it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versionscount: Option<u64>,
    /// Its versions by id, if they are inlined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<EntitiesById<VersionEntity>>,
    /// Other attributes of the model.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A version of a resource. With `?inline`, and in a request, it also holds its document as
/// `<singular>` or `<singular>base64`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VersionEntity {
    /// Attributes that the server sets.
    #[serde(flatten)]
    pub identity: Identity,
    /// Attributes for people.
    #[serde(flatten)]
    pub presentation: Presentation,
    /// Attributes of versions.
    #[serde(flatten)]
    pub version: VersionAttributes,
    /// Other attributes of the model.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A resource's Meta: the attributes that belong to the resource as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MetaEntity {
    /// Attributes that the server sets.
    #[serde(flatten)]
    pub identity: Identity,
    /// The xid of another resource. This resource shows the versions of that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xref: Option<String>,
    /// Whether clients are barred from changing the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly: Option<bool>,
    /// How each new version must be compatible with earlier ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<String>,
    /// Says that the resource is deprecated, and what to use instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Map<String, Value>>,
    /// The id of the default version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaultversionid: Option<String>,
    /// The URL of the default version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri-reference"))]
    pub defaultversionurl: Option<String>,
    /// Whether the default version stays the same when newer versions are added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaultversionsticky: Option<bool>,
    /// Other attributes of the model.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A deleted name in a collection. `?deleted` lists it under its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HiddenName {
    /// Its xid, which can be restored.
    pub xid: String,
    /// What was deleted.
    pub kind: OrOther<HiddenKind>,
    /// The position of the command that deleted it.
    pub position: u64,
}

/// What was deleted under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HiddenKind {
    /// A group with everything in it.
    Group,
    /// A resource with its versions.
    Document,
    /// A version.
    Version,
}

/// The registries that this server knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistryList {
    /// Their URLs.
    pub registries: Vec<String>,
}

const ROOT: &str = "https://registry.example/api";

impl Identity {
    fn of(xid: &str, url: &str, epoch: u64) -> Self {
        Self {
            url: Some(format!("{ROOT}{url}")),
            xid: Some(xid.to_owned()),
            epoch: Some(epoch),
            labels: None,
            createdat: Some("2026-11-20T09:00:00.000001Z".to_owned()),
            modifiedat: Some("2026-11-21T10:12:03.000412Z".to_owned()),
        }
    }
}

impl Presentation {
    fn named(name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..Self::default() }
    }
}

/// Members that depend on the model, for an example.
fn more(members: Value) -> Map<String, Value> {
    match members {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

impl VersionAttributes {
    fn of(id: &str, ancestor: &str) -> Self {
        Self {
            versionid: Some(id.to_owned()),
            isdefault: Some(true),
            ancestorid: Some(ancestor.to_owned()),
            contenttype: Some("application/json".to_owned()),
            format: None,
        }
    }
}

impl Sample for RegistryEntity {
    fn sample() -> Self {
        Self {
            specversion: Some("1.0-rc4".to_owned()),
            registryid: Some("7f3a19c2".to_owned()),
            identity: Identity::of("/", "/", 12),
            presentation: Presentation::named("Our registry"),
            more: more(json!({"providersurl": format!("{ROOT}/providers"), "providerscount": 5})),
        }
    }
}

impl Sample for GroupEntity {
    fn sample() -> Self {
        let entries = format!("{ROOT}/providers/cms/entries");
        Self {
            identity: Identity::of("/providers/cms", "/providers/cms", 3),
            presentation: Presentation::named("Content management"),
            deprecated: None,
            more: more(json!({"providerid": "cms", "entriesurl": entries, "entriescount": 8})),
        }
    }
}

const RESOURCE: &str = "/providers/cms/entries/sanity";

impl Sample for ResourceEntity {
    fn sample() -> Self {
        Self {
            identity: Identity::of(RESOURCE, &format!("{RESOURCE}$details"), 1),
            presentation: Presentation::named("Sanity"),
            version: VersionAttributes::of("2", "1"),
            metaurl: Some(format!("{ROOT}{RESOURCE}/meta")),
            meta: None,
            versionsurl: Some(format!("{ROOT}{RESOURCE}/versions")),
            versionscount: Some(2),
            versions: None,
            more: more(json!({"entryid": "sanity", "state": "stable"})),
        }
    }
}

impl Sample for VersionEntity {
    fn sample() -> Self {
        let xid = format!("{RESOURCE}/versions/2");
        Self {
            identity: Identity::of(&xid, &format!("{xid}$details"), 1),
            presentation: Presentation::named("Sanity"),
            version: VersionAttributes::of("2", "1"),
            more: more(json!({"entryid": "sanity", "state": "stable"})),
        }
    }
}

impl Sample for MetaEntity {
    fn sample() -> Self {
        let xid = format!("{RESOURCE}/meta");
        Self {
            identity: Identity::of(&xid, &xid, 2),
            xref: None,
            readonly: Some(false),
            compatibility: None,
            deprecated: None,
            defaultversionid: Some("2".to_owned()),
            defaultversionurl: Some(format!("{ROOT}{RESOURCE}/versions/2$details")),
            defaultversionsticky: Some(false),
            more: more(json!({"entryid": "sanity"})),
        }
    }
}

impl Sample for RegistryList {
    fn sample() -> Self {
        Self { registries: vec![format!("{ROOT}/")] }
    }
}

impl Sample for EntitiesById<GroupEntity> {
    fn sample() -> Self {
        Self::from([("cms".to_owned(), Sample::sample())])
    }
}

impl Sample for EntitiesById<ResourceEntity> {
    fn sample() -> Self {
        Self::from([("sanity".to_owned(), Sample::sample())])
    }
}

impl Sample for EntitiesById<VersionEntity> {
    fn sample() -> Self {
        Self::from([("2".to_owned(), Sample::sample())])
    }
}

impl Sample for EntitiesById<EntitiesById<GroupEntity>> {
    fn sample() -> Self {
        Self::from([("providers".to_owned(), Sample::sample())])
    }
}

impl Sample for EntitiesById<EntitiesById<ResourceEntity>> {
    fn sample() -> Self {
        Self::from([("entries".to_owned(), Sample::sample())])
    }
}
