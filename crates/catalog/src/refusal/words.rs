//! What a refusal says in a log, in a report of a route, or wherever else no answer of the API is.

use std::fmt;

use muster_schema::{Severity, Violation};

use super::{Absence, ModelRefusal, Reason, Refusal, Unrestorable, VersionRefusal, XidList};

/// The most violations that are named.
const VIOLATIONS_MAX: usize = 3;

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.subject, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(absence) => write!(out, "{absence}"),
            Self::UnknownVersion { version } => write!(out, "there is no version {version:?}"),
            Self::MismatchedId { singular, sent, expected } => {
                write!(out, "the {singular}id is {sent:?} and must be {expected:?}")
            }
            Self::CaseClash { id, existing, .. } => {
                write!(out, "{id} and {existing} differ only in case, and {existing} is there")
            }
            Self::InvalidAttribute { name, fault } => write!(out, "the attribute {name}: {fault}"),
            Self::Attribute(fault) => write!(out, "{fault}"),
            Self::MemberNotObject { key } => write!(out, "the value of {key:?} must be an object"),
            Self::OneResource { names } => {
                write!(out, "only one of {} may be sent", names.join(", "))
            }
            Self::GroupsOnly { name } => write!(out, "{name:?} is no type of groups"),
            Self::ResourcesOnly { name } => write!(out, "{name:?} is no type of documents there"),
            Self::CommandTooLarge { entities } => write!(out, "it names {entities} entities"),
            Self::PreconditionFailed { header } => {
                write!(out, "the condition in {header} isn't met")
            }
            Self::ChangedSince { since, now } => {
                write!(out, "it was compared as of position {since} and changed at {now}")
            }
            Self::MismatchedEpoch { sent, current } => {
                write!(out, "its epoch is {current}, not {sent}")
            }
            Self::NameTaken { existing } => write!(out, "{existing} has the name"),
            Self::DocumentTooLarge { size, limit } => {
                write!(out, "it has {size} bytes, and {limit} are allowed")
            }
            Self::InvalidDocument { violations } => named(out, "it isn't valid", violations),
            Self::BindingMissing { binding } => {
                write!(out, "{binding}, which is bound, isn't there")
            }
            Self::BindingBroken { binding, error, violations } => {
                write!(out, "{binding}, which is bound, can't be used: {error}")?;
                named(out, "", violations)
            }
            Self::Referenced { by } => write!(out, "others refer to it: {by}"),
            Self::IdInUse { id, by } => write!(out, "others refer to its $id, {id}: {by}"),
            Self::IdAmbiguous { id, others, .. } => {
                write!(out, "others refer to the $id {id}, which is also that of {others}")
            }
            Self::Version(refusal) => write!(out, "{refusal}"),
            Self::HasDocuments { plural, .. } => write!(out, "there are {plural} with documents"),
            Self::DocumentNameTaken { name } => write!(out, "there are attributes named {name}"),
            Self::RestoreRefused(reason) => write!(out, "{reason}"),
            Self::Model(refusal) => write!(out, "{refusal}"),
            Self::Capabilities(fault) => write!(out, "{fault}"),
            Self::TooManyKeys { limit } => write!(out, "there are {limit} keys already"),
            fixed => out.write_str(fixed.fixed()),
        }
    }
}

impl Reason {
    /// What a reason without values says.
    const fn fixed(&self) -> &'static str {
        match self {
            Self::DocumentMisplaced => "a document can only be sent to a document or a version",
            Self::TakesNoDocument => "it takes no document",
            Self::NamedTwice => "a plan names an entity once: to write it or to delete it",
            Self::IdempotencyMismatch => "its idempotency key was used for something else",
            Self::VectorTooLong => "more than 64 registries wrote it",
            Self::MisplacedEpoch => "the epoch of a document belongs in its meta",
            Self::PurgeOfMany => "one group, document or version is purged at a time",
            Self::NotDeletable => "it can't be deleted",
            Self::Undecided => "it holds a conflict that nobody has decided",
            Self::CrossReference => "cross references aren't supported",
            Self::Purged => "it was purged",
            Self::NothingHidden => "nothing with this name was deleted",
            Self::OutOfScope => "it is outside the scope of the key",
            Self::NotOwn => "somebody else made it",
            Self::NotInReview => "it isn't in review",
            Self::NotMutable => "it can be read, but not changed",
            Self::LastKey => "it is the last key that can manage keys",
            Self::NoKeyManager => "no key could manage keys",
            Self::KeyInForce => "the key is still valid",
            _ => "it isn't allowed",
        }
    }
}

