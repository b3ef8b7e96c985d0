use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::OrOther;

/// One violation: what is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// The document's xid, if the request has several documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// JSON Pointer (RFC 6901) to the place; empty for the whole document.
    pub pointer: String,
    /// What the document violates: a member named `keyword`, `rule` or `reference`.
    #[serde(flatten)]
    pub violated: ViolationCause,
    /// Whether the document is refused for it.
    pub severity: OrOther<Severity>,
    /// What is wrong, for people. The place isn't repeated here.
    pub message: String,
    /// The line of the place in the document, from 1. Only where the document is YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The column of the place in characters, from 1. Only where the document is YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
}

/// What a document violates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ViolationCause {
    /// A keyword of the document's JSON Schema, such as `required`.
    Keyword(String),
    /// A business rule, by its id.
    Rule(String),
    /// A declared reference. Always true; the message names the missing target.
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

/// How serious a violation is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is accepted, and the answer carries a warning.
    Warning,
}
