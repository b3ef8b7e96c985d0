//! `POST /rollback`: gives a place an earlier state again, as new entries; with `?dry_run` only a
//! trial.

use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};
use muster_catalog::{
    View,
    command::{Action, Command, RegistryPart, Rollback, RollbackTarget, Succession},
};
use muster_history::{ChangedEntity, EntityDifference, changed_entities};
use muster_registry::{self as registry, Done, ViewError, attended_read};
use muster_relay::difference::field_change;
use muster_wire::{
    ErrorCode, ErrorKind, OrOther, Problem, headers,
    rollback::{RollbackAct, RollbackReport, RollbackRequest, RollbackStep, RollbackTo},
};
use muster_words::{Digest, Moment, Position};

use super::{Native, answer, apply, body, place, query::Parameters};
use crate::{
    Caller, IntoProblem, read_body,
    submit::{correlation, idempotency_key, message, origin, submit},
    xregistry::{problem_of_failure, problem_of_fetch, view_named, violations},
};

const PATH: &str = "/rollback";

pub(super) async fn rollback(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    sent: HeaderMap,
    body: axum::body::Body,
) -> Result<Response, IntoProblem> {
    let is_trial = Parameters::parse(query.as_deref(), &["dry_run"], PATH)?.flag("dry_run")?;
    let bytes = read_body(body).await?;
    let request: RollbackRequest = body::read(&bytes, PATH)?;
    let place = place::parse(request.xid.as_deref().unwrap_or("/"), PATH)?;
    let to = target(&native, request.to, &place).await?;
    let unchanged_since = match request.unchanged_since {
        None => None,
        Some(position) => {
            let seen = view_named(&native.registry, &position.to_string(), PATH).await?;
            Some((seen.stamp(), seen.moment()))
        }
    };
    let key = idempotency_key(&caller, &sent, PATH)?;
    let action =
        Action::Rollback(Rollback { place: place.clone(), to: to.clone(), unchanged_since });
    let command = Command {
        idempotency: key.map(|key| (key, Digest::of_parts(&[b"POST /rollback\0", &bytes]))),
        succession: Succession::AsSent,
        message: message(&sent, PATH)?,
        ..Command::new(action)
    };
    let mut report = match is_trial {
        true => tried(&native, &caller, command).await?,
        false => return done(&native, &caller, command, (&place, &to)).await,
    };
    add_target(&mut report, &native.registry.view(), &to);
    Ok(answer::json(StatusCode::OK, &report))
}

/// The state that a request names.
async fn target(
    native: &Native,
    to: RollbackTo,
    place: &RegistryPart,
) -> Result<RollbackTarget, Problem> {
    if to.sync.is_none() && (to.since.is_some() || to.until.is_some()) {
        return Err(body::refused("to.since and to.until go with to.sync".to_owned(), PATH));
    }
    let named = match (to.position, to.time, to.version, to.sync) {
        (None, None, None, Some(sync)) => {
            return before_sync(native, &sync, (to.since, to.until)).await;
        }
        (None, None, Some(version), None) => {
            let is_resource =
                matches!(place, RegistryPart::Entity(muster_words::Xid::Resource { .. }));
            let id = version.parse().ok().filter(|_| is_resource);
            return id.map(RollbackTarget::Version).ok_or_else(|| {
                let what = "to.version needs the xid of a document, and the id of a version of it";
                body::refused(what.to_owned(), PATH)
            });
        }
        (Some(position), None, None, None) => position.to_string(),
        (None, Some(time), None, None) => time,
        _ => {
            let what = "to must name one of position, time, version and sync";
            return Err(body::refused(what.to_owned(), PATH));
        }
    };
    let view = view_named(&native.registry, &named, PATH).await?;
    Ok(RollbackTarget::At { stamp: view.stamp(), moment: view.moment() })
}

/// What documents said before a sync wrote them.
async fn before_sync(
    native: &Native,
    sync: &str,
    (since, until): (Option<String>, Option<u64>),
) -> Result<RollbackTarget, Problem> {
    let sync = sync.parse().map_err(|_| body::refused("to.sync isn't an id".to_owned(), PATH))?;
    let since = match &since {
        None => Position::ZERO,
        // A time before the beginning means everything since then.
        Some(named) => match view_named(&native.registry, named, PATH).await {
            Ok(view) => view.position(),
            Err(_) if is_before_beginning(native, named).await => Position::ZERO,
            Err(problem) => return Err(problem),
        },
    };
    let until = until.map_or_else(|| native.registry.view().position(), Position);
    Ok(RollbackTarget::BeforeSync { sync, since, until })
}

