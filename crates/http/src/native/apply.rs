//! `POST /apply`: a model, entities and deletions in one command; with `?dry_run` only a trial.

use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use muster_catalog::command::{Action, Command, Plan, PlannedDocument, Succession};
use muster_registry::{self as registry, PlanPart, attended_read};
use muster_wire::{
    ErrorKind, Problem,
    apply::{ApplyReport, ApplyRequest, DocumentToApply, FailingDocuments, RefusedPart},
    headers,
    validation::DocumentFindings,
};
use muster_words::{Digest, Xid, json::Value};

use super::{Native, answer, body, query::Parameters};
use crate::{
    Caller, IntoProblem, read_body,
    submit::{correlation, idempotency_key, message, origin, submit},
    xregistry::{conditions, problem_of_failure, problem_of_refusal, violations},
};

const PLACE: &str = "/apply";

pub(super) async fn apply(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    sent: HeaderMap,
    body: axum::body::Body,
) -> Result<Response, IntoProblem> {
    let is_trial = Parameters::parse(query.as_deref(), &["dry_run"], PLACE)?.flag("dry_run")?;
    let bytes = read_body(body).await?;
    let plan = native.registry.long_work().run(async { plan_of(&bytes) }).await?;
    let key = idempotency_key(&caller, &sent, PLACE)?;
    let command = Command {
        conditions: conditions(&sent, PLACE)?,
        idempotency: key.map(|key| (key, digest_of(&sent, &bytes))),
        // A plan that is sent again makes no versions of what is there already.
        succession: Succession::IfDifferent,
        message: message(&sent, PLACE)?,
        ..Command::new(Action::Apply(plan))
    };
    if is_trial {
        let by = origin(&caller);
        let tried = attended_read(async move {
            let trying = async {
                let tried = native.registry.try_plan(command, &by).await;
                tried.map_err(|error| problem_of_failure(error, PLACE))
            };
            native.validations.run(trying).await
        });
        let tried = tried.await.unwrap_or(Err(ErrorKind::ServerError.into()))?;
        return Ok(answer::json(StatusCode::OK, &report_of(tried)));
    }
    Ok(execute(&native, &caller, command).await?)
}

async fn execute(native: &Native, caller: &Caller, command: Command) -> Result<Response, Problem> {
    let registry = &native.registry;
    let before = registry.catalog();
    let changes_checks = match &command.action {
        Action::Apply(plan) => registry::changes_checks(&before, plan),
        _ => false,
    };
    let done = submit(registry, caller, command, PLACE).await?;
    let mut report = ApplyReport { position: done.position.0, ..ApplyReport::default() };
    if changes_checks {
        let after = done.view.catalog();
        match registry.failing_since(before, after, &origin(caller)).await {
            Ok(failing) => report.failing = failing_of(failing),
            // The command is done, whatever its consequences are.
            Err(error) => tracing::warn!(%error, "documents couldn't be judged after a plan"),
        }
    }
    let mut response = answer::json(StatusCode::OK, &report);
    let shown = response.headers_mut();
    shown.insert(headers::MUSTER_POSITION, done.position.0.into());
    if let Some(id) = correlation(registry, &done).await {
        shown.insert(headers::XREGISTRY_CORRELATION_ID, id);
    }
    if let Some(warnings) = headers::warnings(&violations(&done.warnings)) {
        shown.insert(headers::MUSTER_WARNINGS, warnings);
    }
    Ok(response)
}

/// The digest of a request, for its idempotency key.
fn digest_of(sent: &HeaderMap, bytes: &[u8]) -> Digest {
    let condition = sent.get(header::IF_MATCH).map_or(&b""[..], |value| value.as_bytes());
    Digest::of_parts(&[b"POST /apply\0", condition, b"\0", bytes])
}

fn plan_of(bytes: &[u8]) -> Result<Plan, Problem> {
    let request: ApplyRequest = body::read(bytes, PLACE)?;
    let mut plan = Plan { model: request.model.map(Value::Object), ..Plan::default() };
    for group in request.groups {
        plan.groups.push((xid(&group.xid, Kind::Group)?, group.attributes));
    }
    for document in request.documents {
        plan.documents.push(planned(document)?);
    }
    for name in &request.delete {
        plan.deleted.push(xid(name, Kind::Any)?);
    }
    Ok(plan)
}

fn planned(document: DocumentToApply) -> Result<PlannedDocument, Problem> {
    let xid = xid(&document.xid, Kind::Document)?;
    let refused = |detail: &str| body::refused(format!("{xid}: {detail}"), PLACE);
    let bytes: Option<Bytes> = match (document.text, document.base64) {
        (Some(_), Some(_)) => return Err(refused("text and base64 exclude each other")),
        (Some(text), None) => Some(text.into()),
        (None, Some(text)) => {
            let bytes = STANDARD.decode(text).map_err(|_| refused("base64 isn't Base64"))?;
            Some(bytes.into())
        }
        (None, None) => None,
    };
    Ok(PlannedDocument { xid, bytes, attributes: document.attributes })
}

/// What a name must be.
#[derive(Clone, Copy)]
enum Kind {
    Group,
    Document,
    Any,
}

fn xid(text: &str, kind: Kind) -> Result<Xid, Problem> {
    let shown: String = text.chars().take(400).collect();
    let malformed = |detail: String| {
        let kind = ErrorKind::MalformedXid { xid: shown.clone(), error_detail: detail };
        Problem::new(kind).subject(PLACE)
    };
    let xid: Xid =
        text.parse().map_err(|error: muster_words::XidError| malformed(error.to_string()))?;
    match (&xid, kind) {
        (Xid::Group { .. }, Kind::Group | Kind::Any)
        | (Xid::Resource { .. }, Kind::Document | Kind::Any) => Ok(xid),
        (_, Kind::Group) => Err(malformed("it must be the xid of a group".to_owned())),
        (_, Kind::Document) => Err(malformed("it must be the xid of a document".to_owned())),
        (_, Kind::Any) => Err(malformed("it must be the xid of a group or a document".to_owned())),
    }
}

pub(super) fn report_of(trial: registry::PlanTrial) -> ApplyReport {
    let refused = trial.refused.into_iter().map(|refused| RefusedPart {
        target: match refused.part {
            PlanPart::Model => "/model".to_owned(),
            PlanPart::Entity(xid) => xid.to_string(),
        },
        error: problem_of_refusal(refused.refusal).body(),
    });
    ApplyReport {
        position: trial.position.0,
        refused: refused.collect(),
        failing: failing_of(trial.failing),
        is_cut: !trial.is_all,
    }
}

pub(super) fn failing_of(found: registry::FailingDocuments) -> FailingDocuments {
    let documents = found.named.into_iter().map(|(xid, found)| DocumentFindings {
        xid: xid.to_string(),
        violations: violations(&found),
    });
    FailingDocuments {
        failing: found.failing as u64,
        judged: found.judged as u64,
        affected: found.affected as u64,
        documents: documents.collect(),
    }
}
