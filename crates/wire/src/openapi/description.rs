use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Sample;

/// A description of an API: an OpenAPI 3.1 document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ApiDescription {
    /// The version of OpenAPI.
    pub openapi: String,
    /// The title and the version of the API.
    pub info: Map<String, Value>,
    /// The operations by path.
    pub paths: Map<String, Value>,
    /// Other members of OpenAPI.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Sample for ApiDescription {
    fn sample() -> Self {
        let info = json!({"title": "Muster", "version": env!("CARGO_PKG_VERSION")});
        Self {
            openapi: "3.1.0".to_owned(),
            info: info.as_object().cloned().unwrap_or_default(),
            paths: Map::new(),
            more: Map::new(),
        }
    }
}
