//! The bodies of `/api/capabilities` and `/api/capabilitiesoffered`: which features are enabled,
//! and which can be (xRegistry core, "Registry Capabilities").

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Sample;

/// The enabled capabilities. A request sends those that it wants to set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnabledCapabilities {
    /// Kinds of metadata that the server serves, and whether clients can change each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<BTreeMap<String, Availability>>,
    /// Formats whose versions are checked for compatibility, with the supported compatibility
    /// modes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compatibilities: Option<BTreeMap<String, Vec<String>>>,
    /// Query parameters that the server supports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<Vec<String>>,
    /// Formats that documents are validated against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formats: Option<Vec<String>>,
    /// Values that `?ignore` accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignores: Option<Vec<String>>,
    /// Whether collections are paginated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagination: Option<bool>,
    /// Whether entities have a short URL as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortself: Option<bool>,
    /// Versions of xRegistry that `?specversion` accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specversions: Option<Vec<String>>,
    /// Ways in which a resource type can choose its default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versionmodes: Option<Vec<String>>,
}

/// How a kind of metadata is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Availability {
    /// Whether clients can change it.
    pub mutable: bool,
}

/// The capabilities that can be enabled, by name.
pub type OfferedCapabilities = BTreeMap<String, OfferedCapability>;

/// The values that a capability accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfferedCapability {
    /// The type of its value, as the model language names it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The members, if the value is an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<OfferedCapabilities>,
    /// The values that are accepted, for the value itself or for each of its items.
    #[serde(rename = "enum", default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<serde_json::Value>>,
    /// The type of the items, if the value is an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<OfferedItem>,
}

/// The items of a capability that is a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfferedItem {
    /// Their type.
    #[serde(rename = "type")]
    pub type_name: String,
}

impl Sample for EnabledCapabilities {
    fn sample() -> Self {
        let texts = |texts: &[&str]| Some(texts.iter().map(ToString::to_string).collect());
        let available = [("entities", true), ("model", false), ("modelsource", true)]
            .map(|(name, mutable)| (name.to_owned(), Availability { mutable }));
        Self {
            available: Some(available.into()),
            compatibilities: Some(BTreeMap::new()),
            flags: texts(&["doc", "filter", "inline", "sort"]),
            formats: texts(&[]),
            ignores: texts(&["epoch", "readonly"]),
            pagination: Some(true),
            shortself: Some(false),
            specversions: texts(&["1.0-rc4"]),
            versionmodes: texts(&["createdat", "lifecycle", "manual"]),
        }
    }
}

impl Sample for OfferedCapabilities {
    fn sample() -> Self {
        let pagination =
            OfferedCapability { type_name: "boolean".to_owned(), ..Default::default() };
        let flags = OfferedCapability {
            type_name: "array".to_owned(),
            values: Some(vec!["doc".into(), "filter".into()]),
            item: Some(OfferedItem { type_name: "string".to_owned() }),
            attributes: None,
        };
        Self::from([("flags".to_owned(), flags), ("pagination".to_owned(), pagination)])
    }
}
