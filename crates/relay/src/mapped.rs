//! Documents as the mapping of their route makes them.

use bytes::Bytes;
use muster_catalog::{Reason, Refusal, sync::SyncContent};
use muster_rules::{Mapping, RuleContext, mapped_bytes};
use muster_schema::{Violation, ViolationSource};
use muster_words::{Notation, Xid, json::Value, limits::BODY_BYTES_MAX};
use thiserror::Error;

use crate::event::ChangedDocument;

/// How many violations are told.
const TOLD_MAX: usize = 3;

/// A mapped document is JSON.
const JSON: &str = "application/json";

/// Why a document can't be mapped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum MapError {
    /// It isn't data.
    #[error("the mapping can't be applied: the document {0} isn't JSON or YAML")]
    NoData(&'static str),
    /// What it is put into is YAML.
    #[error(
        "the mapping can't be applied: the document {0} is YAML, whose comments would be lost; put it as JSON, or send whole documents"
    )]
    Yaml(&'static str),
    /// A step can't be done.
    #[error("the mapping can't be applied: {0}")]
    Fault(#[from] muster_rules::MappingFault),
    /// The result is larger than a document may be.
    #[error("the mapping can't be applied: it makes more than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    /// It breaks the schema of the mapping.
    #[error("it breaks the schema of the mapping at {0}")]
    Invalid(String),
}

/// What a mapping made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mapped<T> {
    /// The document; none if there is nothing in it that is mapped.
    pub document: Option<T>,
    /// What it breaks of the schema of the mapping, which doesn't keep it from going on.
    pub told: Option<String>,
}

