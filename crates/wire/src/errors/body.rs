use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ErrorCode, ErrorKind, Problem, Violation};
use crate::Sample;

/// The body of an error: xRegistry's members (core/spec.md, "Error Processing", after RFC 9457),
/// `code`, and members of our own. Members are written in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// A URI for the kind of error.
    #[serde(rename = "type")]
    #[schemars(extend("format" = "uri"))]
    pub type_uri: String,
    /// What happened, in one sentence.
    pub title: String,
    /// The code, such as `not_found`. Programs should decide by it. Other servers don't send it.
    #[serde(default)]
    #[schemars(schema_with = "code_schema")]
    pub code: String,
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
    /// The code; for servers that send none, the last part of `type`.
    #[must_use]
    pub fn name(&self) -> &str {
        if !self.code.is_empty() {
            return &self.code;
        }
        self.type_uri.rsplit(['#', ':']).next().unwrap_or_default()
    }
}

/// All codes that this release knows.
fn code_schema(_: &mut SchemaGenerator) -> Schema {
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
