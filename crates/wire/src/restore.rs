//! `POST /restore/<xid>`: undoes the last deletion of an entity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Sample;

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restoration {
    /// The xid of the restored entity: a group, a resource or a version.
    pub xid: String,
    /// The URL of the entity.
    #[serde(rename = "self")]
    #[schemars(extend("format" = "uri"))]
    pub url: String,
    /// The position of the command that restored it.
    pub position: u64,
    /// Its epoch, which continues from before the deletion; for a resource, the epoch of its Meta.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
}

impl Sample for Restoration {
    fn sample() -> Self {
        Self {
            xid: "/providers/cms/entries/sanity".to_owned(),
            url: "https://registry.example/api/providers/cms/entries/sanity".to_owned(),
            position: 1205,
            epoch: Some(4),
        }
    }
}