impl<T> Mapped<T> {
    /// One that has no data, and stays as it is.
    pub const fn of(document: T) -> Self {
        Self { document: Some(document), told: None }
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> Mapped<U> {
        Mapped { document: self.document.map(change), told: self.told }
    }
}

/// A document for a target that gets events.
pub(crate) fn for_event(
    mapping: &Mapping,
    resource: &Xid,
    document: &ChangedDocument,
) -> Result<Mapped<ChangedDocument>, MapError> {
    let Some(bytes) = &document.bytes else { return Ok(Mapped::of(document.clone())) };
    let ours = (bytes, document.content_type.as_deref());
    let mapped = made(mapping, resource, ours, None)?;
    Ok(mapped.map(|bytes| ChangedDocument {
        bytes: Some(bytes),
        content_type: Some(JSON.to_owned()),
        ..document.clone()
    }))
}

/// A document for another registry, put into what that one has now.
pub(crate) fn outbound(
    mapping: &Mapping,
    resource: &Xid,
    ours: &SyncContent,
    theirs: Option<&SyncContent>,
) -> Result<Mapped<SyncContent>, MapError> {
    let Some(bytes) = &ours.bytes else { return Ok(Mapped::of(ours.clone())) };
    let source = (bytes, ours.content_type.as_deref());
    let mapped = made(mapping, resource, source, base_of(theirs, "there")?)?;
    Ok(mapped.map(|bytes| content(ours, theirs, bytes)))
}

/// What goes out: the document of the other side, from ours and from what it says there now.
fn made(
    mapping: &Mapping,
    resource: &Xid,
    (bytes, content_type): (&Bytes, Option<&str>),
    base: Option<(Value, Bytes)>,
) -> Result<Mapped<Bytes>, MapError> {
    let notation = Notation::of(content_type);
    let ours = notation.parse(bytes).map_err(|_| MapError::NoData("here"))?;
    let theirs = base.as_ref().map(|(theirs, _)| theirs);
    let Some(found) = mapping.outbound(&ours, theirs, &context(resource))? else {
        return Ok(Mapped { document: None, told: None });
    };
    let told = checked(mapping, &found)?;
    let now = base.map(|(_, bytes)| bytes);
    Ok(Mapped { document: Some(written(&found, now.as_deref())?), told })
}

/// A document from another registry, put into what is here now.
pub(crate) fn inbound(
    mapping: &Mapping,
    resource: &Xid,
    theirs: &SyncContent,
    ours: Option<&SyncContent>,
) -> Result<Mapped<SyncContent>, MapError> {
    let Some(bytes) = &theirs.bytes else { return Ok(Mapped::of(theirs.clone())) };
    let notation = Notation::of(theirs.content_type.as_deref());
    let source = notation.parse(bytes).map_err(|_| MapError::NoData("there"))?;
    let told = checked(mapping, &source)?;
    let base = base_of(ours, "here")?;
    let now = base.as_ref().map(|(now, _)| now);
    let found = mapping.inbound(&source, now, &context(resource))?;
    let bytes = written(&found, base.as_ref().map(|(_, bytes)| &**bytes))?;
    Ok(Mapped { document: Some(content(theirs, ours, bytes)), told })
}

/// What a document is put into: data, and its bytes.
fn base_of(
    content: Option<&SyncContent>,
    whose: &'static str,
) -> Result<Option<(Value, Bytes)>, MapError> {
    let Some(content) = content else { return Ok(None) };
    let Some(bytes) = &content.bytes else { return Ok(None) };
    match Notation::of(content.content_type.as_deref()) {
        Notation::Yaml => Err(MapError::Yaml(whose)),
        notation => {
            let value = notation.parse(bytes).map_err(|_| MapError::NoData(whose))?;
            Ok(Some((value, bytes.clone())))
        }
    }
}

/// What one side says, with this document, in the media type of what it is put into.
fn content(whose: &SyncContent, into: Option<&SyncContent>, bytes: Bytes) -> SyncContent {
    let kind = into.unwrap_or(whose).content_type.as_deref();
    let kind = kind.filter(|kind| Notation::of(Some(kind)) == Notation::Json);
    let content_type = Some(kind.unwrap_or(JSON).to_owned());
    SyncContent { bytes: Some(bytes), content_type, ..whose.clone() }
}

/// The bytes of a mapped document; those that there are now if they say the same.
fn written(value: &Value, now: Option<&[u8]>) -> Result<Bytes, MapError> {
    let bytes = mapped_bytes(value, now);
    match bytes.len() > BODY_BYTES_MAX {
        true => Err(MapError::TooLarge),
        false => Ok(bytes.into()),
    }
}

/// What a document of the other side breaks of the schema of the mapping, if that is only told.
fn checked(mapping: &Mapping, theirs: &Value) -> Result<Option<String>, MapError> {
    let violations = mapping.violations(theirs);
    if !violations.iter().any(Violation::is_error) {
        return Ok(None);
    }
    let told = told(&violations);
    match mapping.blocks_on_failure {
        true => Err(MapError::Invalid(told)),
        false => Ok(Some(MapError::Invalid(told).to_string())),
    }
}

/// The places of the first violations, and what they violate. Their messages may have values of the
/// document, which must not stay in a log or an event when the document is erased.
pub(crate) fn told(violations: &[Violation]) -> String {
    let first = violations.iter().take(TOLD_MAX);
    let mut texts: Vec<String> = first
        .map(|one| {
            let place = if one.pointer.is_empty() { "the document" } else { &one.pointer };
            match &one.source {
                ViolationSource::Keyword(keyword) => format!("{place} ({keyword})"),
                ViolationSource::Rule(id) => format!("{place} (rule {id})"),
                ViolationSource::Reference => format!("{place} (reference)"),
            }
        })
        .collect();
    if let Some(more) = violations.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        texts.push(format!("and {more} more"));
    }
    texts.join("; ")
}

/// Why the registry refuses a document, without values of it.
pub(crate) fn told_of(refusal: &Refusal) -> String {
    match &*refusal.reason {
        Reason::InvalidDocument { violations } => {
            format!("it is invalid here at {}", told(violations))
        }
        _ => refusal.to_string(),
    }
}

fn context(resource: &Xid) -> RuleContext {
    RuleContext::of(resource).unwrap_or_else(|| {
        let (group, id) = (String::new(), String::new());
        RuleContext { xid: resource.to_string(), group, id }
    })
}
