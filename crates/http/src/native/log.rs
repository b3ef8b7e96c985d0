//! `GET /log[/<xid>]`: who changed what and when, newest first.

mod brief;
mod page;

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::StatusCode;
use muster_catalog::{Content, View};
use muster_history::{CommandPage, CommittedCommand, EditWord, LogQuery, LogRead, LogWalk, Scope};
use muster_registry::{FetchError, Registry};
use muster_wire::{
    ErrorKind, Problem, headers,
    log::{LogEntry, LogPage},
};
use muster_words::Position;

pub(super) use self::brief::NewestCommands;
use self::page::{Told, name};
use super::{Native, actors::ActorNames, answer, query::Parameters};
use crate::{
    Caller, IntoProblem,
    xregistry::{percent_decoded, problem_of_fetch},
};

/// The default number of commands on a page.
const PAGE_USUAL: usize = 50;

/// The maximum number of commands on a page; each may have many changes.
const PAGE_MAX: usize = 1_000;

/// The maximum number of a command's changes that a page lists; the rest are counted.
const CHANGES_MAX: usize = 1_000;

/// The approximate number of changes of all commands on a page: about 10 MiB. A command may have
/// twenty thousand, and a page a thousand commands.
const CHANGES_ENOUGH: usize = 20_000;

/// The same for somebody who wants to see few changes of each command. Reading a command takes as
/// long as it has changes, so the page would be as slow as one with all of them.
const FEW_CHANGES_ENOUGH: usize = 5_000;

/// How many changes of a command are few.
const CHANGES_FEW: usize = 100;

/// `GET /log`: the log of everything.
pub(super) async fn log_of_all(
    native: State<Native>,
    caller: Extension<Caller>,
    query: RawQuery,
) -> Result<Response, IntoProblem> {
    log(native, caller, Path(String::new()), query).await
}

/// `GET /log/<xid>`: the log of an entity and everything in it, or of a collection.
pub(super) async fn log(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let scope = scope(&path)?.seen_within(caller.principal.scope.clone());
    let subject = format!("/log{}", scope.prefix);
    let known = &["after", "before", "limit", "actor", "kind", "changes"];
    let parameters = Parameters::parse(query.as_deref(), known, &subject)?;
    let limit = parameters.limit(PAGE_USUAL, PAGE_MAX)?;
    let words = parameters.value("kind").map(|text| words(&decoded(text), &subject)).transpose()?;
    let listed = parameters.count("changes", CHANGES_MAX)?;
    let view = native.registry.view();
    let head = view.position();
    let query = LogQuery {
        scope,
        after: parameters.position("after")?.unwrap_or(Position::ZERO),
        before: parameters.position("before")?.unwrap_or(head.next()).min(head.next()),
        actor: parameters.value("actor").map(decoded),
        words: words.unwrap_or_default(),
        limit,
        changes_enough: if listed > CHANGES_FEW { CHANGES_ENOUGH } else { FEW_CHANGES_ENOUGH },
    };
    let kept = kept(&parameters);
    // Even one command may have twenty thousand changes.
    let reading = async {
        let brief = brief(&native, &view, (&query, listed)).await;
        if let Some((entries, next)) = brief.map_err(|error| problem_of_fetch(error, &subject))? {
            let next = next.map(|next| next_page(&caller, &query, next, &kept));
            return Ok(answer::json(StatusCode::OK, &LogPage { entries, next }));
        }
        let found = find(&native.registry, &view, &query).await;
        let found = found.map_err(|error| problem_of_fetch(error, &subject))?;
        if found.commands.is_empty() && found.next.is_none() {
            // What was deleted has a log, though nothing in it may be what was asked for.
            let any = query.without_selection();
            let any = find(&native.registry, &view, &any).await;
            let any = any.map_err(|error| problem_of_fetch(error, &subject))?;
            if any.commands.is_empty() && any.next.is_none() {
                check_exists(&view, &query)?;
            }
        }
        let commands = found.commands.iter();
        let facts = commands.map(|command| (command.actor(), command.message()));
        let told = told(&native.registry, &view, facts.collect()).await;
        let told = told.map_err(|error| problem_of_fetch(error, &subject))?;
        Ok(answer::json(StatusCode::OK, &page(&caller, &query, &found, (told, listed, &kept))))
    };
    let mut response = native.logs.run(reading).await?;
    response.headers_mut().insert(headers::MUSTER_POSITION, head.0.into());
    Ok(response)
}

/// The newest commands, from what is remembered of them; none if the query asks for more.
async fn brief(
    native: &Native,
    view: &View,
    (query, listed): (&LogQuery, usize),
) -> Result<Option<(Vec<LogEntry>, Option<Position>)>, FetchError> {
    let registry = &native.registry;
    let Some(page) = native.newest.page(registry, query, listed).await? else { return Ok(None) };
    let facts = page.commands.iter().map(|brief| (brief.actor(), brief.message));
    let told = told(registry, view, facts.collect()).await?;
    let entries = page.commands.iter().zip(told).map(|(brief, told)| brief.told(listed, told));
    Ok(Some((entries.collect(), page.next)))
}

