//! `/sync`: documents that come from other registries and go to them, and conflicts between both.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::{HeaderMap, StatusCode};
use muster_catalog::{View, sync::SyncContent};
use muster_registry::{
    CommandOrigin, CommittedCommand, IncomingDocument, Resolution, SyncError, SyncOutcome,
    SyncedDocument,
};
use muster_relay::{
    carried::{self, NotCarried},
    changes::{self, ChangeId},
};
use muster_wire::{
    ErrorKind, OrOther, Problem, headers,
    sync::{
        ConflictSide, ResolveReport, ResolveRequest, SyncChanged, SyncChanges, SyncDocument,
        SyncOutcomeWord, SyncReport, SyncRequest, SyncRestore, SyncResult, SyncState,
    },
};
use muster_words::{Permission, Position, Xid};
use parking_lot::Mutex;
use tokio::time::timeout;

use super::{Native, answer, body, query::Parameters};
use crate::{
    Caller, IntoProblem, Phase, read_body,
    submit::{check, message, origin},
    xregistry::{problem_of_failure, problem_of_fetch, violations},
};

const PATH: &str = "/sync";

/// The most documents of a request: each is a command of its own, and they are done one after
/// another.
const DOCUMENTS_MAX: usize = 100;

/// The most documents that an answer names: with the largest vectors it has some ten megabytes.
const CHANGES_MAX: usize = 1_000;

/// The longest wait for something new: less than what proxies commonly allow.
const WAIT_SECONDS_MAX: usize = 20;

/// `POST /sync`.
pub(super) async fn sync(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    body: axum::body::Body,
) -> Result<Response, IntoProblem> {
    let bytes = read_body(body).await?;
    let request: SyncRequest = body::read(&bytes, PATH)?;
    if request.documents.len() > DOCUMENTS_MAX {
        let what = format!("a request brings at most {DOCUMENTS_MAX} documents");
        return Err(body::refused(what, PATH).into());
    }
    let way = carried::way_of(&request).map_err(not_carried)?;
    let registry = native.registry.view().id().clone();
    if way.peer(&registry).is_none() {
        return Err(problem_of(SyncError::OtherRegistry { own: registry }, PATH).into());
    }
    let by = origin(&caller);
    let mut documents = Vec::with_capacity(request.documents.len());
    for sent in &request.documents {
        let done = match carried::incoming(sent, &way) {
            Ok(incoming) => taken(&native, &incoming, &by).await,
            Err(refused) => Err(not_carried(refused)),
        };
        documents.push(result(sent, done));
    }
    let restored = native.registry.view().restores().next_back();
    let writer = restored.map(|(_, writer)| writer.to_string());
    let report = SyncReport { registry: registry.to_string(), writer, documents };
    Ok(answer::json(StatusCode::OK, &report))
}

async fn taken(
    native: &Native,
    incoming: &IncomingDocument,
    by: &CommandOrigin,
) -> Result<SyncedDocument, Problem> {
    let done = native.registry.sync(incoming, by).await;
    done.map_err(|error| problem_of(error, &incoming.xid.to_string()))
}

fn result(sent: &SyncDocument, done: Result<SyncedDocument, Problem>) -> SyncResult {
    let (done, warnings) = match done {
        Ok(done) => (Ok(done.outcome), violations(&done.warnings)),
        Err(problem) => (Err(problem), Vec::new()),
    };
    let (outcome, conflict, error) = match done {
        Ok(SyncOutcome::Taken) => (SyncOutcomeWord::Taken, None, None),
        Ok(SyncOutcome::Held) => (SyncOutcomeWord::Held, None, None),
        Ok(SyncOutcome::Joined) => (SyncOutcomeWord::Joined, None, None),
        Ok(SyncOutcome::Merged) => (SyncOutcomeWord::Merged, None, None),
        Ok(SyncOutcome::Conflict(name)) => (SyncOutcomeWord::Conflict, Some(name), None),
        Err(problem) => (SyncOutcomeWord::Refused, None, Some(problem.body())),
    };
    SyncResult {
        xid: sent.xid.chars().take(400).collect(),
        outcome: OrOther::Known(outcome),
        conflict: conflict.map(|name| name.to_string()),
        error,
        warnings,
    }
}

