//! How refusals of the registry become errors on the wire.

use muster_catalog::{Absence, ModelRefusal, Reason, Refusal, Unrestorable, XidList};
use muster_model::{AttributeFault, ModelFault};
use muster_registry::SubmitError;
use muster_schema::ViolationSource;
use muster_wire::{ErrorCode, Problem, Severity, Violated, Violation};
use muster_words::limits::COMMAND_ENTITIES_MAX;

/// The error that a refusal is on the wire.
#[must_use]
pub fn problem_of_refusal(refusal: &Refusal) -> Problem {
    problem_of(&refusal.reason).subject(&refusal.subject)
}

fn problem_of(reason: &Reason) -> Problem {
    use ErrorCode as Code;
    let new = Problem::new;
    match reason {
        Reason::NotFound(absence) => not_found(absence),
        Reason::MalformedId { id, error } => {
            new(Code::MALFORMED_ID).arg("id", id).arg("error_detail", error)
        }
        Reason::UnknownVersion { version } => {
            new(Code::UNKNOWN_ID).arg("singular", "version").arg("id", version)
        }
        Reason::MismatchedId { singular, sent, expected } => new(Code::MISMATCHED_ID)
            .arg("singular", singular)
            .arg("invalid_id", sent)
            .arg("expected_id", expected),
        Reason::InvalidAttribute { name, error } => {
            new(Code::INVALID_ATTRIBUTE).arg("name", name).arg("error_detail", error)
        }
        Reason::Attribute(fault) => attribute(fault),
        Reason::MemberNotObject { key } => new(Code::BAD_REQUEST)
            .arg("error_detail", format!("the value of {key:?} must be an object")),
        Reason::DocumentMisplaced => new(Code::BAD_REQUEST)
            .arg("error_detail", "a document can only be sent to a document or a version"),
        Reason::TakesNoDocument => new(Code::ACTION_NOT_SUPPORTED).arg("action", "PUT"),
        Reason::OneResource { names } => new(Code::ONE_RESOURCE).arg("list", names.join(",")),
        Reason::GroupsOnly { name } => new(Code::GROUPS_ONLY).arg("name", name),
        Reason::ResourcesOnly { name } => new(Code::RESOURCES_ONLY).arg("name", name),
        Reason::CommandTooLarge { entities } => new(Code::COMMAND_TOO_LARGE)
            .detail(format!("It names {entities} entities; {COMMAND_ENTITIES_MAX} are the most.")),
        Reason::IdempotencyMismatch => new(Code::IDEMPOTENCY_MISMATCH),
        Reason::PreconditionFailed { header } => {
            new(Code::PRECONDITION_FAILED).arg("header", header)
        }
        Reason::MismatchedEpoch { sent, current } => {
            new(Code::MISMATCHED_EPOCH).arg("bad_epoch", sent).arg("epoch", current)
        }
        Reason::MisplacedEpoch => new(Code::MISPLACED_EPOCH),
        Reason::NameTaken { existing } => new(Code::NAME_TAKEN).arg("existing", existing),
        Reason::DocumentTooLarge { size, limit } => {
            new(Code::DOCUMENT_TOO_LARGE).arg("size", size).arg("limit", limit)
        }
        Reason::InvalidDocument { violations: found } => {
            new(Code::INVALID_DOCUMENT).violations(violations(found))
        }
        Reason::BindingMissing { binding } => new(Code::BINDING_MISSING).arg("binding", binding),
        Reason::BindingBroken { binding, error, violations: found } => new(Code::BINDING_BROKEN)
            .arg("binding", binding)
            .arg("error_detail", error)
            .violations(violations(found)),
        Reason::Referenced { by } => referenced(by),
        _ => problem_of_versions(reason),
    }
}

fn problem_of_versions(reason: &Reason) -> Problem {
    use ErrorCode as Code;
    let new = Problem::new;
    match reason {
        Reason::Frozen => new(Code::FROZEN),
        Reason::StateFinal => new(Code::STATE_FINAL).arg("state", "retired"),
        Reason::StateUnreachable { from, to } => {
            new(Code::STATE_UNREACHABLE).arg("from", from).arg("to", to)
        }
        Reason::VersionIdNotAllowed { plural } => {
            new(Code::VERSIONID_NOT_ALLOWED).arg("plural", plural)
        }
        Reason::MultipleRoots { plural } => new(Code::MULTIPLE_ROOTS).arg("plural", plural),
        Reason::CircularAncestors { circle } => {
            new(Code::ANCESTOR_CIRCULAR_REFERENCE).arg("list", joined(circle, ","))
        }
        Reason::MissingVersions => new(Code::MISSING_VERSIONS),
        Reason::NothingToPin { pinned } if pinned.shown.is_empty() => {
            new(Code::SETDEFAULTVERSIONSTICKY_FALSE)
        }
        Reason::NothingToPin { pinned } => {
            new(Code::SETDEFAULTVERSIONSTICKY_FALSE).detail(these("These have one", pinned))
        }
        Reason::NoVersionToPin => new(Code::DEFAULTVERSIONID_REQUEST),
        Reason::TooManyVersions => new(Code::TOO_MANY_VERSIONS),
        Reason::FormatUnknown { format } => new(Code::FORMAT_UNKNOWN).arg("format", format),
        Reason::VersionsDiffer { name } => {
            new(Code::MISMATCHED_VERSION_ATTRIBUTE).arg("name", name)
        }
        Reason::HasDocuments { plural, documents } => new(Code::HASDOCUMENT_VIOLATION)
            .arg("plural", plural)
            .detail(format!("These have documents: {}.", joined(documents, ", "))),
        Reason::PurgeOfMany => new(Code::BAD_FLAG)
            .arg("flag", "purge")
            .detail("purge takes one group, document or version."),
        Reason::NotDeletable => new(Code::ACTION_NOT_SUPPORTED).arg("action", "DELETE"),
        Reason::CrossReference => {
            new(Code::NOT_AVAILABLE).detail("This registry has no cross references yet.")
        }
        Reason::Purged => new(Code::PURGED),
        Reason::NothingHidden => new(Code::NOTHING_HIDDEN),
        Reason::RestoreRefused(why) => {
            new(Code::RESTORE_REFUSED).arg("error_detail", unrestorable(why))
        }
        Reason::Model(refusal) => model(refusal),
        _ => new(Code::SERVER_ERROR),
    }
}

