use std::{collections::BTreeSet, sync::Arc};

use muster_rules::RuleError;
use muster_schema::{CompileError, Violation};
use muster_words::{ContentRef, Xid, limits::DOCUMENT_BYTES_MAX};

use crate::{Reason, Refusal, facts::VersionFacts};

/// A document that a verdict depends on, with the content that its name led to; none: it led
/// nowhere.
pub type Dependency = (Xid, Option<ContentRef>);

/// What was found out about a document that passes. It holds as long as what it depends on does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The documents that bound it.
    pub bindings: Vec<Dependency>,
    /// The documents that the bound schemas refer to (`$ref`).
    pub schema_references: Vec<Dependency>,
    /// It was compiled as the schema that something binds.
    pub is_schema: bool,
    /// What the model finds in it.
    pub facts: VersionFacts,
    /// What it passes in spite of.
    pub warnings: Vec<Violation>,
}

/// Why the judge gives no verdict.
#[derive(Clone, Debug)]
pub enum NoVerdict {
    /// These contents have to be at hand: call again with them.
    Missing(BTreeSet<ContentRef>),
    /// It may take longer than some milliseconds: call again where that holds up nobody.
    Long,
    /// The document doesn't pass, or what is bound can't be used.
    Rejected(Box<Rejection>),
}

/// What doesn't pass, and why.
#[derive(Clone, Debug)]
pub enum Rejection {
    /// A document.
    Document {
        /// Its resource.
        xid: Xid,
        /// What is wrong with it.
        fault: DocumentFault,
    },
    /// A document that others are bound to, so that those can't be checked.
    Binding {
        /// The name by which it is bound.
        xid: Xid,
        /// What is wrong with it.
        fault: BindingFault,
    },
}

/// Why a document doesn't pass.
#[derive(Clone, Debug)]
pub enum DocumentFault {
    /// It is larger than a document may be.
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// Something binds it as a schema, and it is none.
    NoSchema(Arc<CompileError>),
    /// It has these violations, errors first, at least one.
    Invalid(Vec<Violation>),
}

/// Why a bound document can't be used.
#[derive(Clone, Debug)]
pub enum BindingFault {
    /// It isn't there, or has no document.
    Missing,
    /// It is no schema.
    Schema(Arc<CompileError>),
    /// It is no rule.
    Rule(RuleError),
}

impl DocumentFault {
    /// What is wrong with the document, each in its place.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        match self {
            Self::TooLarge { size } => {
                let message = format!("it has {size} bytes; {DOCUMENT_BYTES_MAX} are the most");
                vec![Violation::keyword("", "maxLength", message)]
            }
            Self::NoSchema(error) => schema_violations(error),
            Self::Invalid(violations) => violations.clone(),
        }
    }
}

/// What is wrong with a schema, at least one violation.
pub(super) fn schema_violations(error: &CompileError) -> Vec<Violation> {
    let violations = error.violations();
    if violations.is_empty() {
        return vec![Violation::keyword("", "schema", error.to_string())];
    }
    violations
}

impl Rejection {
    /// The rejection of a document with these violations.
    pub(super) fn invalid(xid: &Xid, violations: Vec<Violation>) -> Self {
        Self::Document { xid: xid.clone(), fault: DocumentFault::Invalid(violations) }
    }

    /// The rejection of what is bound by that name.
    pub(super) fn binding(xid: &Xid, fault: BindingFault) -> Self {
        Self::Binding { xid: xid.clone(), fault }
    }
}

impl From<Rejection> for NoVerdict {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(Box::new(rejection))
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Document { xid, fault: DocumentFault::TooLarge { size } } => {
                Self::new(xid, Reason::DocumentTooLarge { size, limit: DOCUMENT_BYTES_MAX })
            }
            Rejection::Document { xid, fault } => Self::invalid_document(&xid, fault.violations()),
            Rejection::Binding { xid, fault } => match fault {
                BindingFault::Missing => Self::binding_missing(&xid, &xid),
                BindingFault::Schema(error) => broken(xid, &*error, error.violations()),
                BindingFault::Rule(error) => broken(xid, &error, vec![error.violation()]),
            },
        }
    }
}

/// The refusal for a binding whose document is there and can't be used.
fn broken(binding: Xid, error: &impl std::error::Error, violations: Vec<Violation>) -> Refusal {
    let subject = binding.to_string();
    Refusal::new(subject, Reason::BindingBroken { binding, error: error.to_string(), violations })
}
