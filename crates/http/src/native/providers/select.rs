use axum::{Extension, body::Body, extract::State, response::Response};
use http::StatusCode;
use muster_providers::{Candidate, Need, Preference};
use muster_wire::{
    ErrorKind, Problem,
    providers::{
        SelectionCandidate, SelectionPreference, SelectionRefusal, SelectionReport,
        SelectionRequest,
    },
};

use super::{Native, answer};
use crate::{Caller, IntoProblem, native::body, read_body};

/// The most providers of which an answer says why they don't fit.
const REFUSED_MAX: usize = 1_000;

/// The most runners-up in an answer.
const RUNNERS_UP_MAX: usize = 20;

const SELECT: &str = "/providers/select";

/// `POST /providers/select`.
pub(in crate::native) async fn select(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    sent: Body,
) -> Result<Response, IntoProblem> {
    let request: SelectionRequest = body::read(&read_body(sent).await?, SELECT)?;
    let providers = native.live().await?;
    let may_use = |live: &_| providers.may_see(&caller.principal, live);
    let need = need(request);
    let need_names_model = need.model.is_some();
    let found = providers.live().select(&need, &may_use);
    let question = found.did_you_mean();
    let mut candidates = found.candidates.into_iter().map(candidate);
    let Some(chosen) = candidates.next() else {
        let why: Vec<String> =
            found.refused.iter().take(5).map(|(name, why)| format!("{name}: {why}")).collect();
        let error_detail = match why.is_empty() {
            true => "there is no live provider".to_owned(),
            false => format!("none fits ({}){}", why.join("; "), question),
        };
        let kind = match need_names_model && !found.knows_model {
            // To try again won't help: no provider has that model.
            true => ErrorKind::BadRequest { error_detail },
            false => ErrorKind::ProviderUnavailable { error_detail },
        };
        return Err(Problem::new(kind).subject(SELECT).into());
    };
    let refused = found.refused.into_iter().take(REFUSED_MAX);
    let report = SelectionReport {
        chosen,
        runners_up: candidates.take(RUNNERS_UP_MAX).collect(),
        refused: refused.map(|(provider, why)| SelectionRefusal { provider, why }).collect(),
    };
    Ok(answer::json(StatusCode::OK, &report))
}

fn candidate(one: Candidate) -> SelectionCandidate {
    SelectionCandidate {
        provider: one.provider.name().to_string(),
        model: one.model,
        why: one.why,
        last_resort: one.last_resort,
    }
}

/// A need as the registry of providers knows it.
pub(super) fn need(request: SelectionRequest) -> Need {
    Need {
        model: request.model,
        providers: request.providers,
        capabilities: request.capabilities,
        context_tokens: request.context_tokens,
        max_input_cost: request.max_input_cost,
        max_output_cost: request.max_output_cost,
        max_latency_ms: request.max_latency_ms,
        region: request.region,
        input: request.input,
        output: request.output,
        prefer: match request.prefer.unwrap_or_default() {
            SelectionPreference::Priority => Preference::Priority,
            SelectionPreference::Cost => Preference::Cost,
            SelectionPreference::Latency => Preference::Latency,
        },
    }
}
