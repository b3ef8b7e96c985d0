//! `/propagation`: what is sent where, and what operators may do about it.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::StatusCode;
use muster_relay::{
    Engine,
    delivery::DeliveryEnd,
    engine::{ControlError, LinkStatus},
    store::{DeadLetter, LinkKey, StoreError},
};
use muster_wire::{
    ErrorKind, Problem,
    propagation::{
        DeadLetterPage, DeadLetterReport, FailedLetter, InboundReport, LinkList, LinkReport,
        PropagationAction, PropagationEvent, PropagationEventPage, PropagationMetrics,
        PropagationRequest, PropagationResult, TargetList, TargetReport, TryPage, TryReport,
        UnusableReport,
    },
};
use muster_words::Xid;

use super::{Native, answer, body, query::Parameters};
use crate::{IntoProblem, read_body, xregistry::percent_decoded};

/// The most rows of a page.
const PAGE_MAX: usize = 1_000;

/// The path of what operators do.
const ACTIONS: &str = "/propagation/actions";

/// The engine; there is none where the built-in model is left out.
pub(super) fn engine(native: &Native) -> Result<&Arc<Engine>, Problem> {
    native.engine.as_ref().ok_or_else(|| Problem::new(ErrorKind::NotFound).subject("/propagation"))
}

fn unreadable(error: &StoreError) -> Problem {
    tracing::error!(%error, "the file of propagation can't be used");
    ErrorKind::StoreUnavailable.into()
}

/// A filter from the query.
fn filter(parameters: &Parameters<'_>, name: &str) -> Option<String> {
    let text = parameters.value(name)?;
    Some(percent_decoded(text).unwrap_or_else(|| text.to_owned()))
}

fn is_of(wanted: Option<&String>, found: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
}

/// `GET /propagation/sessions`: the routes with their targets.
pub(super) async fn links(
    State(native): State<Native>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let known = ["after", "limit", "route", "target", "state"];
    let parameters = Parameters::parse(query.as_deref(), &known, "/propagation/sessions")?;
    let [after, _, route, target, state] = known.map(|name| filter(&parameters, name));
    let after = after.map(|text| link_named(&text)).transpose()?;
    let limit = parameters.limit(PAGE_MAX, PAGE_MAX)?;
    let engine = engine(&native)?;
    let is_wanted = |link: &LinkStatus| {
        is_of(route.as_ref(), &link.key.route.to_string())
            && is_of(target.as_ref(), &link.key.target.to_string())
            && is_of(state.as_ref(), link.state)
    };
    let page = engine.link_page(after.as_ref(), limit, is_wanted).await;
    let page = page.map_err(|error| unreadable(&error))?;
    let last = page.links.last().filter(|_| page.has_more);
    let next = last.map(|link| format!("{}{LINK_SEPARATOR}{}", link.key.route, link.key.target));
    let broken = engine
        .broken()
        .into_iter()
        .map(|broken| UnusableReport { xid: broken.name.to_string(), reason: broken.reason });
    let broken = broken.filter(|broken| {
        let is_named = |wanted: &Option<String>| wanted.as_ref() == Some(&broken.xid);
        let is_filtered = route.is_some() || target.is_some() || state.is_some();
        !is_filtered || is_named(&route) || is_named(&target)
    });
    // They belong to no page, so they are on the first one.
    let broken = broken.take(if after.is_none() { PAGE_MAX } else { 0 });
    let sessions = page.links.iter().map(link).collect();
    Ok(answer::json(StatusCode::OK, &LinkList { sessions, broken: broken.collect(), next }))
}

/// What stands between the route and the target in the name of a link. No xid holds it.
const LINK_SEPARATOR: char = ',';

/// The link after which a page begins.
fn link_named(text: &str) -> Result<LinkKey, Problem> {
    let found = text.split_once(LINK_SEPARATOR).and_then(|(route, target)| {
        Some(LinkKey { route: route.parse().ok()?, target: target.parse().ok()? })
    });
    found.ok_or_else(|| {
        Problem::new(ErrorKind::BadRequest {
            error_detail: "after must be what next of another page says".to_owned(),
        })
    })
}

