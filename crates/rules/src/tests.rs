#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use muster_schema::{Severity, Violation, ViolationSource};
use muster_words::{
    Id, Xid,
    json::{self, Value},
};
use serde_json::json;

use super::{evaluate::PacedDocument, *};

mod documents;
mod hostile;
mod language;
mod mappings;
mod messages;
mod oracle;

fn parse(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

fn sanity() -> RuleContext {
    RuleContext::of(&"/providers/cms/entries/sanity".parse().unwrap()).unwrap()
}

fn compile(document: &Value) -> Result<Rule, RuleError> {
    Rule::compile(&id("a-rule"), document.to_string().as_bytes())
}

/// A rule with only an expression.
fn rule(expression: &str) -> Rule {
    compile(&json!({"expression": expression, "severity": "error", "message": "no", "pointer": ""}))
        .unwrap_or_else(|error| unreachable!("{expression}: {error}"))
}

fn refused(expression: &str) -> ExpressionError {
    match compile(
        &json!({"expression": expression, "severity": "error", "message": "no", "pointer": ""}),
    ) {
        Err(RuleError::Expression { field: "expression", error }) => error,
        other => unreachable!("{expression}: {other:?}"),
    }
}

/// The result of an expression for a document.
fn holds(expression: &str, document: &Value) -> Result<bool, EvaluationFault> {
    rule(expression).holds(PacedDocument::of(document), &sanity()).0
}
