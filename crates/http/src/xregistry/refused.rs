//! Converts refusals of the registry to errors of the API.

use std::fmt::Display;

use muster_catalog::{
    Absence, ModelRefusal, Reason, Refusal, Unrestorable, VersionRefusal, XidList,
    capabilities::CapabilityFault,
};
use muster_guard::secret_references::SecretDenied;
use muster_model::{AttributeFault, ModelFault};
use muster_registry::{FetchError, SubmitError};
use muster_schema::ViolationSource;
use muster_wire::{ErrorKind as Kind, Problem, Severity, Violation, ViolationCause};
use muster_words::{Id, Xid, limits::COMMAND_ENTITIES_MAX};

use crate::problem_of_forbidden;

/// The specification's error, and in words what collides with what.
fn case_clash(singular: String, id: &Id, existing: &Id) -> (Kind, Option<String>) {
    let detail =
        format!("{id} and {existing} differ only in case, and {existing} is there already");
    let (invalid_id, expected_id) = (id.to_string(), existing.to_string());
    (Kind::MismatchedId { singular, invalid_id, expected_id }, Some(detail))
}

/// The error that a refusal is on the wire.
pub(crate) fn problem_of_refusal(refusal: Refusal) -> Problem {
    let (kind, detail) = described(*refusal.reason);
    let problem = Problem::new(kind).subject(refusal.subject);
    match detail {
        Some(detail) => problem.detail(detail),
        None => problem,
    }
}

/// The error for a reason, with what its title doesn't say.
fn described(reason: Reason) -> (Kind, Option<String>) {
    let kind = match reason {
        Reason::NotFound(absence) => return (Kind::NotFound, absent(&absence)),
        Reason::CommandTooLarge { entities } => return command_too_large(entities),
        Reason::Referenced { by } => return referenced(by),
        Reason::IdInUse { id, by } => return id_in_use(&id, by),
        Reason::IdAmbiguous { id, others, by } => return id_ambiguous(&id, &others, by),
        Reason::Version(refusal) => return version(refusal),
        Reason::HasDocuments { plural, documents } => return has_documents(plural, &documents),
        Reason::DocumentNameTaken { name } => Kind::HasdocumentEnableViolation { name },
        Reason::PurgeOfMany => return purge_of_many(),
        Reason::CrossReference => return cross_reference(),
        Reason::Model(refusal) => return model(refusal),
        Reason::NotMutable => return not_mutable(),
        Reason::CaseClash { singular, id, existing } => {
            return case_clash(singular, &id, &existing);
        }
        Reason::UnknownVersion { version } => {
            Kind::UnknownId { singular: "version".to_owned(), id: version }
        }
        Reason::MismatchedId { singular, sent, expected } => {
            Kind::MismatchedId { singular, invalid_id: sent, expected_id: expected }
        }
        Reason::InvalidAttribute { name, fault } => {
            Kind::InvalidAttribute { name, error_detail: fault.to_string() }
        }
        Reason::Attribute(fault) => attribute(fault),
        Reason::MemberNotObject { key } => bad(format!("the value of {key:?} must be an object")),
        Reason::DocumentMisplaced => bad("a document can only be sent to a document or a version"),
        Reason::TakesNoDocument => Kind::ActionNotSupported { action: "PUT".to_owned() },
        Reason::OneResource { names } => Kind::OneResource { list: names.join(",") },
        Reason::GroupsOnly { name } => Kind::GroupsOnly { name },
        Reason::ResourcesOnly { name } => Kind::ResourcesOnly { name },
        Reason::NamedTwice => bad("a plan names an entity once: to write it or to delete it"),
        Reason::IdempotencyMismatch => Kind::IdempotencyMismatch,
        Reason::PreconditionFailed { header } => Kind::PreconditionFailed { header },
        Reason::ChangedSince { .. } => Kind::PreconditionFailed { header: "since" },
        Reason::VectorTooLong => bad("more than 64 registries wrote this document"),
        Reason::MismatchedEpoch { sent, current } => {
            Kind::MismatchedEpoch { bad_epoch: sent, epoch: current }
        }
        Reason::MisplacedEpoch => Kind::MisplacedEpoch,
        Reason::NameTaken { existing } => Kind::NameTaken { existing: existing.to_string() },
        Reason::DocumentTooLarge { size, limit } => Kind::DocumentTooLarge { size, limit },
        Reason::InvalidDocument { violations: found } => {
            Kind::InvalidDocument { violations: violations(&found) }
        }
        Reason::BindingMissing { binding } => Kind::BindingMissing { binding },
        Reason::BindingBroken { binding, error, violations: found } => {
            Kind::BindingBroken { binding, error_detail: error, violations: violations(&found) }
        }
        Reason::Undecided => Kind::Undecided,
        Reason::NotDeletable => Kind::ActionNotSupported { action: "DELETE".to_owned() },
        Reason::Purged => Kind::Purged { digest: None },
        Reason::NothingHidden => Kind::NothingHidden,
        Reason::RestoreRefused(reason) => unrestorable(&reason),
        Reason::OutOfScope => Kind::OutOfScope,
        Reason::NotOwn => Kind::NotOwn,
        Reason::NotInReview => Kind::NotInReview,
        Reason::Capabilities(fault) => capability(fault),
        Reason::TooManyKeys { limit } => Kind::TooManyKeys { limit },
        Reason::LastKey => Kind::LastKey,
        Reason::NoKeyManager => Kind::NoKeyManager,
        Reason::KeyInForce => Kind::KeyInForce,
    };
    (kind, None)
}

