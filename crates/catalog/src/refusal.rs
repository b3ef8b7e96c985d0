use std::fmt;

use muster_schema::Violation;
use muster_words::Xid;
use thiserror::Error;

use muster_model::{AttributeFault, ModelFault};

/// Why a command is refused: the error's stable code, the entity that it is about, and the facts
/// that its title names. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{code} ({subject})")]
pub struct Refusal {
    /// The stable code, as the wire's table of errors lists it.
    pub code: &'static str,
    /// The xid or the path that it is about.
    pub subject: String,
    /// The facts that the title names, by argument.
    pub args: Vec<(&'static str, String)>,
    /// More, for people.
    pub detail: Option<String>,
    /// What is wrong with a document, for `invalid_document`.
    pub violations: Vec<Violation>,
}

impl Refusal {
    /// A refusal of that code about that entity.
    #[must_use]
    pub fn new(code: &'static str, subject: impl fmt::Display) -> Self {
        Self {
            code,
            subject: subject.to_string(),
            args: Vec::new(),
            detail: None,
            violations: Vec::new(),
        }
    }

    /// Adds a fact that the title names.
    #[must_use]
    pub fn arg(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.args.push((name, value.to_string()));
        self
    }

    /// Adds a sentence for people.
    #[must_use]
    pub fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// Adds what is wrong with the document.
    #[must_use]
    pub fn violations(mut self, violations: Vec<Violation>) -> Self {
        self.violations = violations;
        self
    }

    /// The entity isn't there.
    #[must_use]
    pub fn not_found(xid: impl fmt::Display) -> Self {
        Self::new("not_found", xid)
    }

    /// An id that can't be one.
    #[must_use]
    pub fn malformed_id(subject: impl fmt::Display, id: &str, reason: impl fmt::Display) -> Self {
        Self::new("malformed_id", subject)
            .arg("id", id.chars().take(200).collect::<String>())
            .arg("error_detail", reason)
    }

    /// A body names a version that won't be there.
    #[must_use]
    pub fn unknown_version(subject: impl fmt::Display, version: impl fmt::Display) -> Self {
        Self::new("unknown_id", subject).arg("singular", "version").arg("id", version)
    }

    /// An attribute has a value that can't be.
    #[must_use]
    pub fn invalid_attribute(
        subject: impl fmt::Display,
        name: impl fmt::Display,
        reason: impl fmt::Display,
    ) -> Self {
        Self::new("invalid_attribute", subject).arg("name", name).arg("error_detail", reason)
    }

    /// An id in a body isn't the one that the path or the map says.
    #[must_use]
    pub fn mismatched_id(subject: &Xid, singular: &str, sent: &str, expected: &str) -> Self {
        Self::new("mismatched_id", subject)
            .arg("singular", singular)
            .arg("invalid_id", sent)
            .arg("expected_id", expected)
    }

    /// The attributes break the model.
    #[must_use]
    pub fn attribute(subject: impl fmt::Display, fault: &AttributeFault) -> Self {
        let mut refusal = Self::new(fault.code(), subject);
        refusal.args = fault.args();
        refusal
    }

    /// The model can't be taken.
    #[must_use]
    pub fn model(fault: &ModelFault) -> Self {
        let mut refusal = Self::new(fault.code(), "/model");
        refusal.args = fault.args();
        refusal
    }

    /// The document was refused: it has violations of severity `error`.
    #[must_use]
    pub fn invalid_document(xid: &Xid, violations: Vec<Violation>) -> Self {
        Self::new("invalid_document", xid).violations(violations)
    }
}
