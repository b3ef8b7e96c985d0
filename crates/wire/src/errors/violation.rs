use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::OrOther;

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
    pub severity: OrOther<Severity>,
    /// What is wrong, for people, without the place.
    pub message: String,
}

/// What a violation breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ViolationCause {
    /// A keyword of the document's JSON Schema, such as `required`.
    Keyword(String),
    /// A business rule, by its id.
    Rule(String),
    /// A declared reference: always true, for the message names what isn't there.
    Reference(bool),
    /// Something that a newer server has, with the members that say what.
    #[serde(untagged)]
    #[schemars(skip)]
    Other(Map<String, Value>),
}

// Written by hand: what serde derives refuses what it doesn't know.
impl<'de> Deserialize<'de> for ViolationCause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Members {
            keyword: Option<String>,
            rule: Option<String>,
            reference: Option<bool>,
            #[serde(flatten)]
            other: Map<String, Value>,
        }
        Ok(match Members::deserialize(deserializer)? {
            Members { keyword: Some(keyword), .. } => Self::Keyword(keyword),
            Members { rule: Some(rule), .. } => Self::Rule(rule),
            Members { reference: Some(reference), .. } => Self::Reference(reference),
            Members { other, .. } => Self::Other(other),
        })
    }
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