/// Reads who gave each command and why, from its actor and its reason.
async fn told(
    registry: &Registry,
    view: &View,
    facts: Vec<(&str, Option<Content>)>,
) -> Result<Vec<Told>, FetchError> {
    let mut names = ActorNames::default();
    let mut told = Vec::with_capacity(facts.len());
    for (actor, _) in &facts {
        let name = names.of(registry, view.catalog(), actor).await;
        told.push(Told { name, message: None });
    }
    let messages = facts.iter().enumerate();
    let messages: Vec<(usize, Content)> =
        messages.filter_map(|(index, (_, message))| Some((index, (*message)?))).collect();
    let contents: Vec<Content> = messages.iter().map(|(_, content)| *content).collect();
    let texts = registry.contents(&contents).await?;
    for ((index, _), text) in messages.into_iter().zip(texts) {
        told[index].message = text.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    }
    Ok(told)
}

/// Reads what a page needs.
async fn find(
    registry: &Registry,
    view: &View,
    query: &LogQuery,
) -> Result<CommandPage, FetchError> {
    let mut walk = LogWalk::new(query, view);
    while let Some(read) = walk.wanted() {
        let commands = match read {
            LogRead::Command(position) => vec![registry.command_at(position).await?],
            LogRead::Between(from, until) => commands_between(registry, from, until).await?,
        };
        walk.take(read, commands.into_iter());
        // A ledger in memory never waits, but other tasks must get their turn.
        tokio::task::yield_now().await;
    }
    Ok(walk.finish())
}

/// The commands that end after one position and not after another.
async fn commands_between(
    registry: &Registry,
    from: Position,
    until: Position,
) -> Result<Vec<CommittedCommand>, FetchError> {
    let mut commands = Vec::new();
    let mut at = from;
    while at < until {
        let read = registry.commands_between(at, until).await?;
        let Some(last) = read.last() else { break };
        at = last.position();
        commands.extend(read);
    }
    Ok(commands)
}

/// An unknown name is a mistake, which an empty page would hide.
fn check_exists(view: &View, query: &LogQuery) -> Result<(), Problem> {
    let is_whole = query.after == Position::ZERO && query.before > view.position();
    match &query.scope.xid {
        Some(xid) if is_whole && !view.has(xid) => {
            Err(Problem::new(ErrorKind::NotFound).subject(xid))
        }
        _ => Ok(()),
    }
}

fn decoded(text: &str) -> String {
    percent_decoded(text).unwrap_or_else(|| text.to_owned())
}

/// Reads words that are separated by commas. A misspelt one is a mistake, which an empty page would
/// hide.
fn words(text: &str, subject: &str) -> Result<Vec<EditWord>, Problem> {
    let word = |text: &str| EditWord::all().find(|known| name(*known) == text);
    let found: Option<Vec<EditWord>> = text.split(',').map(word).collect();
    found.ok_or_else(|| {
        let known: Vec<String> = EditWord::all().map(name).collect();
        let error_detail = format!("kind is one or several of {}", known.join(", "));
        Problem::new(ErrorKind::BadRequest { error_detail }).subject(subject)
    })
}

fn page(
    caller: &Caller,
    query: &LogQuery,
    found: &CommandPage,
    (told, listed, kept): (Vec<Told>, usize, &str),
) -> LogPage {
    let entry = |(command, told)| page::entry(command, (query, listed), told);
    let next = found.next.map(|next| next_page(caller, query, next, kept));
    LogPage { entries: found.commands.iter().zip(told).map(entry).collect(), next }
}

/// The address of the page that begins before a position.
fn next_page(caller: &Caller, query: &LogQuery, next: Position, kept: &str) -> String {
    let after = match query.after {
        Position::ZERO => String::new(),
        after => format!("&after={after}"),
    };
    let path = &query.scope.prefix;
    let limit = query.limit;
    format!("{}/log{path}?before={next}{after}&limit={limit}{kept}", caller.base)
}

/// What the address of the next page has of this one's, as it was sent.
fn kept(parameters: &Parameters<'_>) -> String {
    let sent = |name| parameters.value(name).map(|value| format!("&{name}={value}"));
    ["actor", "kind", "changes"].into_iter().filter_map(sent).collect()
}

/// The entity or the collection in a path below `/log`.
fn scope(path: &str) -> Result<Scope, Problem> {
    Scope::parse(path).map_err(|error| {
        let shown: String = format!("/{}", path.trim_matches('/')).chars().take(400).collect();
        let error_detail = error.to_string();
        Problem::new(ErrorKind::MalformedXid { xid: shown, error_detail }).subject("/log")
    })
}
