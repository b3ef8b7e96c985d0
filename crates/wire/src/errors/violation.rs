use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// The document's xid, where a request brings more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// JSON Pointer (RFC 6901) to the place; empty for the document as a whole.
    pub pointer: String,
    /// What is broken: a member named `keyword`, `rule` or `reference`.
    #[serde(flatten)]
    pub violated: ViolationCause,
    /// Whether it refuses the document.
    pub severity: Severity,
    /// What is wrong, for people, without the place.
    pub message: String,
}

/// What a violation breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ViolationCause {
    /// A keyword of the document's JSON Schema, such as `required`.
    Keyword(String),
    /// A business rule, by its id.
    Rule(String),
    /// A declared reference: always true, for the message names what isn't there.
    Reference(bool),
}

/// How much a violation weighs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is accepted, and the caller is told.
    Warning,
}
