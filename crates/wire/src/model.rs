//! The bodies of `/api/model` and `/api/modelsource`: the fixed part of the model language
//! (xRegistry model specification, 1.0-rc4). The room `model` compiles it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Sample;

/// A model: its types of groups and the attributes of the registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModelDocument {
    /// A description for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Attributes of the registry by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, AttributeDocument>>,
    /// Types of groups by their plural name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<BTreeMap<String, GroupTypeDocument>>,
    /// Other members of the model language.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A type of groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GroupTypeDocument {
    /// The singular name of the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub singular: Option<String>,
    /// Attributes of the groups, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, AttributeDocument>>,
    /// Types of resources in the groups by their plural name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<BTreeMap<String, ResourceTypeDocument>>,
    /// Other members of the model language.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A type of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ResourceTypeDocument {
    /// The singular name of the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub singular: Option<String>,
    /// Whether the resources have documents, besides attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hasdocument: Option<bool>,
    /// How many versions a resource keeps; 0 means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxversions: Option<u64>,
    /// How the default version is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versionmode: Option<String>,
    /// Attributes of the versions by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<BTreeMap<String, AttributeDocument>>,
    /// Other members of the model language.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// An attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AttributeDocument {
    /// The type of its value, such as `string`, `uinteger` or `xid`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// A description for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether entities must have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Whether only the server sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly: Option<bool>,
    /// Other members of the model language.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Sample for ModelDocument {
    fn sample() -> Self {
        let owner = AttributeDocument {
            type_name: Some("string".to_owned()),
            description: Some("Who answers for it.".to_owned()),
            ..AttributeDocument::default()
        };
        let entries = ResourceTypeDocument {
            singular: Some("entry".to_owned()),
            versionmode: Some("lifecycle".to_owned()),
            attributes: Some([("owner".to_owned(), owner)].into()),
            ..ResourceTypeDocument::default()
        };
        let mut providers = GroupTypeDocument {
            singular: Some("provider".to_owned()),
            resources: Some([("entries".to_owned(), entries)].into()),
            ..GroupTypeDocument::default()
        };
        providers.more.insert("plural".to_owned(), json!("providers"));
        Self { groups: Some([("providers".to_owned(), providers)].into()), ..Self::default() }
    }
}
