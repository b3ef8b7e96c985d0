//! How refusals of the registry become errors on the wire.

use muster_catalog::Refusal;
use muster_registry::SubmitError;
use muster_schema::ViolationSource;
use muster_wire::{ErrorCode, Problem, Severity, Violated, Violation};

/// The error that a refusal is on the wire. A code that the wire's table hasn't is a fault of
/// ours: it is logged, and answered as one.
#[must_use]
pub fn problem_of_refusal(refusal: &Refusal) -> Problem {
    let Some(code) = ErrorCode::find(refusal.code) else {
        tracing::error!(code = refusal.code, "a refusal has a code that isn't in the table");
        return Problem::new(ErrorCode::SERVER_ERROR).subject(&refusal.subject);
    };
    let mut problem = Problem::new(code).subject(&refusal.subject);
    for (name, value) in &refusal.args {
        // What is listed as a member of its own isn't said twice, and it counts itself.
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        if *name != "references" && !(*name == "count" && is_number) {
            problem = problem.arg(name, value);
        }
    }
    if let Some(detail) = &refusal.detail {
        problem = problem.detail(detail);
    }
    let references = refusal.args.iter().find(|(name, _)| *name == "references");
    if let Some((_, references)) = references {
        let list: Vec<&str> = references.split(',').map(str::trim).collect();
        problem = problem.member("references", list);
    }
    problem.violations(violations(&refusal.violations))
}

/// Violations as they travel.
#[must_use]
pub fn violations(found: &[muster_schema::Violation]) -> Vec<Violation> {
    found
        .iter()
        .map(|violation| Violation {
            subject: None,
            pointer: violation.pointer.clone(),
            violated: match &violation.source {
                ViolationSource::Keyword(keyword) => Violated::Keyword(keyword.clone()),
                ViolationSource::Rule(rule) => Violated::Rule(rule.clone()),
                ViolationSource::Reference => Violated::Reference(true),
            },
            severity: match violation.severity {
                muster_schema::Severity::Error => Severity::Error,
                muster_schema::Severity::Warning => Severity::Warning,
            },
            message: violation.message.clone(),
        })
        .collect()
}

/// The error that a command's or a read's failure is on the wire. Causes stay in the log, where
/// the registry wrote them.
#[must_use]
pub fn problem_of_failure(error: SubmitError, subject: &str) -> Problem {
    let code = match error {
        SubmitError::Refused(refusal) => return problem_of_refusal(&refusal),
        SubmitError::Busy => ErrorCode::BUSY,
        SubmitError::Contended => ErrorCode::CONTENDED,
        SubmitError::OutcomeUnknown => ErrorCode::OUTCOME_UNKNOWN,
        SubmitError::DiskFull => ErrorCode::DISK_FULL,
        SubmitError::CommandTooLarge => ErrorCode::COMMAND_TOO_LARGE,
        SubmitError::Unavailable => ErrorCode::STORE_UNAVAILABLE,
        SubmitError::Closed => ErrorCode::STOPPING,
        SubmitError::Corrupt(position) => {
            return Problem::new(ErrorCode::CORRUPT).subject(subject).arg("position", position);
        }
        SubmitError::Fault => ErrorCode::SERVER_ERROR,
    };
    Problem::new(code).subject(subject)
}
