use std::time::Duration;

use axum::{
    Extension,
    extract::{Path, RawQuery, State},
    response::Response,
};
use http::{StatusCode, Uri};
use muster_catalog::command::{Action, Command, Mode, SentDocument, Target, Write, WriteBody};
use muster_providers::ProviderSource;
use muster_wire::{
    ErrorKind, Problem,
    providers::{DiscoveryLine, DiscoveryReport},
};
use muster_words::{Xid, json::Value};
use serde_json::Map;

use super::{Native, answer, found, missing, problem_of, report};
use crate::{Caller, IntoProblem, LiveProviders, submit, xregistry::DecodedQuery};

/// How long a start waits until the document that was changed is live.
const LIVE_WAIT: Duration = Duration::from_secs(5);

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
        "restart" => live.restart_provider(&name).await,
        "probe" => live.probe_provider(&name).await.map(drop),
        _ => live.reset_provider(&name),
    };
    done.map_err(|error| problem_of(&error))?;
    let shown = found(providers, &caller, &name)?;
    let shown = report::of_provider(providers, &shown, live.now_ms());
    Ok(answer::json(StatusCode::OK, &shown))
}

type Done = Result<(), muster_providers::ProviderError>;

/// Starts a provider. Where its document says that it is disabled, the document is changed.
async fn start(
    native: &Native,
    providers: &LiveProviders,
    caller: &Caller,
    name: &str,
) -> Result<Done, Problem> {
    let live = providers.live();
    if live.has_provider(name) {
        return Ok(live.start_provider(name).await);
    }
    let xid = providers.owner(name).ok_or_else(|| missing(name))?;
    set_enabled(native, caller, &xid, true).await?;
    // The follower makes it live.
    let is_live = async {
        while !live.has_provider(name) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = tokio::time::timeout(LIVE_WAIT, is_live).await;
    Ok(Ok(()))
}

/// Stops a provider. One that a document declares is disabled there, so that it stays stopped; any
/// other is stopped until this process ends.
async fn stop(
    native: &Native,
    providers: &LiveProviders,
    caller: &Caller,
    name: &str,
) -> Result<Done, Problem> {
    let live = providers.live().get_provider(name).ok_or_else(|| missing(name))?;
    if live.source() == ProviderSource::Document
        && let Some(xid) = providers.owner(name)
    {
        set_enabled(native, caller, &xid, false).await?;
    }
    match providers.live().stop_provider(name).await {
        // The follower was faster.
        Err(_) => Ok(Ok(())),
        done => Ok(done),
    }
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
    let line = |line: muster_providers::ReportLine| DiscoveryLine {
        name: line.name,
        declared_by: ProviderSource::name(line.source).to_owned(),
        origin: line.origin,
        outcome: line.outcome.name().to_owned(),
        reason: line.reason,
    };
    let report = DiscoveryReport {
        providers: done.lines.into_iter().map(line).collect(),
        warnings: done.warnings,
    };
    Ok(answer::json(StatusCode::OK, &report))
}