/// `GET /sync/<xid>`.
pub(super) async fn show(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
) -> Result<Response, IntoProblem> {
    let text = format!("/{}", path.trim_matches('/'));
    let shown: String = text.chars().take(400).collect();
    let not_found = || Problem::new(ErrorKind::NotFound).subject(shown.as_str());
    let xid: Xid = text.parse().map_err(|_| not_found())?;
    if !matches!(xid, Xid::Resource { .. }) {
        return Err(not_found().into());
    }
    check(&caller.principal, Permission::ReadDocuments, &text)?;
    let view = native.registry.view();
    let state = native.registry.document_state(&view, &xid).await;
    let state = state.map_err(|error| problem_of(error, &shown))?;
    let document = carried::sent(&xid, &state).ok_or_else(not_found)?;
    let found = SyncState { registry: view.id().to_string(), document };
    let mut response = answer::json(StatusCode::OK, &found);
    response.headers_mut().insert(headers::MUSTER_POSITION, view.position().0.into());
    Ok(response)
}

/// `GET /sync`.
pub(super) async fn list(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let parameters = Parameters::parse(query.as_deref(), &["after", "index", "wait"], PATH)?;
    // Without a position, it begins with what comes next.
    let after = parameters.position("after")?.unwrap_or_else(|| native.registry.view().position());
    let index = match parameters.value("index") {
        None => 0,
        Some(_) => parameters.count("index", usize::MAX)?,
    };
    let seconds = match parameters.value("wait") {
        None => 0,
        Some(_) => parameters.count("wait", WAIT_SECONDS_MAX)?,
    };
    let registry = &native.registry;
    let head = registry.view().position();
    if after > head {
        let detail = format!("the newest position is {head}");
        return Err(super::query::bad_position(&after.to_string(), &detail).into());
    }
    if after == head && seconds > 0 {
        let time = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        wait(&native, &caller, after.next(), time).await?;
    }
    let commands = registry.commands_after(after).await;
    let commands = commands.map_err(|error| problem_of_fetch(error, PATH))?;
    let view = registry.view().seen_within(caller.principal.scope.clone());
    let found = async { changed(&view, (after, index), &commands) };
    // A command may have changed as many documents as there are.
    let found = registry.long_work().run(found).await;
    Ok(answer::json(StatusCode::OK, &found))
}

/// Waits for a position; without something new the answer says so. It ends with the server, and with
/// the key.
async fn wait(
    native: &Native,
    caller: &Caller,
    position: Position,
    time: Duration,
) -> Result<(), Problem> {
    let _seat = Seat::take(&caller.principal.id)
        .ok_or_else(|| Problem::new(ErrorKind::ServerBusy).subject(PATH))?;
    let grant = native.gate.grant(caller)?;
    let mut phase = caller.phase.clone();
    tokio::select! {
        biased;
        () = grant.ended() => {}
        _ = phase.wait_for(|phase| *phase != Phase::Running) => {}
        _ = timeout(time, native.registry.reached(position)) => {}
    }
    match grant.holds() {
        true => Ok(()),
        // Like any request with a key that isn't valid any more.
        false => Err(ErrorKind::KeyRequired.into()),
    }
}

/// The most requests that wait for something new at once.
const WAITERS_MAX: usize = 256;

/// The most of them with one key, so that nobody takes the places of all others.
const WAITERS_OF_ONE_MAX: usize = 32;

/// How many requests wait, by who sent them.
static WAITERS: Mutex<BTreeMap<Arc<str>, usize>> = Mutex::new(BTreeMap::new());

/// The place of a request that waits.
struct Seat(Arc<str>);

impl Seat {
    fn take(principal: &Arc<str>) -> Option<Self> {
        let mut waiters = WAITERS.lock();
        let all: usize = waiters.values().sum();
        let own = waiters.get(principal).copied().unwrap_or_default();
        if all >= WAITERS_MAX || own >= WAITERS_OF_ONE_MAX {
            return None;
        }
        waiters.insert(principal.clone(), own + 1);
        Some(Self(principal.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut waiters = WAITERS.lock();
        match waiters.get_mut(&self.0) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(waiters.remove(&self.0)),
        }
    }
}

/// What commands changed, each document once; without the first ones of the first command.
fn changed(
    view: &View,
    (after, skipped): (Position, usize),
    commands: &[CommittedCommand],
) -> SyncChanges {
    let mut newest: BTreeMap<Xid, ChangeId> = BTreeMap::new();
    let (mut position, mut index) = (after, skipped);
    'commands: for command in commands {
        for change in changes::all_changes_of(command, view).into_iter().skip(index) {
            if newest.len() >= CHANGES_MAX {
                break 'commands;
            }
            newest.insert(change.resource, change.id);
            index += 1;
        }
        (position, index) = (command.position(), 0);
    }
    let is_visible = |xid: &Xid| view.within().is_none_or(|within| within.holds(xid));
    let mut order: Vec<(ChangeId, Xid)> =
        newest.into_iter().map(|(xid, at)| (at, xid)).filter(|(_, xid)| is_visible(xid)).collect();
    order.sort_unstable();
    let documents = order.into_iter().map(|(_, xid)| SyncChanged {
        vector: carried::sent_vector(&view.known_vector(&xid)),
        xid: xid.to_string(),
    });
    let restores = view
        .restores()
        .map(|(position, writer)| SyncRestore { position: position.0, writer: writer.to_string() });
    SyncChanges {
        registry: view.id().to_string(),
        position: position.0,
        index: u64::try_from(index).unwrap_or_default(),
        head: view.position().0,
        restores: restores.collect(),
        documents: documents.collect(),
    }
}

