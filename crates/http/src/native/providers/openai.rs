use axum::{Extension, body::Body, extract::State, response::Response};
use http::{HeaderValue, StatusCode, header};
use muster_providers::{ProviderError, ProviderErrorCode, ProviderFaultKind, ProviderStatus};
use serde_json::json;

use super::{
    Native,
    chat::{answered, ask, asked, plain},
    streamed::StreamForm,
};
use crate::{Caller, IntoProblem, read_body};

/// `POST /providers/openai/v1/chat/completions`.
pub(in crate::native) async fn completions(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    sent: Body,
) -> Result<Response, IntoProblem> {
    let asked = match asked(&read_body(sent).await?) {
        Ok(asked) => asked,
        Err(what) => return Ok(refused(400, "invalid_request_error", "invalid_request", &what)),
    };
    let (providers, grant) = (native.live().await?, native.gate.grant(&caller)?);
    Ok(match ask(providers, &caller, &asked).await {
        Ok(done) => answered(done, StreamForm::Chunks, grant),
        Err(failure) => failed(&failure.error),
    })
}

/// `GET /providers/openai/v1/models`.
pub(in crate::native) async fn models(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, IntoProblem> {
    let providers = native.live().await?;
    let mut listed = Vec::new();
    for live in providers.live().get_providers() {
        if live.status() != ProviderStatus::Ready || !providers.may_see(&caller.principal, &live) {
            continue;
        }
        for model in live.capabilities().models {
            listed.push(json!({
                "id": format!("{}/{}", live.name(), model.id), "object": "model", "created": 0,
                "owned_by": live.name().as_str()
            }));
        }
    }
    Ok(plain(StatusCode::OK, &json!({ "object": "list", "data": listed })))
}

/// The status and the type with which clients of providers know an error.
pub(super) const fn status_of(error: &ProviderError) -> (u16, &'static str) {
    match error.code {
        ProviderErrorCode::NotFound => (404, "invalid_request_error"),
        ProviderErrorCode::Fault(kind) => match kind {
            ProviderFaultKind::RateLimited | ProviderFaultKind::QuotaExceeded => {
                (429, "rate_limit_error")
            }
            ProviderFaultKind::ModelNotFound => (404, "invalid_request_error"),
            ProviderFaultKind::ContextTooLong
            | ProviderFaultKind::ContentRefused
            | ProviderFaultKind::InvalidRequest => (400, "invalid_request_error"),
            ProviderFaultKind::Timeout => (504, "api_error"),
            ProviderFaultKind::Overloaded
            | ProviderFaultKind::Busy
            | ProviderFaultKind::ProviderMaintenance => (503, "overloaded_error"),
            // Our key is wrong there, not the caller's here.
            _ => (502, "api_error"),
        },
        _ => (503, "overloaded_error"),
    }
}

fn failed(error: &ProviderError) -> Response {
    let (status, kind) = status_of(error);
    let mut response = refused(status, kind, error.code.name(), &error.message);
    retry_after(&mut response, error);
    response
}

/// Says when another try is worth it.
pub(super) fn retry_after(response: &mut Response, error: &ProviderError) {
    let after = error.context.get("retry_after_ms").and_then(|after| after.parse::<u64>().ok());
    if let Some(after) = after {
        let seconds = HeaderValue::from(after.div_ceil(1_000));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
}

fn refused(status: u16, kind: &str, code: &str, message: &str) -> Response {
    let body =
        json!({ "error": { "message": message, "type": kind, "param": null, "code": code } });
    plain(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), &body)
}
