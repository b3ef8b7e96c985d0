//! Entity tags of a view, and conditions on them.

use http::{HeaderMap, HeaderValue, header};
use muster_catalog::{View, command, state::Stamp};
use muster_wire::{
    ErrorKind, Problem,
    etag::{EntityTag, EntityTagCondition, Rendition},
};
use muster_words::{Digest, Xid};

/// The tag of an entity in one of its representations; none if it doesn't exist.
pub(super) fn tag(view: &View, xid: &Xid, which: Rendition) -> Option<EntityTag> {
    let stamp = match which {
        Rendition::Document => view.document_stamp(xid)?,
        // Entities above a scope look different for each scope.
        Rendition::Details if view.within().is_some_and(|within| !within.holds(xid)) => {
            return view.has(xid).then(|| weak(view));
        }
        Rendition::Details => view.details_stamp(xid)?,
        Rendition::Collection => return Some(weak(view)),
    };
    Some(of_stamp(stamp, which))
}

fn of_stamp(stamp: Stamp, rendition: Rendition) -> EntityTag {
    EntityTag { position: stamp.position, tag: stamp.tag, rendition, weak: false }
}

/// The tag of the model's source. It is strong, because whoever merges types into a model must not
/// overwrite what somebody else merged meanwhile.
pub(super) fn of_model_source(view: &View) -> EntityTag {
    of_stamp(view.model_stamp(), Rendition::Details)
}

/// The tag of an answer that shows several entities. It changes with the registry, and differs for
/// each scope, because each scope sees something else.
pub(super) fn weak(view: &View) -> EntityTag {
    let mut stamp = view.stamp();
    if let Some(within) = view.within() {
        let mixed = Digest::of_parts(&[&stamp.tag, within.to_string().as_bytes()]);
        let [a, b, c, d, ..] = mixed.0;
        stamp.tag = [a, b, c, d];
    }
    EntityTag { weak: true, ..of_stamp(stamp, Rendition::Collection) }
}

/// A tag as a header's value.
pub(super) fn header_value(tag: EntityTag) -> HeaderValue {
    HeaderValue::from_str(&tag.to_string()).unwrap_or(const { HeaderValue::from_static("") })
}

/// Reads a condition from a request.
fn read(
    headers: &HeaderMap,
    name: &header::HeaderName,
    subject: &str,
) -> Result<Option<EntityTagCondition>, Problem> {
    EntityTagCondition::from_headers(headers, name).map_err(|error| {
        Problem::new(ErrorKind::HeaderError {
            name: name.as_str().to_owned(),
            error_detail: error.to_string(),
        })
        .subject(subject)
    })
}

/// What to do with a read, according to its conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Answer it.
    Answer,
    /// The client already has it: 304.
    NotModified,
}

/// Evaluates the conditions of a read (RFC 9110, 13.2.2).
///
/// # Errors
/// `precondition_failed`, or `header_error`.
pub(super) fn freshness(
    headers: &HeaderMap,
    subject: &str,
    now: impl Fn(Rendition) -> Option<EntityTag>,
) -> Result<Freshness, Problem> {
    if let Some(condition) = read(headers, &header::IF_MATCH, subject)?
        && !condition.if_match(&now)
    {
        return Err(failed(subject, "If-Match"));
    }
    let named = read(headers, &header::IF_NONE_MATCH, subject)?;
    let named = named.is_some_and(|condition| condition.if_none_match_names(&now));
    Ok(if named { Freshness::NotModified } else { Freshness::Answer })
}

/// The error if a condition isn't met.
pub(super) fn failed(subject: &str, header: &'static str) -> Problem {
    Problem::new(ErrorKind::PreconditionFailed { header }).subject(subject)
}

/// The conditions of a write, which the registry checks in the command's turn.
///
/// # Errors
/// `header_error`.
pub(crate) fn conditions(
    headers: &HeaderMap,
    subject: &str,
) -> Result<Vec<command::Condition>, Problem> {
    let mut conditions = Vec::new();
    match read(headers, &header::IF_MATCH, subject)? {
        None => {}
        Some(EntityTagCondition::Any) => conditions.push(command::Condition::Exists),
        Some(EntityTagCondition::Tags(tags)) => {
            // Strong comparison: a weak tag matches nothing.
            let strong = tags.into_iter().flatten().filter(|tag| !tag.weak);
            let expected = strong.filter_map(expected).collect();
            conditions.push(command::Condition::Matches(expected));
        }
    }
    match read(headers, &header::IF_NONE_MATCH, subject)? {
        None => {}
        Some(EntityTagCondition::Any) => conditions.push(command::Condition::Absent),
        Some(EntityTagCondition::Tags(tags)) => {
            let expected = tags.into_iter().flatten().filter_map(expected).collect();
            conditions.push(command::Condition::Differs(expected));
        }
    }
    Ok(conditions)
}

fn expected(tag: EntityTag) -> Option<command::ExpectedTag> {
    let view = match tag.rendition {
        Rendition::Document => command::EntityView::Document,
        Rendition::Details => command::EntityView::Details,
        Rendition::Collection => return None,
    };
    Some(command::ExpectedTag { position: tag.position, tag: tag.tag, view })
}
