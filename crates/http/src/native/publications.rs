//! `/publish`: the publications, and running one.

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    response::Response,
    routing::{MethodFilter, MethodRouter, on},
};
use http::StatusCode;
use muster_guard::Forbidden;
use muster_publisher::{
    DestinationError, EarlierSite, HistoryError, PublicationReport, PublishError, RenderError,
    RunError,
};
use muster_wire::{
    ErrorKind, Problem,
    publications::{EarlierPublication, PublicationList, PublicationOutcome},
};
use muster_words::Xid;
use tokio::sync::Semaphore;

use super::{Native, answer, query::Parameters};
use crate::{Caller, IntoProblem, problem_of_forbidden, xregistry::problem_of_fetch};

const PLACE: &str = "/publish";

/// How many look for an earlier publication at once.
static WALKS: Semaphore = Semaphore::const_new(2);

/// `GET /publish`.
pub(super) async fn list(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, IntoProblem> {
    let view = native.registry.view().seen_within(caller.principal.scope.clone());
    let publications = match &native.publisher {
        None => Vec::new(),
        Some(publisher) => {
            let statuses = publisher.statuses(&view).await;
            statuses.map_err(|error| problem_of_fetch(error, PLACE))?
        }
    };
    Ok(answer::json(StatusCode::OK, &PublicationList { publications }))
}

/// `POST /publish/<xid>`.
async fn run(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let xid = publication(&caller, &path)?;
    let subject = xid.to_string();
    let is_trial = Parameters::parse(query.as_deref(), &["dry_run"], PLACE)?.flag("dry_run")?;
    let missing = || Problem::new(ErrorKind::NotFound).subject(&subject);
    let publisher = native.publisher.clone().ok_or_else(missing)?;
    // It goes on when the client has left: what was begun is brought to its end.
    let running = tokio::spawn(async move {
        let ran = publisher.run(&xid, is_trial).await;
        ran.map(|report| outcome(&xid, report, is_trial))
    });
    let ran = running.await.map_err(|_| Problem::from(ErrorKind::ServerError))?;
    let outcome = ran.map_err(|error| problem(error, &subject))?;
    Ok(answer::json(StatusCode::OK, &outcome))
}

/// The publication that a path names. It shows all documents of its collections, so a key with a scope
/// gets none.
fn publication(caller: &Caller, path: &str) -> Result<Xid, Problem> {
    let xid = super::validate::xid(&format!("/{}", path.trim_matches('/')), "publish")?;
    match caller.principal.scope {
        None => Ok(xid),
        Some(_) => Err(problem_of_forbidden(Forbidden::Scope, &xid.to_string())),
    }
}

/// What is asked of one publication.
pub(super) fn one(method: MethodFilter) -> MethodRouter<Native> {
    if method == MethodFilter::POST { on(method, run) } else { on(method, show) }
}

/// `GET /publish/<xid>?version=`: what it published with this number or this tag, or last.
async fn show(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let xid = publication(&caller, &path)?;
    let subject = xid.to_string();
    let parameters = Parameters::parse(query.as_deref(), &["version"], PLACE)?;
    let version = parameters.value("version").map(str::to_owned);
    let wanted = version.map_or(EarlierSite::Newest, EarlierSite::Version);
    let missing = || Problem::new(ErrorKind::NotFound).subject(&subject);
    let publisher = native.publisher.as_ref().ok_or_else(missing)?;
    // Whoever asks for an old one reads the whole history on the way.
    let _turn = WALKS.acquire().await;
    let found = publisher.earlier(&xid, &wanted).await;
    let manifest = found.map_err(|error| match error {
        RunError::From { source, .. } if matches!(*source, HistoryError::Absent) => missing(),
        error => problem(error, &subject),
    })?;
    let earlier = EarlierPublication {
        xid: subject,
        version: manifest.version,
        tag: manifest.tag,
        position: manifest.position,
        issued: manifest.issued,
    };
    Ok(answer::json(StatusCode::OK, &earlier))
}

fn outcome(xid: &Xid, report: PublicationReport, is_trial: bool) -> PublicationOutcome {
    PublicationOutcome { dry_run: is_trial, ..report.outcome(&xid.to_string()) }
}

fn problem(error: RunError, subject: &str) -> Problem {
    let error_detail = error.to_string();
    match error {
        RunError::Absent(_) => Problem::new(ErrorKind::NotFound).subject(subject),
        RunError::Fetch(error) | RunError::Keys(RenderError::Fetch(error)) => {
            problem_of_fetch(error, subject)
        }
        RunError::Publish { source, .. } if is_failure(&source) => {
            Problem::new(ErrorKind::PublicationFailed { error_detail }).subject(subject)
        }
        RunError::Untold { .. } => {
            Problem::new(ErrorKind::PublicationFailed { error_detail }).subject(subject)
        }
        RunError::Document { .. }
        | RunError::Unlisted { .. }
        | RunError::From { .. }
        | RunError::Keys(_)
        | RunError::Publish { .. } => {
            Problem::new(ErrorKind::PublicationBroken { error_detail }).subject(subject)
        }
    }
}

/// Whether something broke, as opposed to a publication that isn't allowed as it is.
const fn is_failure(error: &PublishError) -> bool {
    matches!(
        error,
        PublishError::Source(_)
            | PublishError::Compression(_)
            | PublishError::Destination(
                DestinationError::System { .. }
                    | DestinationError::NoBucket { .. }
                    | DestinationError::Denied { .. }
                    | DestinationError::Refused { .. },
            )
    )
}
