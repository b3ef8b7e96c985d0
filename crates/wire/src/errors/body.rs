use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ErrorCode, ErrorKind, Problem, Violation};
use crate::Sample;

/// An error as it travels: xRegistry's shape (core/spec.md, "Error Processing", after RFC 9457),
/// with `code` and what is ours behind it. Members are written in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// A URI for the kind of error.
    #[serde(rename = "type")]
    #[schemars(extend("format" = "uri"))]
    pub type_uri: String,
    /// What happened, in one sentence.
    pub title: String,
    /// The code, such as `not_found`: what programs decide by. Other servers don't send it.
    #[serde(default)]
    #[schemars(schema_with = "code_schema")]
    pub code: String,
    /// More about this occurrence, such as what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The xid or the path that the error is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What was put into the title, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// The id of the request, to find it in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The part of the server that refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Everything that is wrong with the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// Further members, such as the xids that refer to what can't be deleted.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl ErrorBody {
    /// The last part of `type`: the code, for servers that send none as well.
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
