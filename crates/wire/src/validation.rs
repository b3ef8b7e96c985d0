//! `GET /validate`: the stored documents that no longer pass.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Sample, Severity, Violation, ViolationCause};

/// A page of judged documents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValidationPage {
    /// How many documents were judged for this page, including those without violations.
    pub documents: u64,
    /// The documents that have violations.
    pub findings: Vec<DocumentFindings>,
    /// The URL of the next page; null on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri"))]
    pub next: Option<String>,
}

/// A document that has violations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentFindings {
    /// The document's xid.
    pub xid: String,
    /// Its violations, at least one. If none is an error, the document passes with warnings.
    pub violations: Vec<Violation>,
}

impl Sample for ValidationPage {
    fn sample() -> Self {
        let violation = Violation {
            subject: None,
            pointer: "/name".to_owned(),
            violated: ViolationCause::Keyword("type".to_owned()),
            severity: Severity::Error.into(),
            message: "it must be a string".to_owned(),
            line: None,
            column: None,
        };
        let xid = "/providers/cms/entries/sanity".to_owned();
        let findings = vec![DocumentFindings { xid, violations: vec![violation] }];
        Self { documents: 132, findings, next: None }
    }
}