fn absent(absence: &Absence) -> Option<String> {
    match absence {
        Absence::Entity => None,
        Absence::GroupType(groups) => Some(format!("Unknown Group type: {groups}")),
        Absence::ResourceType(resources) => Some(format!("Unknown Resource type: {resources}")),
        Absence::Parent => Some("Restore or create the parent first.".to_owned()),
        Absence::Deleted => Some("Nothing with this name was deleted.".to_owned()),
        Absence::Sync(sync) => Some(format!(
            "No sync {sync} wrote anything there in that time. muster log shows the ids of syncs: synced by …"
        )),
    }
}

fn command_too_large(entities: usize) -> (Kind, Option<String>) {
    let detail = format!("It names {entities} entities; the limit is {COMMAND_ENTITIES_MAX}.");
    (Kind::CommandTooLarge, Some(detail))
}

fn referenced(by: XidList) -> (Kind, Option<String>) {
    let detail = (by.more > 0).then(|| format!("{} more refer to it.", by.more));
    (Kind::Referenced { references: by.shown }, detail)
}

fn id_in_use(id: &str, by: XidList) -> (Kind, Option<String>) {
    let detail = format!(
        "Schemas refer to its $id, {id}, which no schema of the group would have any more. Keep the \
         $id, or let them refer to an xid first."
    );
    (Kind::Referenced { references: by.shown }, Some(detail))
}

fn id_ambiguous(id: &str, others: &XidList, by: XidList) -> (Kind, Option<String>) {
    let named = joined(&others.shown, ", ");
    let named = if named.is_empty() { "another schema".to_owned() } else { named };
    let detail = format!(
        "Schemas refer to the $id {id}, which {named} has as well, so it would be ambiguous. Give \
         it another $id."
    );
    (Kind::Referenced { references: by.shown }, Some(detail))
}

fn has_documents(plural: String, documents: &[Xid]) -> (Kind, Option<String>) {
    let detail = format!("These have documents: {}.", joined(documents, ", "));
    (Kind::HasdocumentViolation { plural }, Some(detail))
}

fn purge_of_many() -> (Kind, Option<String>) {
    let detail = "purge needs exactly one group, document or version.".to_owned();
    (Kind::BadFlag { flag: "purge".to_owned() }, Some(detail))
}

fn cross_reference() -> (Kind, Option<String>) {
    let detail = "This registry doesn't support cross references yet.".to_owned();
    (Kind::NotAvailable, Some(detail))
}

fn not_mutable() -> (Kind, Option<String>) {
    (Kind::NotAvailable, Some("It can be read, but not changed.".to_owned()))
}

