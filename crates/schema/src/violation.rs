use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// One thing that is wrong with a document, or that somebody should know about it: where, by what,
/// and in words for people.
///
/// The whole product uses this type, and it is contract: it is written as
/// `{"pointer", "keyword" | "rule" | "reference", "severity", "message"}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Violation {
    /// Where in the document, as a JSON Pointer (RFC 6901). Of a member that is missing, the
    /// place where it should stand.
    pub pointer: String,
    /// What was broken.
    pub source: ViolationSource,
    /// Whether it refuses the document.
    pub severity: Severity,
    /// What is wrong, in one line for people.
    pub message: String,
}

/// What a violation broke.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ViolationSource {
    /// A keyword of the schema (`enum`, `required`, …). Written as `"keyword": "enum"`.
    Keyword(String),
    /// A business rule, by its id. Written as `"rule": "cost-range-ordered"`.
    Rule(String),
    /// A declared reference whose target isn't there. Written as `"reference": true`, because the
    /// pointer already names the field and the message the target.
    Reference,
}

/// Whether a violation refuses the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is taken, and its writer is told.
    Warning,
}

impl Violation {
    /// A violation of a schema's keyword; these always refuse.
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
        }
    }

    /// A reference to nothing; these always refuse.
    pub fn reference(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            source: ViolationSource::Reference,
            severity: Severity::Error,
            message: message.into(),
        }
    }

    /// Whether it refuses the document.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Whether it stands at a pointer, above it or below it: then whatever else is wrong there is
    /// likely the same mistake seen twice.
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
    /// The source as a column for people: `enum` reads "one of".
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

/// How a violation is written; an absent source is left out.
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
            _ => return Err(D::Error::custom("one of keyword, rule and reference is needed")),
        };
        Ok(Self {
            pointer: written.pointer.into_owned(),
            source,
            severity: written.severity,
            message: written.message.into_owned(),
        })
    }
}