/// `POST /sync/resolve`.
pub(super) async fn resolve(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    sent: HeaderMap,
    body: axum::body::Body,
) -> Result<Response, IntoProblem> {
    const PLACE: &str = "/sync/resolve";
    let bytes = read_body(body).await?;
    let request: ResolveRequest = body::read(&bytes, PLACE)?;
    let name: Xid = request.conflict.parse().map_err(|_| not_carried(NotCarried("conflict")))?;
    let registry = &native.registry;
    let resolution = match (request.take, request.document) {
        (Some(ConflictSide::Ours), None) => Resolution::Ours,
        (Some(ConflictSide::Theirs), None) => Resolution::Theirs,
        (None, Some(document)) => {
            let view = registry.view();
            let record = registry.conflict(&view, &name).await;
            let record = record.map_err(|error| problem_of(error, PLACE))?;
            let local = registry.document_state(&view, &record.document).await;
            let local = local.map_err(|error| problem_of(error, PLACE))?;
            let base = local.content.or(record.theirs.2);
            Resolution::Content(Box::new(written(document, base)?))
        }
        _ => {
            let what = "take and document exclude each other, and one of them must be there";
            return Err(body::refused(what.to_owned(), PLACE).into());
        }
    };
    let why = message(&sent, PLACE)?;
    let done = registry.resolve_conflict(&name, (&resolution, why), &origin(&caller)).await;
    let (record, done) = done.map_err(|error| problem_of(error, PLACE))?;
    let report = ResolveReport {
        document: record.document.to_string(),
        position: done.map(|done| done.position.0),
    };
    Ok(answer::json(StatusCode::OK, &report))
}

/// The content that somebody writes instead of both.
fn written(
    document: muster_wire::sync::ResolvedDocument,
    base: Option<SyncContent>,
) -> Result<SyncContent, Problem> {
    let carrier =
        SyncDocument { text: document.text, base64: document.base64, ..SyncDocument::default() };
    let bytes = carrier.bytes().map_err(|_| not_carried(NotCarried("base64")))?;
    let bytes = bytes.ok_or_else(|| not_carried(NotCarried("document")))?;
    // One of both sides has content: two deletions are no conflict.
    let base = base.ok_or_else(|| not_carried(NotCarried("conflict")))?;
    Ok(SyncContent {
        bytes: Some(bytes.into()),
        content_type: document.contenttype.or(base.content_type),
        ..base
    })
}

fn not_carried(refused: NotCarried) -> Problem {
    body::refused(refused.to_string(), PATH)
}

/// The error for what can't be synced.
fn problem_of(error: SyncError, subject: &str) -> Problem {
    let bad = |detail: String| {
        Problem::new(ErrorKind::BadRequest { error_detail: detail }).subject(subject)
    };
    match error {
        SyncError::Submit(error) => problem_of_failure(error, subject),
        SyncError::NoConflict(name) => Problem::new(ErrorKind::NotFound).subject(&name),
        SyncError::Erased => Problem::new(ErrorKind::Contended).subject(subject),
        SyncError::ChangedSince(_) => {
            Problem::new(ErrorKind::PreconditionFailed { header: "conflict" })
                .subject(subject)
                .detail(error.to_string())
        }
        SyncError::OtherRegistry { .. }
        | SyncError::TooLong(_)
        | SyncError::Untrue(_)
        | SyncError::NotSent(_)
        | SyncError::NoQueue => bad(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_places_of_those_who_wait() {
        let name = |number: usize| Arc::from(format!("waiter{number}"));
        let mut seats: Vec<Seat> = Vec::new();
        for number in 0..9 {
            while let Some(seat) = Seat::take(&name(number)) {
                seats.push(seat);
            }
            let expect = WAITERS_MAX.min((number + 1) * WAITERS_OF_ONE_MAX);
            assert_eq!(seats.len(), expect, "{number}");
        }
        seats.truncate(WAITERS_OF_ONE_MAX);
        assert!(Seat::take(&name(0)).is_none());
        seats.clear();
        assert!(WAITERS.lock().is_empty());
    }
}
