//! Events of what runs beside the ledger: propagation and live AI providers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Sample;

/// Something that happened to a route, a target or a live provider. It isn't in the ledger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveEvent {
    /// CloudEvents' version: `1.0`.
    pub specversion: String,
    /// What happened: `io.muster.propagation.…` or `io.muster.providers.…`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The absolute URL of the registry's root.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The xid of a target or a route, or the name of a live provider.
    pub subject: String,
    /// Its number. A stream resumes after it.
    pub id: String,
    /// When, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
}

impl Sample for LiveEvent {
    fn sample() -> Self {
        let data =
            json!({"route": "/routes/ops/entries/services", "detail": "the receiver answered 500"});
        Self {
            specversion: "1.0".to_owned(),
            event_type: "io.muster.propagation.breaker.opened".to_owned(),
            source: "https://registry.example/api".to_owned(),
            subject: "/targets/ops/entries/hook".to_owned(),
            id: "1042".to_owned(),
            time: "2027-01-31T12:00:00Z".to_owned(),
            data: data.as_object().cloned().unwrap_or_default(),
        }
    }
}