fn not_found(absence: &Absence) -> Problem {
    let problem = Problem::new(ErrorCode::NOT_FOUND);
    match absence {
        Absence::Entity => problem,
        Absence::GroupType(groups) => problem.detail(format!("Unknown Group type: {groups}")),
        Absence::ResourceType(resources) => {
            problem.detail(format!("Unknown Resource type: {resources}"))
        }
        Absence::Parent => problem.detail("Restore or make the parent first."),
        Absence::Deleted => problem.detail("Nothing of that name was deleted."),
    }
}

fn attribute(fault: &AttributeFault) -> Problem {
    match fault {
        AttributeFault::Unknown { path } => {
            Problem::new(ErrorCode::UNKNOWN_ATTRIBUTE).arg("name", path)
        }
        AttributeFault::Missing { paths } => {
            Problem::new(ErrorCode::REQUIRED_ATTRIBUTE_MISSING).arg("list", paths.join(","))
        }
        AttributeFault::Type { path, .. }
        | AttributeFault::NotAChoice { path, .. }
        | AttributeFault::Name { path, .. }
        | AttributeFault::TooLong { path, .. }
        | AttributeFault::Target { path, .. }
        | AttributeFault::TooSoon { path }
        | AttributeFault::Sibling { path, .. } => {
            Problem::new(ErrorCode::INVALID_ATTRIBUTE).arg("name", path).arg("error_detail", fault)
        }
    }
}

fn model(refusal: &ModelRefusal) -> Problem {
    let error = |detail: String| Problem::new(ErrorCode::MODEL_ERROR).arg("error_detail", detail);
    match refusal {
        ModelRefusal::Fault(ModelFault::DefaultNotScalar { name }) => {
            Problem::new(ErrorCode::MODEL_SCALAR_DEFAULT).arg("name", name)
        }
        ModelRefusal::Fault(ModelFault::DefaultNotRequired { name }) => {
            Problem::new(ErrorCode::MODEL_REQUIRED_TRUE).arg("name", name)
        }
        ModelRefusal::Fault(fault @ ModelFault::NeedsFormat { .. }) => {
            Problem::new(ErrorCode::BAD_REQUEST).arg("error_detail", fault)
        }
        ModelRefusal::Fault(fault) => error(fault.to_string()),
        ModelRefusal::TypeInUse { groups, resources, count } => {
            let groups = groups.as_str();
            let what = match resources {
                None => format!("Group type {groups:?} from the model"),
                Some(resources) => {
                    format!("Resource type {:?} from Group type {groups:?}", resources.as_str())
                }
            };
            error(format!(
                "can't remove {what} - it still has {count} entities. Delete them before removing it"
            ))
        }
        ModelRefusal::Broken { entities, more } => {
            let mut lines: Vec<String> =
                entities.iter().map(|(xid, reason)| format!("{xid}: {reason}")).collect();
            lines.extend((*more > 0).then(|| format!("and {more} more")));
            Problem::new(ErrorCode::MODEL_COMPLIANCE_ERROR).detail(lines.join("; "))
        }
        ModelRefusal::SeveralRoots(forked) => Problem::new(ErrorCode::MODEL_COMPLIANCE_ERROR)
            .detail(these("These have several roots", forked)),
    }
}

fn referenced(by: &XidList) -> Problem {
    let references: Vec<String> = by.shown.iter().map(ToString::to_string).collect();
    let problem = Problem::new(ErrorCode::REFERENCED).member("references", references);
    match by.more {
        0 => problem,
        more => problem.detail(format!("{more} more refer to it.")),
    }
}

fn unrestorable(why: &Unrestorable) -> String {
    match why {
        Unrestorable::Oldest { max } => {
            format!("at most {max} versions are kept, and it is the oldest")
        }
        Unrestorable::TooManyVersions { count, max } => {
            format!("it has {count} versions, and at most {max} are kept")
        }
    }
}

fn joined(items: &[impl ToString], between: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

/// A sentence that names the first of many.
fn these(what: &str, list: &XidList) -> String {
    let shown = joined(&list.shown, ", ");
    match list.more {
        0 => format!("{what}: {shown}."),
        more => format!("{what}: {shown} and {more} more."),
    }
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