fn version(refusal: VersionRefusal) -> (Kind, Option<String>) {
    let kind = match refusal {
        VersionRefusal::NothingToPin { pinned } => {
            let detail = (!pinned.shown.is_empty())
                .then(|| these("These have a pinned default version", &pinned));
            return (Kind::SetdefaultversionstickyFalse, detail);
        }
        VersionRefusal::Frozen => Kind::Frozen,
        VersionRefusal::FrozenAttribute { name } => Kind::FrozenAttribute { name: name.to_owned() },
        VersionRefusal::StateFinal => Kind::StateFinal { state: "retired".to_owned() },
        VersionRefusal::StateUnreachable { from, to } => {
            Kind::StateUnreachable { from: from.to_string(), to: to.to_string() }
        }
        VersionRefusal::VersionIdNotAllowed { plural } => Kind::VersionidNotAllowed { plural },
        VersionRefusal::MultipleRoots { plural } => Kind::MultipleRoots { plural },
        VersionRefusal::CircularAncestors { circle } => {
            Kind::AncestorCircularReference { list: joined(&circle, ",") }
        }
        VersionRefusal::MissingVersions => Kind::MissingVersions,
        VersionRefusal::NoVersionToPin => Kind::DefaultversionidRequest,
        VersionRefusal::TooManyVersions => Kind::TooManyVersions,
        VersionRefusal::FormatUnknown { format } => Kind::FormatUnknown { format },
        VersionRefusal::VersionsDiffer { name } => Kind::MismatchedVersionAttribute { name },
        VersionRefusal::SchemaMode { mode } => {
            let detail = format!(
                "The mode of these schemas is {mode}. Change it in the attribute muster of the \
                 schema's meta, its group or the registry."
            );
            return (Kind::NotAvailable, Some(detail));
        }
        VersionRefusal::SchemaIdTaken { id } => {
            bad(format!("the id {id} belongs to another schema of the group"))
        }
    };
    (kind, None)
}

fn capability(fault: CapabilityFault) -> Kind {
    use CapabilityFault as Fault;
    match fault {
        Fault::Unknown(field) => Kind::CapabilityUnknown { field },
        Fault::Value { name, value, allowed } => {
            Kind::CapabilityValue { value, field: name, list: allowed }
        }
        Fault::MissingValue { name, value } => Kind::CapabilityMissingValue { name, value },
        Fault::Wildcard(field) => Kind::CapabilityWildcard { field },
        Fault::Shape { .. }
        | Fault::NotObject
        | Fault::Compatibilities
        | Fault::UnknownKind(_)
        | Fault::NeverMutable(_) => Kind::CapabilityError { error_detail: fault.to_string() },
    }
}

fn attribute(fault: AttributeFault) -> Kind {
    let error_detail = fault.to_string();
    match fault {
        AttributeFault::Unknown { path } => Kind::UnknownAttribute { name: path },
        AttributeFault::Missing { paths } => {
            Kind::RequiredAttributeMissing { list: paths.join(",") }
        }
        AttributeFault::Type { path, .. }
        | AttributeFault::NotAChoice { path, .. }
        | AttributeFault::Name { path, .. }
        | AttributeFault::TooLong { path, .. }
        | AttributeFault::Target { path, .. }
        | AttributeFault::Empty { path }
        | AttributeFault::TooSoon { path }
        | AttributeFault::Sibling { path, .. } => {
            Kind::InvalidAttribute { name: path, error_detail }
        }
    }
}

fn model(refusal: ModelRefusal) -> (Kind, Option<String>) {
    match refusal {
        ModelRefusal::Fault(fault) => (model_fault(fault), None),
        ModelRefusal::TypeInUse { groups, resources, count } => {
            let what = type_named(&groups, resources.as_ref());
            let error_detail = format!(
                "can't remove {what} - it still has {count} entities. Delete them before removing it"
            );
            (Kind::ModelError { error_detail }, None)
        }
        ModelRefusal::Broken { entities, more } => {
            let mut lines: Vec<String> =
                entities.iter().map(|(xid, reason)| format!("{xid}: {reason}")).collect();
            lines.extend((more > 0).then(|| format!("and {more} more")));
            (Kind::ModelComplianceError, Some(lines.join("; ")))
        }
        ModelRefusal::SeveralRoots(forked) => {
            (Kind::ModelComplianceError, Some(these("These have several roots", &forked)))
        }
    }
}

fn model_fault(fault: ModelFault) -> Kind {
    use ModelFault as Fault;
    match fault {
        Fault::DefaultNotScalar { name } => Kind::ModelScalarDefault { name },
        Fault::DefaultNotRequired { name } => Kind::ModelRequiredTrue { name },
        Fault::NeedsFormat { .. } => bad(fault),
        Fault::Shape { .. }
        | Fault::UnknownMember { .. }
        | Fault::UnknownLabel { .. }
        | Fault::MissingMember { .. }
        | Fault::NotItsKey { .. }
        | Fault::Name { .. }
        | Fault::NameTaken { .. }
        | Fault::Reserved { .. }
        | Fault::UnknownType { .. }
        | Fault::NotForType { .. }
        | Fault::NotThere { .. }
        | Fault::Target { .. }
        | Fault::ValueType { .. }
        | Fault::NotAChoice { .. }
        | Fault::ConditionKey { .. }
        | Fault::Specified { .. }
        | Fault::VersionMode { .. }
        | Fault::TypeMap { .. }
        | Fault::Import { .. }
        | Fault::Include { .. }
        | Fault::BuiltIn { .. }
        | Fault::Singular { .. }
        | Fault::TooDeep
        | Fault::TooManyTypes
        | Fault::TooLarge => Kind::ModelError { error_detail: fault.to_string() },
    }
}

