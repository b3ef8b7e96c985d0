use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{ErrorCode, ErrorKind, Problem, Violation};
use crate::Sample;

/// The body of an error: xRegistry's members (core/spec.md, "Error Processing", after RFC 9457),
/// and members of our own. Members are written in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// A URI for the kind of error.
    #[serde(rename = "type")]
    #[schemars(extend("format" = "uri"))]
    pub type_uri: String,
    /// What happened, in one sentence.
    pub title: String,
    /// The HTTP status. xRegistry's own client reads a number here and nothing else.
    #[serde(default, deserialize_with = "status_or_none", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 400, max = 599))]
    pub code: Option<u16>,
    /// The error's name, such as `not_found`. Programs should decide by it. Other servers don't
    /// send it.
    #[serde(default)]
    #[schemars(schema_with = "reason_schema")]
    pub reason: String,
    /// Details of this occurrence, such as what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The xid or the path that the error is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The values in the title, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// The id of the request, to find it in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The part of the server that refused the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// All violations of the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// Further members, such as the xids of the documents that block a deletion.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl ErrorBody {
    /// The reason; for servers that send none, the last part of `type`.
    #[must_use]
    pub fn name(&self) -> &str {
        if !self.reason.is_empty() {
            return &self.reason;
        }
        self.type_uri.rsplit(['#', ':']).next().unwrap_or_default()
    }
}

/// A status, if the member is one. Whatever else another server writes there doesn't make its error
/// unreadable.
fn status_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let code = Value::deserialize(deserializer)?;
    Ok(code.as_u64().and_then(|status| u16::try_from(status).ok()))
}

/// All reasons that this release knows.
fn reason_schema(_: &mut SchemaGenerator) -> Schema {
    let codes: Vec<_> = ErrorCode::all().map(ErrorCode::name).collect();
    json_schema!({"type": "string", "enum": codes})
}

impl Sample for ErrorBody {
    fn sample() -> Self {
        Problem::new(ErrorKind::MismatchedEpoch { bad_epoch: 3, epoch: 5 })
            .subject("/providers/cms")
            .body()
    }
}
