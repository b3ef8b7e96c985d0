//! `GET /export`: the present state, or an earlier one, line by line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    Sample,
    apply::{DocumentToApply, GroupToApply},
};

/// A line of an export. The first one says of which registry it is, the last one how much there
/// was; between them stand the model, and each group before its documents. Schemas and rules come
/// first, and a collection comes after those that its documents refer to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportLine {
    /// The registry, and the moment that is shown.
    Registry(ExportedRegistry),
    /// The user's model, as `PUT /api/modelsource` takes it.
    Model(Map<String, Value>),
    /// A group, as `POST /apply` takes it.
    Group(GroupToApply),
    /// The default version of a document, as `POST /apply` takes it.
    Document(DocumentToApply),
    /// The end.
    End(ExportEnd),
}

/// The registry of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExportedRegistry {
    /// The registry's id.
    pub id: String,
    /// The position of the state.
    pub position: u64,
    /// The time of the state, in UTC (RFC 3339).
    pub time: String,
    /// How many documents there are; absent if only a part is exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
}

/// How much was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExportEnd {
    /// The groups.
    pub groups: u64,
    /// The documents.
    pub documents: u64,
    /// The documents that were left out, because their bytes were purged.
    #[serde(default)]
    pub purged: u64,
}

impl Sample for ExportLine {
    fn sample() -> Self {
        let attributes = json!({"contenttype": "application/json"});
        Self::Document(DocumentToApply {
            xid: "/providers/cms/entries/sanity".to_owned(),
            text: Some(r#"{"provider_name":"sanity"}"#.to_owned()),
            base64: None,
            attributes: attributes.as_object().cloned().unwrap_or_default(),
        })
    }
}
