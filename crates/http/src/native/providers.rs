//! `/providers`: the live AI providers, and what they are asked.

mod anthropic;
mod chat;
mod control;
mod events;
mod openai;
mod report;
mod select;
mod streamed;

use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use muster_providers::{LiveProvider, ProviderError, ProviderErrorCode, ProviderFaultKind};
use muster_wire::{
    ErrorKind, Problem,
    providers::{ExplainedDeclaration, LiveProviderList, ProviderExplanation},
};
use std::sync::Arc;

pub(super) use self::{
    anthropic::messages,
    chat::chat,
    control::{control, discover},
    events::events,
    openai::{completions, models},
    select::select,
};
use super::{Native, answer};
use crate::{Caller, IntoProblem, LiveProviders};

impl Native {
    /// The live providers, loaded.
    async fn live(&self) -> Result<&LiveProviders, Problem> {
        let providers = self.providers.as_ref().ok_or(ErrorKind::ServerError)?;
        providers.load().await;
        Ok(providers)
    }
}

/// `GET /providers`.
pub(super) async fn list(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, IntoProblem> {
    let providers = native.live().await?;
    let all = providers.live().get_providers();
    let seen = all.iter().filter(|live| providers.may_see(&caller.principal, live));
    let list = seen.map(|live| report::of_provider(providers, &caller, live)).collect();
    let refused = providers.live().refused().into_iter();
    let refused = refused.filter(|line| providers.may_see_line(&caller.principal, line));
    let refused = refused.map(report::of_line).collect();
    Ok(answer::json(StatusCode::OK, &LiveProviderList { providers: list, refused }))
}

/// `GET /providers/<name>`.
pub(super) async fn show(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Response, IntoProblem> {
    let providers = native.live().await?;
    let live = found(providers, &caller, &name)?;
    let shown = report::of_provider(providers, &caller, &live);
    Ok(answer::json(StatusCode::OK, &shown))
}

/// `GET /providers/<name>/health`.
pub(super) async fn health(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Response, IntoProblem> {
    let providers = native.live().await?;
    let live = found(providers, &caller, &name)?;
    let shown = report::of_health(providers, &caller, &live);
    Ok(answer::json(StatusCode::OK, &shown))
}

/// `GET /providers/<name>/explain`.
pub(super) async fn explain(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Response, IntoProblem> {
    let providers = native.live().await?;
    if caller.principal.scope.is_some() {
        found(providers, &caller, &name)?;
    }
    let declared = providers.live().explain(&name);
    let live = providers.live().get_provider(&name);
    if declared.is_empty() && live.is_none() {
        return Err(missing(&name).into());
    }
    let winner = live.map(|live| live.source());
    let one = |(source, declaration): (_, muster_providers::Declaration)| ExplainedDeclaration {
        declared_by: muster_providers::ProviderSource::name(source).to_owned(),
        origin: declaration.origin,
        wins: winner == Some(source),
        enabled: declaration.config.as_ref().is_ok_and(|config| config.enabled),
        error: declaration.config.err(),
    };
    let declarations = declared.into_iter().map(one).collect();
    Ok(answer::json(StatusCode::OK, &ProviderExplanation { name, declarations }))
}

/// The provider of a name, if the caller may know of it.
fn found(
    providers: &LiveProviders,
    caller: &Caller,
    name: &str,
) -> Result<Arc<LiveProvider>, Problem> {
    let live = providers.live().get_provider(name);
    live.filter(|live| providers.may_see(&caller.principal, live)).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Problem {
    let shown: String = name.chars().take(100).collect();
    Problem::new(ErrorKind::NotFound).subject(format!("/providers/{shown}"))
}

/// The error for what a provider refused or did wrong.
fn problem_of(error: &ProviderError) -> Problem {
    let subject = match error.provider.as_str() {
        "" => "/providers".to_owned(),
        name => format!("/providers/{name}"),
    };
    let error_detail = error.message.trim_end_matches('.').to_owned();
    let kind = match error.code {
        ProviderErrorCode::NotFound => return missing(&error.provider),
        ProviderErrorCode::InvalidName | ProviderErrorCode::RegistrationFailed => {
            ErrorKind::BadRequest { error_detail }
        }
        ProviderErrorCode::AlreadyExists => ErrorKind::AlreadyExists { existing: subject.clone() },
        ProviderErrorCode::InitializationTimeout
        | ProviderErrorCode::Disposed
        | ProviderErrorCode::Unavailable => ErrorKind::ProviderUnavailable { error_detail },
        // Nobody was asked, because nobody has the model.
        ProviderErrorCode::Fault(ProviderFaultKind::ModelNotFound) if error.provider.is_empty() => {
            ErrorKind::BadRequest { error_detail }
        }
        ProviderErrorCode::Fault(ProviderFaultKind::Busy) => ErrorKind::ServerBusy,
        ProviderErrorCode::Fault(kind) if !kind.may_fail_over() => {
            ErrorKind::BadRequest { error_detail: format!("{kind}: {error_detail}") }
        }
        ProviderErrorCode::Fault(kind) => {
            ErrorKind::ProviderFailed { reason_code: kind.code().to_owned(), error_detail }
        }
    };
    Problem::new(kind).subject(subject)
}
