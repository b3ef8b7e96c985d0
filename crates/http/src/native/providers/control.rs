use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::{StatusCode, Uri};
use muster_catalog::command::{Action, Command, Mode, SentDocument, Target, Write, WriteBody};
use muster_providers::{LiveProvider, ProviderSource};
use muster_wire::{ErrorKind, Problem, providers::DiscoveryReport};
use muster_words::{Xid, json::Value};
use serde_json::Map;

use super::{Native, answer, found, missing, problem_of, report};
use crate::{Caller, IntoProblem, LiveProviders, submit, xregistry::DecodedQuery};

/// `POST /providers/<name>/start`, and the other commands.
pub(in crate::native) async fn control(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Response, IntoProblem> {
    let providers = native.live().await?;
    let live = providers.live();
    let done = match uri.path().rsplit('/').next().unwrap_or_default() {
        "start" => start(&native, providers, &caller, &name).await?,
        "stop" => stop(&native, providers, &caller, &name).await?,
        action => {
            let asked = found(providers, &caller, &name)?;
            let done = match action {
                "restart" => live.restart_provider(&name).await,
                "probe" => live.probe_provider(&name).await.map(drop),
                _ => live.reset_provider(&name),
            };
            done.map_err(|error| problem_of(&error))?;
            asked
        }
    };
    let shown = report::of_provider(providers, &caller, &done);
    Ok(answer::json(StatusCode::OK, &shown))
}

/// Starts a provider. Where its document says that it is disabled, the document is changed, and
/// taken as the follower takes it.
async fn start(
    native: &Native,
    providers: &LiveProviders,
    caller: &Caller,
    name: &str,
) -> Result<Arc<LiveProvider>, Problem> {
    let live = providers.live();
    if live.has_provider(name) {
        live.start_provider(name).await.map_err(|error| problem_of(&error))?;
    } else {
        let xid = providers.owner(name).ok_or_else(|| missing(name))?;
        set_enabled(native, caller, &xid, true).await?;
        let line = providers.take_one(&xid).await;
        if let Some(error_detail) = line.and_then(|line| line.reason) {
            let kind = ErrorKind::BadRequest { error_detail };
            return Err(Problem::new(kind).subject(xid.to_string()));
        }
    }
    found(providers, caller, name)
}

/// Stops a provider. One that a document declares is disabled there, so that it stays stopped; any
/// other is stopped until this process ends.
async fn stop(
    native: &Native,
    providers: &LiveProviders,
    caller: &Caller,
    name: &str,
) -> Result<Arc<LiveProvider>, Problem> {
    let live = found(providers, caller, name)?;
    match providers.owner(name) {
        Some(xid) if live.source() == ProviderSource::Document => {
            set_enabled(native, caller, &xid, false).await?;
            providers.take_one(&xid).await;
        }
        _ => {
            let done = providers.live().stop_provider(name).await;
            done.map_err(|error| problem_of(&error))?;
        }
    }
    Ok(live)
}

/// Changes what a document says of `enabled`, as a command of the caller.
async fn set_enabled(
    native: &Native,
    caller: &Caller,
    xid: &Xid,
    enabled: bool,
) -> Result<(), Problem> {
    let subject = xid.to_string();
    let gone = || Problem::new(ErrorKind::NotFound).subject(&subject);
    let view = native.registry.view();
    let content = view.version_at(xid).and_then(|version| version.document).ok_or_else(gone)?;
    let read = native.registry.contents(&[content]).await;
    let bytes = read.ok().and_then(|all| all.into_iter().next().flatten()).ok_or_else(gone)?;
    let mut value: Value = muster_words::json::parse(&bytes).map_err(|_| {
        let error_detail =
            "the document isn't JSON; change `enabled` in it, and put it again".to_owned();
        Problem::new(ErrorKind::BadRequest { error_detail }).subject(&subject)
    })?;
    value["enabled"] = enabled.into();
    let sent = SentDocument {
        bytes: serde_json::to_vec_pretty(&value).unwrap_or_default().into(),
        content_type: Some("application/json".to_owned()),
        attributes: Map::new(),
    };
    let body = WriteBody::Document(sent);
    let write = Write { mode: Mode::Put, target: Target::Entity(xid.clone()), body };
    let command = Command::new(Action::Write(write));
    submit(&native.registry, caller, command, &subject).await.map(drop)
}

/// `POST /providers/discover`.
pub(in crate::native) async fn discover(
    State(native): State<Native>,
    RawQuery(raw): RawQuery,
) -> Result<Response, IntoProblem> {
    let providers = native.live().await?;
    let query = DecodedQuery::parse(raw.as_deref());
    let done = providers.discovery().discover_all(query.has("force")).await;
    done.log();
    let report = DiscoveryReport {
        providers: done.lines.into_iter().map(report::of_line).collect(),
        warnings: done.warnings,
    };
    Ok(answer::json(StatusCode::OK, &report))
}