fn link(status: &LinkStatus) -> LinkReport {
    LinkReport {
        route: status.key.route.to_string(),
        target: status.key.target.to_string(),
        mode: status.mode.to_owned(),
        state: status.state.to_owned(),
        reason: status.reason.clone(),
        position: status.mark.0,
        live: status.is_live,
        behind: status.lag_entries,
        behind_s: status.lag.as_secs(),
        waiting: status.unfinished,
        delivered: status.delivered,
        dead: status.dead,
        inbound: status.inbound.as_ref().map(|back| InboundReport {
            peer: back.peer.as_ref().map(ToString::to_string),
            position: back.mark.0,
            behind: back.behind,
            waiting: back.waiting,
            taken: back.taken,
            error: back.error.clone(),
        }),
    }
}

/// `GET /propagation/targets`.
pub(super) async fn targets(State(native): State<Native>) -> Result<Response, IntoProblem> {
    let found = engine(&native)?.targets();
    let targets = found.into_iter().map(|status| TargetReport {
        target: status.name.to_string(),
        kind: status.kind.to_owned(),
        place: status.place,
        enabled: status.enabled,
        held: status.held,
        breaker: status.breaker.name().to_owned(),
        failures: status.failures,
        in_flight: status.in_flight,
        max_in_flight: status.max_in_flight,
    });
    Ok(answer::json(StatusCode::OK, &TargetList { targets: targets.collect() }))
}

/// `GET /propagation/events`: what happened to routes and targets lately.
pub(super) async fn events(
    State(native): State<Native>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let known = ["after", "limit", "route", "target"];
    let parameters = Parameters::parse(query.as_deref(), &known, "/propagation/events")?;
    let after = parameters.position("after")?.unwrap_or_default().0;
    let limit = parameters.limit(PAGE_MAX, PAGE_MAX)?;
    let (route, target) = (filter(&parameters, "route"), filter(&parameters, "target"));
    let found = engine(&native)?.depot().trail.events_after(after);
    let events = found.into_iter().map(|event| PropagationEvent {
        number: event.number,
        time: event.time.to_string(),
        event_type: event.kind.to_owned(),
        route: event.route,
        target: event.target,
        detail: event.detail,
    });
    let events: Vec<_> = events
        .filter(|event| {
            is_of(route.as_ref(), &event.route) && is_of(target.as_ref(), &event.target)
        })
        .take(limit)
        .collect();
    let last = events.last().map_or(after, |event| event.number);
    Ok(answer::json(StatusCode::OK, &PropagationEventPage { events, last }))
}

/// `GET /propagation/logs`: the newest tries.
pub(super) async fn tries(
    State(native): State<Native>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let known = ["after", "limit", "route", "target"];
    let parameters = Parameters::parse(query.as_deref(), &known, "/propagation/logs")?;
    let after = parameters.position("after")?.unwrap_or_default().0;
    let limit = parameters.limit(PAGE_MAX, PAGE_MAX)?;
    let (route, target) = (filter(&parameters, "route"), filter(&parameters, "target"));
    let found = engine(&native)?.depot().trail.tries_after(after);
    let tries = found.into_iter().map(|record| TryReport {
        number: record.number,
        time: record.time.to_string(),
        route: record.key.route.to_string(),
        target: record.key.target.to_string(),
        event: record.change.id.to_string(),
        xid: record.change.resource.to_string(),
        change: record.change.kind.name().to_owned(),
        attempt: record.attempt,
        delivered: record.taken,
        outcome: record.outcome,
        took_ms: record.milliseconds,
    });
    let tries: Vec<_> = tries
        .filter(|one| is_of(route.as_ref(), &one.route) && is_of(target.as_ref(), &one.target))
        .take(limit)
        .collect();
    let last = tries.last().map_or(after, |one| one.number);
    Ok(answer::json(StatusCode::OK, &TryPage { tries, last }))
}

/// `GET /propagation/metrics`: counts since the start.
pub(super) async fn metrics(State(native): State<Native>) -> Result<Response, IntoProblem> {
    let counts = engine(&native)?.counts();
    let metrics = PropagationMetrics {
        delivered: counts.delivered,
        failed: counts.failed,
        retried: counts.retried,
        dead: counts.died,
        waiting: counts.unfinished,
    };
    Ok(answer::json(StatusCode::OK, &metrics))
}

