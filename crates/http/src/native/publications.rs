//! `/publish`: the publications, and running one.

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::StatusCode;
use muster_guard::Forbidden;
use muster_publisher::{DestinationError, PublicationReport, PublishError, RenderError, RunError};
use muster_wire::{
    ErrorKind, Problem,
    publications::{PublicationList, PublicationOutcome},
};
use muster_words::Xid;

use super::{Native, answer, query::Parameters};
use crate::{Caller, IntoProblem, problem_of_forbidden, xregistry::problem_of_fetch};

const PLACE: &str = "/publish";

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
pub(super) async fn run(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let xid = super::validate::xid(&format!("/{}", path.trim_matches('/')), "publish")?;
    let subject = xid.to_string();
    let is_trial = Parameters::parse(query.as_deref(), &["dry_run"], PLACE)?.flag("dry_run")?;
    // A publication shows all documents of its collections.
    if caller.principal.scope.is_some() {
        return Err(problem_of_forbidden(Forbidden::Scope, &subject).into());
    }
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