fn type_named(groups: &Id, resources: Option<&Id>) -> String {
    let groups = groups.as_str();
    match resources.map(Id::as_str) {
        None => format!("Group type {groups:?} from the model"),
        Some(resources) => format!("Resource type {resources:?} from Group type {groups:?}"),
    }
}

fn bad(detail: impl Display) -> Kind {
    Kind::BadRequest { error_detail: detail.to_string() }
}

fn unrestorable(reason: &Unrestorable) -> Kind {
    let error_detail = match reason {
        Unrestorable::Oldest { max } => {
            format!("at most {max} versions are kept, and it is the oldest")
        }
        Unrestorable::TooManyVersions { count, max } => {
            format!("it has {count} versions, and at most {max} are kept")
        }
    };
    Kind::RestoreRefused { error_detail }
}

fn joined(items: &[impl ToString], between: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

/// A sentence that lists the first of many.
fn these(what: &str, list: &XidList) -> String {
    let shown = joined(&list.shown, ", ");
    match list.more {
        0 => format!("{what}: {shown}."),
        more => format!("{what}: {shown} and {more} more."),
    }
}

/// Violations for the wire.
#[must_use]
pub fn violations(found: &[muster_schema::Violation]) -> Vec<Violation> {
    found
        .iter()
        .map(|violation| Violation {
            subject: None,
            pointer: violation.pointer.clone(),
            violated: match &violation.source {
                ViolationSource::Keyword(keyword) => ViolationCause::Keyword(keyword.clone()),
                ViolationSource::Rule(rule) => ViolationCause::Rule(rule.clone()),
                ViolationSource::Reference => ViolationCause::Reference(true),
            },
            severity: match violation.severity {
                muster_schema::Severity::Error => Severity::Error.into(),
                muster_schema::Severity::Warning => Severity::Warning.into(),
            },
            message: violation.message.clone(),
            line: violation.place.map(|place| place.line as u64),
            column: violation.place.map(|place| place.column as u64),
        })
        .collect()
}

/// The error for a failed read. Its cause stays in the log, where the registry wrote it.
#[must_use]
pub fn problem_of_fetch(error: FetchError, subject: &str) -> Problem {
    let kind = match error {
        FetchError::Unavailable | FetchError::TimedOut => Kind::StoreUnavailable,
        FetchError::Corrupt(position) => Kind::Corrupt { position },
        FetchError::Missing(position) => Kind::ContentLost { position },
    };
    Problem::new(kind).subject(subject)
}

/// The error for a failed command. Its cause stays in the log, where the registry wrote it.
#[must_use]
pub fn problem_of_failure(error: SubmitError, subject: &str) -> Problem {
    let kind = match error {
        SubmitError::Refused(refusal) => return problem_of_refusal(refusal),
        SubmitError::Forbidden(forbidden) => return problem_of_forbidden(forbidden, subject),
        SubmitError::SecretDenied(denied) => {
            let SecretDenied { subject, reference, pointer } = denied;
            return Problem::new(Kind::SecretDenied { reference, pointer }).subject(subject);
        }
        SubmitError::NameTaken { resource, existing } => {
            return Problem::new(Kind::AlreadyExists { existing: existing.to_string() })
                .subject(resource.to_string());
        }
        SubmitError::Busy => Kind::Busy,
        SubmitError::Contended => Kind::Contended,
        SubmitError::OutcomeUnknown => Kind::OutcomeUnknown,
        SubmitError::DiskFull => Kind::DiskFull,
        SubmitError::CommandTooLarge => Kind::CommandTooLarge,
        SubmitError::TooLong => {
            return Problem::new(Kind::CommandTooLarge)
                .subject(subject)
                .detail("Checking its documents takes too long; send fewer of them at once.");
        }
        SubmitError::Unavailable => Kind::StoreUnavailable,
        SubmitError::Closed => Kind::Stopping,
        SubmitError::Corrupt(position) => Kind::Corrupt { position },
        SubmitError::Missing(position) => Kind::ContentLost { position },
        SubmitError::Fault => Kind::ServerError,
    };
    Problem::new(kind).subject(subject)
}
