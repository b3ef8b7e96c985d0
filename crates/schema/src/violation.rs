use std::fmt;

use muster_words::TextPlace;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// One violation of a document, or a warning about it: where, of what, and a message for people.
///
/// The whole product uses this type, and its JSON is a contract: `{"pointer", "keyword" | "rule" |
/// "reference", "severity", "message"}`, with "line" and "column" where they are known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Violation {
    /// The place in the document, as a JSON Pointer (RFC 6901). For a missing member, the place
    /// where it belongs.
    pub pointer: String,
    /// What was violated.
    pub source: ViolationSource,
    /// Whether the document is refused.
    pub severity: Severity,
    /// What is wrong, in one line for people.
    pub message: String,
    /// The place in the text, if it was looked for.
    pub place: Option<TextPlace>,
}

/// What was violated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ViolationSource {
    /// A keyword of the schema (`enum`, `required`, …). Written as `"keyword": "enum"`.
    Keyword(String),
    /// A business rule, by its id. Written as `"rule": "cost-range-ordered"`.
    Rule(String),
    /// A declared reference without a target. Its JSON is `"reference": true`, because the pointer
    /// already names the field and the message names the target.
    Reference,
}

/// How serious a violation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is accepted, and its writer gets a warning.
    Warning,
}

impl Violation {
    /// A violation of a schema's keyword, which refuses the document.
    pub fn keyword(
        pointer: impl Into<String>,
        keyword: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            pointer: pointer.into(),
            source: ViolationSource::Keyword(keyword.into()),
            severity: Severity::Error,
            message: message.into(),
            place: None,
        }
    }

    /// A reference without a target, which refuses the document.
    pub fn reference(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            source: ViolationSource::Reference,
            severity: Severity::Error,
            message: message.into(),
            place: None,
        }
    }

    /// Whether it refuses the document.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Whether its place is at, above or below a pointer. Then another violation there is probably
    /// the same mistake.
    #[must_use]
    pub fn touches(&self, pointer: &str) -> bool {
        let (short, long) = if self.pointer.len() <= pointer.len() {
            (self.pointer.as_str(), pointer)
        } else {
            (pointer, self.pointer.as_str())
        };
        long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for ViolationSource {
    /// The source as a column for people: `enum` becomes "one of".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keyword(keyword) => match keyword.as_str() {
                "enum" => "one of",
                "const" => "exactly",
                "additionalProperties" | "unevaluatedProperties" => "unknown",
                keyword => keyword,
            },
            Self::Rule(id) => id,
            Self::Reference => "reference",
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// The JSON of a violation, without absent members.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    pointer: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyword: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<bool>,
    severity: Severity,
    message: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

impl Serialize for Violation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut written = Written {
            pointer: self.pointer.as_str().into(),
            keyword: None,
            rule: None,
            reference: None,
            severity: self.severity,
            message: self.message.as_str().into(),
            line: self.place.map(|place| place.line),
            column: self.place.map(|place| place.column),
        };
        match &self.source {
            ViolationSource::Keyword(keyword) => written.keyword = Some(keyword.into()),
            ViolationSource::Rule(id) => written.rule = Some(id.into()),
            ViolationSource::Reference => written.reference = Some(true),
        }
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Violation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let source = match (written.keyword, written.rule, written.reference) {
            (Some(keyword), None, None) => ViolationSource::Keyword(keyword.into_owned()),
            (None, Some(id), None) => ViolationSource::Rule(id.into_owned()),
            (None, None, Some(true)) => ViolationSource::Reference,
            _ => return Err(D::Error::custom("one of keyword, rule and reference is required")),
        };
        Ok(Self {
            pointer: written.pointer.into_owned(),
            source,
            severity: written.severity,
            message: written.message.into_owned(),
            place: written
                .line
                .zip(written.column)
                .map(|(line, column)| TextPlace { line, column }),
        })
    }
}