async fn is_before_beginning(native: &Native, named: &str) -> bool {
    let Ok(time) = Moment::parse(named) else { return false };
    let found = native.registry.view_at_time(time).await;
    matches!(found, Err(ViewError::BeforeBeginning { .. }))
}

async fn tried(
    native: &Native,
    caller: &Caller,
    command: Command,
) -> Result<RollbackReport, Problem> {
    let by = origin(caller);
    let (registry, turns) = (native.registry.clone(), native.validations.clone());
    let tried = attended_read(async move {
        let trying = async {
            let tried = registry.try_rollback(command, &by).await;
            tried.map_err(|error| explained(problem_of_failure(error, PATH)))
        };
        turns.run(trying).await
    });
    let found = tried.await.unwrap_or(Err(ErrorKind::ServerError.into()))?;
    let judged = apply::report_of(found.trial);
    let step = |step: registry::RollbackStep| RollbackStep {
        xid: step.xid.to_string(),
        act: act(step.difference),
        version: step.version.map(|id| id.to_string()),
        fields: step.fields.into_iter().map(field_change).collect(),
    };
    Ok(RollbackReport {
        position: judged.position,
        steps: found.steps.into_iter().map(step).collect(),
        purged: found.erased.iter().map(ToString::to_string).collect(),
        kept: found.kept.iter().map(ToString::to_string).collect(),
        refused: judged.refused,
        failing: judged.failing,
        is_cut: judged.is_cut,
        ..RollbackReport::default()
    })
}

async fn done(
    native: &Native,
    caller: &Caller,
    command: Command,
    (place, to): (&RegistryPart, &RollbackTarget),
) -> Result<Response, IntoProblem> {
    let registry = &native.registry;
    let done = submit(registry, caller, command, PATH).await.map_err(explained)?;
    let mut report = RollbackReport { position: done.position.0, ..RollbackReport::default() };
    if let Some(before) = before(native, &done).await? {
        report.steps = steps(&before, &done.view, place);
        let after = done.view.catalog();
        let found = registry.failing_since(before.catalog().clone(), after, &origin(caller)).await;
        match found {
            Ok(failing) => report.failing = apply::failing_of(failing),
            // The command is done, whatever its consequences are.
            Err(error) => tracing::warn!(%error, "documents couldn't be judged after a rollback"),
        }
    }
    if let RollbackTarget::At { stamp, moment } = to {
        let then = done.view.back_to(*stamp, *moment);
        let left = changed_entities(&done.view, &then, place);
        let purged = left.filter(|one| then.erased(&one.xid).is_some());
        report.purged = purged.map(|one| one.xid.to_string()).collect();
    }
    add_target(&mut report, &done.view, to);
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

/// The view before a command; none if it changed nothing.
async fn before(native: &Native, done: &Done) -> Result<Option<View>, Problem> {
    if done.command.is_none() && !done.repeat {
        return Ok(None);
    }
    let bounds = native.registry.bounds_at(done.position).await;
    let before = bounds.map_err(|error| problem_of_fetch(error, PATH))?.before;
    let view = native.registry.view_at(before).await;
    Ok(Some(view.map_err(|_| Problem::from(ErrorKind::ServerError))?))
}

/// What a command changed at a place.
fn steps(before: &View, after: &View, place: &RegistryPart) -> Vec<RollbackStep> {
    let step = |ChangedEntity { xid, difference }| {
        let document = |view: &View| view.version_at(&xid).and_then(|version| version.document);
        let is_new = document(before) != document(after);
        let version = after.version_at(&xid).filter(|_| is_new).map(|one| one.id.to_string());
        let act = act(difference);
        RollbackStep { xid: xid.to_string(), act, version, fields: Vec::new() }
    };
    changed_entities(before, after, place).map(step).collect()
}

const fn act(difference: EntityDifference) -> OrOther<RollbackAct> {
    OrOther::Known(match difference {
        EntityDifference::Added => RollbackAct::Add,
        EntityDifference::Removed => RollbackAct::Delete,
        EntityDifference::Changed => RollbackAct::Change,
    })
}

/// Adds which state it goes back to.
fn add_target(report: &mut RollbackReport, view: &View, to: &RollbackTarget) {
    let RollbackTarget::At { stamp, moment } = to else { return };
    let Position(position) = stamp.position;
    report.to = Some(position);
    report.other_model = view.back_to(*stamp, *moment).model_stamp() != view.model_stamp();
}

/// What to do about a rollback that is too large.
fn explained(problem: Problem) -> Problem {
    if problem.code() != ErrorCode::CommandTooLarge {
        return problem;
    }
    problem.detail(
        "A rollback changes at most 20,000 groups and documents, and brings back at most 8 MiB, in \
         one command. Roll back one group or collection after another.",
    )
}