/// The first violations; errors come before warnings.
fn named(out: &mut fmt::Formatter<'_>, what: &str, violations: &[Violation]) -> fmt::Result {
    let mut between = ": ";
    out.write_str(what)?;
    let errors = violations.iter().filter(|violation| violation.severity == Severity::Error);
    for violation in errors.take(VIOLATIONS_MAX) {
        let place = if violation.pointer.is_empty() { "/" } else { &violation.pointer };
        write!(out, "{between}{place}: {}", violation.message)?;
        between = "; ";
    }
    match violations.len() > VIOLATIONS_MAX {
        true => out.write_str("; and more"),
        false => Ok(()),
    }
}

impl fmt::Display for XidList {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> =
            self.shown.iter().take(VIOLATIONS_MAX).map(ToString::to_string).collect();
        out.write_str(&shown.join(", "))?;
        match self.shown.len() - shown.len() + self.more {
            0 => Ok(()),
            more => write!(out, " and {more} more"),
        }
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entity => out.write_str("it isn't there"),
            Self::GroupType(groups) => write!(out, "there is no type of groups {groups}"),
            Self::ResourceType(resources) => {
                write!(out, "there is no type of documents {resources}")
            }
            Self::Parent => out.write_str("what it is in isn't there"),
            Self::Deleted => out.write_str("nothing with this name was deleted"),
            Self::Sync(sync) => write!(out, "no sync {sync} wrote anything there"),
        }
    }
}

impl fmt::Display for Unrestorable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oldest { max } => {
                write!(out, "at most {max} versions are kept, and it is the oldest")
            }
            Self::TooManyVersions { count, max } => {
                write!(out, "it has {count} versions, and at most {max} are kept")
            }
        }
    }
}

impl fmt::Display for VersionRefusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frozen => out.write_str("documents of versions that are there can't be replaced"),
            Self::FrozenAttribute { name } => write!(out, "{name} can't be changed any more"),
            Self::StateFinal => out.write_str("it is retired, and stays it"),
            Self::StateUnreachable { from, to } => write!(out, "it can't become {to} from {from}"),
            Self::VersionIdNotAllowed { plural } => {
                write!(out, "the registry chooses the ids of versions of {plural}")
            }
            Self::MultipleRoots { plural } => {
                write!(out, "each of the {plural} has one first version")
            }
            Self::CircularAncestors { .. } => out.write_str("a version would be its own ancestor"),
            Self::MissingVersions => out.write_str("it would have no version"),
            Self::NothingToPin { .. } => {
                out.write_str("it has only one version, which can't be pinned")
            }
            Self::NoVersionToPin => {
                out.write_str("the request has no version to be the default one")
            }
            Self::TooManyVersions => out.write_str("the request has several versions"),
            Self::FormatUnknown { format } => write!(out, "the format {format:?} isn't known"),
            Self::SchemaMode { mode } => write!(out, "the mode of these schemas is {mode}"),
            Self::SchemaIdTaken { id } => {
                write!(out, "another schema of the group has the id {id}")
            }
            Self::VersionsDiffer { name } => write!(out, "all versions must have the same {name}"),
        }
    }
}

impl fmt::Display for ModelRefusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => write!(out, "{fault}"),
            Self::TypeInUse { groups, resources, count } => {
                let kind = resources.as_ref().unwrap_or(groups);
                write!(out, "there are {count} {kind}, which the model would not have any more")
            }
            Self::Broken { entities, more } => {
                let count = entities.len() + more;
                write!(out, "{count} entities don't comply with the model")
            }
            Self::SeveralRoots(forked) => {
                write!(out, "these have several first versions: {forked}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_schema::ViolationSource;

    use super::*;

    fn violation(pointer: &str, message: &str) -> Violation {
        Violation {
            pointer: pointer.to_owned(),
            source: ViolationSource::Keyword("type".to_owned()),
            severity: Severity::Error,
            message: message.to_owned(),
            place: None,
        }
    }

    fn check(reason: Reason, expect: &str) {
        let found = Refusal::new("/configs/a/entries/x", reason).to_string();
        assert_eq!(found, format!("/configs/a/entries/x: {expect}"));
    }

    #[test]
    fn says_what_is_wrong_in_words() {
        let invalid = |violations| Reason::InvalidDocument { violations };
        check(
            invalid(vec![violation("/a", "must be a number"), violation("", "lacks b")]),
            "it isn't valid: /a: must be a number; /: lacks b",
        );
        check(
            invalid(vec![violation("/a", "must be a number"); 5]),
            "it isn't valid: /a: must be a number; /a: must be a number; /a: must be a number; \
             and more",
        );
        check(Reason::NotFound(Absence::Entity), "it isn't there");
        check(Reason::Version(VersionRefusal::StateFinal), "it is retired, and stays it");
        let by = XidList { shown: vec!["/configs/a/entries/y".parse().unwrap()], more: 2 };
        check(Reason::Referenced { by }, "others refer to it: /configs/a/entries/y and 2 more");
        check(Reason::NotOwn, "somebody else made it");
    }
}