/// `GET /propagation/dead-letters`.
pub(super) async fn dead_letters(
    State(native): State<Native>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let known = ["after", "limit", "route", "target"];
    let parameters = Parameters::parse(query.as_deref(), &known, "/propagation/dead-letters")?;
    let after = parameters.position("after")?.unwrap_or_default().0.cast_signed();
    let limit = parameters.limit(PAGE_MAX, PAGE_MAX)?;
    let (route, target) = (filter(&parameters, "route"), filter(&parameters, "target"));
    let store = &engine(&native)?.depot().store;
    let found = store.dead_letters(after, limit + 1, route, target).await;
    let mut found = found.map_err(|error| unreadable(&error))?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let letters: Vec<DeadLetterReport> = found.iter().map(letter).collect();
    let next = letters.last().filter(|_| has_more).map(|letter| letter.letter);
    Ok(answer::json(StatusCode::OK, &DeadLetterPage { letters, next }))
}

fn letter(letter: &DeadLetter) -> DeadLetterReport {
    DeadLetterReport {
        letter: letter.id.cast_unsigned(),
        route: letter.key.route.to_string(),
        target: letter.key.target.to_string(),
        event: letter.change.to_string(),
        xid: letter.resource.to_string(),
        change: letter.kind.name().to_owned(),
        reason: letter.reason.clone(),
        attempts: letter.failed,
        first: letter.first.to_string(),
        last: letter.last.to_string(),
    }
}

/// `POST /propagation/actions`: pauses, resumes, tries again, and dead letters.
pub(super) async fn act(
    State(native): State<Native>,
    body: axum::body::Body,
) -> Result<Response, IntoProblem> {
    let request = body::read::<PropagationRequest>(&read_body(body).await?, ACTIONS)?;
    let engine = engine(&native)?;
    let done = match request.action {
        PropagationAction::Replay => replay(engine, &request.letters).await,
        PropagationAction::Purge => {
            let ids = request.letters.iter().map(|id| id.cast_signed()).collect();
            let count = engine.depot().store.bury(ids).await.map_err(|error| unreadable(&error))?;
            PropagationResult { done: count as u64, failed: Vec::new() }
        }
        action => {
            let done = of_target(engine, action, request.target.as_deref()).await?;
            PropagationResult { done, failed: Vec::new() }
        }
    };
    Ok(answer::json(StatusCode::OK, &done))
}

/// Does something to a target. Returns how often: a retry counts the deliveries that are tried.
async fn of_target(
    engine: &Engine,
    action: PropagationAction,
    target: Option<&str>,
) -> Result<u64, Problem> {
    let Some(target) = target else {
        return Err(body::refused("target is missing".to_owned(), ACTIONS));
    };
    let missing = || Problem::new(ErrorKind::NotFound).subject(target);
    let name: Xid = target.parse().map_err(|_| missing())?;
    let done = match action {
        PropagationAction::Pause => engine.pause(&name).await.map(|()| 1),
        PropagationAction::Resume => engine.resume(&name).await.map(|()| 1),
        PropagationAction::ResetBreaker => engine.reset_breaker(&name).map(|()| 1),
        _ => engine.retry(&name),
    };
    done.map_err(|error| problem(&error, target))
}

fn problem(error: &ControlError, subject: &str) -> Problem {
    match error {
        ControlError::Unknown(_) | ControlError::NoLetter(_) => {
            Problem::new(ErrorKind::NotFound).subject(subject).detail(format!("{error}."))
        }
        // Only a replay meets these, and it lists them with their letters.
        ControlError::Closed(..) | ControlError::Fetch(_) => ErrorKind::StoreUnavailable.into(),
        ControlError::Store(error) => unreadable(error),
    }
}

/// Replays dead letters one after another. What was delivered is delivered, so the answer says what
/// became of each, also if the rest can't be tried.
async fn replay(engine: &Engine, letters: &[u64]) -> PropagationResult {
    let mut result = PropagationResult { done: 0, failed: Vec::new() };
    let mut is_over = false;
    for id in letters {
        let reason = match is_over {
            true => Some("it wasn't tried: dead letters can't be read now".to_owned()),
            false => match engine.replay(id.cast_signed()).await {
                Ok(DeliveryEnd::Delivered | DeliveryEnd::Skipped) => None,
                Ok(DeliveryEnd::Dead(letter)) => Some(letter.reason),
                Ok(DeliveryEnd::Stopped) => Some("the server stops".to_owned()),
                Err(error) => {
                    is_over = matches!(error, ControlError::Store(_));
                    if is_over {
                        tracing::error!(%error, "a replay of dead letters ended early");
                    }
                    Some(error.to_string())
                }
            },
        };
        match reason {
            Some(reason) => result.failed.push(FailedLetter { letter: *id, reason }),
            None => result.done += 1,
        }
    }
    result
}
