//! `GET /validate[/<xid>]`: the stored documents that no longer pass.

mod documents;

use std::time::{Duration, Instant};

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::StatusCode;
use muster_catalog::View;
use muster_registry::{Registry, attended_read};
use muster_wire::{
    ErrorKind, Problem, headers,
    validation::{DocumentFindings, ValidationPage},
};
use muster_words::Xid;

use self::documents::documents_after;
use super::{Native, answer, query::Parameters};
use crate::{
    Caller, IntoProblem,
    xregistry::{percent_decoded, problem_of_failure, violations},
};

/// How long documents are judged for one page; the next page continues. It is well below the
/// patience of clients, and lets other validations have their turn.
const PAGE_TIME_MAX: Duration = Duration::from_secs(2);

/// The maximum number of documents with violations on a page; each may have many violations.
const PAGE_FINDINGS_MAX: usize = 1_000;

/// `GET /validate`: judges all documents.
pub(super) async fn validate_all(
    native: State<Native>,
    caller: Extension<Caller>,
    query: RawQuery,
) -> Result<Response, IntoProblem> {
    validate(native, caller, Path(String::new()), query).await
}

/// `GET /validate/<xid>`: judges the documents in a group, or one document.
pub(super) async fn validate(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let below = xid(&format!("/{}", path.trim_matches('/')), "validate")?;
    let subject = below.to_string();
    let parameters = Parameters::parse(query.as_deref(), &["after"], "/validate")?;
    let after =
        parameters.value("after").map(|text| xid(&decoded(text), "validate")).transpose()?;
    let view = native.registry.view().seen_within(caller.principal.scope.clone());
    if !view.has(&below) {
        return Err(Problem::new(ErrorKind::NotFound).subject(&subject).into());
    }
    let judged = {
        let (native, view, below) = (native.clone(), view.clone(), below.clone());
        attended_read(async move {
            let judging = judge(&native.registry, &view, &below, after);
            native.validations.run(judging).await
        })
    };
    let (mut page, last) = judged.await.unwrap_or(Err(ErrorKind::ServerError.into()))?;
    let here = if below == Xid::Registry { "" } else { &subject };
    page.next = last.map(|last| format!("{}/validate{here}?after={last}", caller.base));
    let mut response = answer::json(StatusCode::OK, &page);
    response.headers_mut().insert(headers::MUSTER_POSITION, view.position().0.into());
    Ok(response)
}

/// Judges documents until the page is full. Returns also the last judged document, if there may be
/// more after it.
async fn judge(
    registry: &Registry,
    view: &View,
    below: &Xid,
    mut after: Option<Xid>,
) -> Result<(ValidationPage, Option<Xid>), Problem> {
    let (begun, mut page) = (Instant::now(), ValidationPage::default());
    loop {
        let documents = documents_after(view, below, after.as_ref());
        let Some(last) = documents.last() else { return Ok((page, None)) };
        after = Some(last.xid.clone());
        let judged = registry.judge_stored(view.catalog(), &documents).await;
        let judged = judged.map_err(|error| problem_of_failure(error, "/validate"))?;
        page.documents += judged.len() as u64;
        let found = judged.into_iter().filter(|(_, found)| !found.is_empty());
        page.findings.extend(found.map(|(xid, found)| DocumentFindings {
            xid: xid.to_string(),
            violations: violations(&found),
        }));
        if begun.elapsed() >= PAGE_TIME_MAX || page.findings.len() >= PAGE_FINDINGS_MAX {
            return Ok((page, after));
        }
    }
}

/// The xid of the registry, a group or a document, for an action on everything below it.
pub(super) fn xid(text: &str, action: &str) -> Result<Xid, Problem> {
    let shown: String = text.chars().take(400).collect();
    match text.parse() {
        Ok(xid @ (Xid::Registry | Xid::Group { .. } | Xid::Resource { .. })) => Ok(xid),
        Ok(_) => Err(Problem::new(ErrorKind::ActionNotSupported { action: action.to_owned() })
            .subject(&shown)),
        Err(error) => Err(Problem::new(ErrorKind::MalformedXid {
            xid: shown,
            error_detail: error.to_string(),
        })
        .subject(format!("/{action}"))),
    }
}

fn decoded(text: &str) -> String {
    percent_decoded(text).unwrap_or_else(|| text.to_owned())
}
