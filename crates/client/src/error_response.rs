use std::fmt;

use http::StatusCode;
use muster_wire::{ErrorBody, ErrorCode, Violation};
use muster_words::json::{self, Value};
use serde_json::Map;

/// An error as an answer, both parsed and as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// The status of the answer.
    pub status: StatusCode,
    /// The parsed error. Its reason is `unexpected_answer` if it isn't an error of a registry.
    pub body: ErrorBody,
    /// The answer as JSON; `null` if it isn't JSON.
    pub json: Value,
}

impl ErrorResponse {
    /// Parses the body of an error. If it isn't one of a registry (such as a proxy's HTML page),
    /// the reason is `unexpected_answer` and the title its first line.
    #[must_use]
    pub fn read(status: StatusCode, bytes: &[u8]) -> Self {
        let json = json::parse(bytes).unwrap_or(Value::Null);
        let body = serde_json::from_slice(bytes).unwrap_or_else(|_| foreign_error(status, bytes));
        Self { status, body, json }
    }

    /// An error within an answer.
    #[must_use]
    pub fn of_body(body: ErrorBody) -> Self {
        let json = serde_json::to_value(&body).unwrap_or_default();
        let status = body.code.and_then(|code| StatusCode::from_u16(code).ok());
        Self { status: status.unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), body, json }
    }

    /// The error's name: `not_found`, `invalid_document`, `mismatched_epoch`, …
    #[must_use]
    pub fn code(&self) -> &str {
        self.body.name()
    }

    /// What the caller should do next, if this release knows the code.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        ErrorCode::find(self.code()).map(|code| code.facts().help)
    }

    /// The entity or the path that the error is about.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.body.subject.as_deref()
    }

    /// All violations of the document, including warnings.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.body.violations
    }
}

impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.body.title.trim_end_matches('.'))?;
        match &self.body.detail {
            Some(detail) => write!(f, ": {}", detail.trim_end_matches('.')),
            None => Ok(()),
        }
    }
}

fn foreign_error(status: StatusCode, bytes: &[u8]) -> ErrorBody {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let plain = |line: &str| line.chars().filter(|c| !c.is_control()).take(200).collect();
    ErrorBody {
        type_uri: String::new(),
        title: format!("the answer was {status}"),
        code: Some(status.as_u16()),
        reason: "unexpected_answer".to_owned(),
        detail: line.map(plain),
        subject: None,
        args: std::collections::BTreeMap::new(),
        instance: None,
        source: None,
        violations: Vec::new(),
        more: Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use muster_wire::ViolationCause;

    use super::*;

    #[test]
    fn takes_the_name_from_where_it_stands() {
        for (status, body, expect) in [
            (404, r#"{"type":"https://x/core/spec.md#not_found","title":"T."}"#, "not_found"),
            (507, r#"{"type":"urn:muster:error:disk_full","title":"T."}"#, "disk_full"),
            (422, r#"{"type":"","reason":"invalid_document","title":"T."}"#, "invalid_document"),
            (409, r#"{"type":"x#frozen","code":"other","title":"T."}"#, "frozen"),
            (401, "", "unexpected_answer"),
            (200, "[]", "unexpected_answer"),
        ] {
            let status = StatusCode::from_u16(status).unwrap_or_default();
            assert_eq!(ErrorResponse::read(status, body.as_bytes()).code(), expect, "{body}");
        }
    }

    #[test]
    fn shows_the_first_line_of_what_no_registry_says() {
        let refusal = ErrorResponse::read(StatusCode::BAD_GATEWAY, b"\n\x1b[31mno\nway");
        assert_eq!(refusal.to_string(), "the answer was 502 Bad Gateway: [31mno");
        assert_eq!(refusal.help(), None);
    }

    #[test]
    fn reads_violations_of_rules_keywords_and_references() {
        let body = br#"{"type":"urn:muster:error:invalid_document","title":"t","violations":[
            {"pointer":"/a","rule":"r","severity":"error","message":"m"},
            {"pointer":"/b","keyword":"enum","severity":"warning","message":"n"},
            {"pointer":"/c","reference":true,"severity":"error","message":"o"}]}"#;
        let refusal = ErrorResponse::read(StatusCode::UNPROCESSABLE_ENTITY, body);
        let read: Vec<_> = refusal.violations().iter().map(|v| v.violated.clone()).collect();
        let expect = [
            ViolationCause::Rule("r".into()),
            ViolationCause::Keyword("enum".into()),
            ViolationCause::Reference(true),
        ];
        assert_eq!(read, expect);
        assert!(refusal.help().is_some());
    }
}
