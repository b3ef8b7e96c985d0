//! Documents as the mapping of their route makes them.

use bytes::Bytes;
use muster_catalog::sync::SyncContent;
use muster_rules::{Mapping, RuleContext, mapped_bytes};
use muster_schema::Violation;
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
    #[error("it breaks the schema of the mapping: {0}")]
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
    const fn nothing() -> Self {
        Self { document: None, told: None }
    }
}

/// A document for a target that gets events.
pub(crate) fn for_event(
    mapping: &Mapping,
    resource: &Xid,
    document: &ChangedDocument,
) -> Result<Mapped<ChangedDocument>, MapError> {
    let Some(bytes) = &document.bytes else {
        return Ok(Mapped { document: Some(document.clone()), told: None });
    };
    let ours = document.notation().parse(bytes).map_err(|_| MapError::NoData("here"))?;
    let Some(found) = mapping.outbound(&ours, None, &context(resource))? else {
        return Ok(Mapped::nothing());
    };
    let told = checked(mapping, &found)?;
    let bytes = Some(mapped(&found, document.notation(), bytes)?);
    let content_type = Some(JSON.to_owned());
    Ok(Mapped { document: Some(ChangedDocument { bytes, content_type, ..document.clone() }), told })
}

/// A document for another registry, and what that one has now.
pub(crate) fn outbound(
    mapping: &Mapping,
    resource: &Xid,
    ours: &SyncContent,
    theirs: Option<&SyncContent>,
) -> Result<Mapped<SyncContent>, MapError> {
    let Some(source) = &ours.bytes else {
        return Ok(Mapped { document: Some(ours.clone()), told: None });
    };
    let notation = Notation::of(ours.content_type.as_deref());
    let source = notation.parse(source).map_err(|_| MapError::NoData("here"))?;
    let base = base_of(theirs, "there")?;
    let found =
        mapping.outbound(&source, base.as_ref().map(|(base, _)| base), &context(resource))?;
    let Some(found) = found else { return Ok(Mapped::nothing()) };
    let told = checked(mapping, &found)?;
    let now = base.as_ref().map_or(b"".as_slice(), |(_, bytes)| bytes);
    let content = content(ours, mapped(&found, Notation::Json, now)?);
    Ok(Mapped { document: Some(content), told })
}

/// A document from another registry, put into what is here now.
pub(crate) fn inbound(
    mapping: &Mapping,
    resource: &Xid,
    theirs: &SyncContent,
    ours: Option<&SyncContent>,
) -> Result<Mapped<SyncContent>, MapError> {
    let Some(source) = &theirs.bytes else {
        return Ok(Mapped { document: Some(theirs.clone()), told: None });
    };
    let notation = Notation::of(theirs.content_type.as_deref());
    let source = notation.parse(source).map_err(|_| MapError::NoData("there"))?;
    let told = checked(mapping, &source)?;
    let base = base_of(ours, "here")?;
    let found =
        mapping.inbound(&source, base.as_ref().map(|(base, _)| base), &context(resource))?;
    let now = base.as_ref().map_or(b"".as_slice(), |(_, bytes)| bytes);
    let content = content(theirs, mapped(&found, Notation::Json, now)?);
    Ok(Mapped { document: Some(content), told })
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

fn content(whose: &SyncContent, bytes: Bytes) -> SyncContent {
    let kind =
        whose.content_type.as_deref().filter(|kind| Notation::of(Some(kind)) == Notation::Json);
    let content_type = Some(kind.unwrap_or(JSON).to_owned());
    SyncContent { bytes: Some(bytes), content_type, ..whose.clone() }
}

fn mapped(value: &Value, notation: Notation, now: &[u8]) -> Result<Bytes, MapError> {
    let now = Some(now).filter(|_| notation == Notation::Json);
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

/// The first violations, for people.
pub(crate) fn told(violations: &[Violation]) -> String {
    let first = violations.iter().take(TOLD_MAX);
    let mut texts: Vec<String> = first
        .map(|one| match one.pointer.is_empty() {
            true => one.message.clone(),
            false => format!("{}: {}", one.pointer, one.message),
        })
        .collect();
    if let Some(more) = violations.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        texts.push(format!("and {more} more"));
    }
    texts.join("; ")
}

fn context(resource: &Xid) -> RuleContext {
    RuleContext::of(resource).unwrap_or_else(|| {
        let (group, id) = (String::new(), String::new());
        RuleContext { xid: resource.to_string(), group, id }
    })
}
