use axum::{Extension, body::Body, extract::State, response::Response};
use http::StatusCode;
use muster_providers::{Need, chat_body_of_messages};
use muster_words::json::{self, Value};
use serde_json::json;

use super::{
    Native,
    chat::{ChatAsked, answered, ask, plain},
    openai::{retry_after, status_of},
    streamed::StreamForm,
};
use crate::{Caller, IntoProblem, read_body};

/// `POST /providers/anthropic/v1/messages`.
pub(in crate::native) async fn messages(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    sent: Body,
) -> Result<Response, IntoProblem> {
    let asked = match asked(&read_body(sent).await?) {
        Ok(asked) => asked,
        Err(what) => return Ok(refused(400, "invalid_request_error", &what)),
    };
    let (providers, grant) = (native.live().await?, native.gate.grant(&caller)?);
    Ok(match ask(providers, &caller, &asked).await {
        Ok(done) => answered(done, StreamForm::Messages, grant),
        Err(failure) => {
            let (status, kind) = status_of(&failure.error);
            let message = format!("{}: {}", failure.error.code.name(), failure.error.message);
            let mut response = refused(status, kind, &message);
            retry_after(&mut response, &failure.error);
            response
        }
    })
}

fn asked(bytes: &[u8]) -> Result<ChatAsked, String> {
    let value = json::parse(bytes).map_err(|error| error.to_string())?;
    let model = value.get("model").and_then(Value::as_str).map(str::to_owned);
    let model = model.filter(|model| !model.is_empty() && model != "auto");
    let mut body = chat_body_of_messages(&value)?;
    let is_streamed = value.get("stream").and_then(Value::as_bool).unwrap_or(false);
    if is_streamed {
        body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
    }
    Ok(ChatAsked { need: Need { model, ..Need::default() }, body, is_streamed })
}

fn refused(status: u16, kind: &str, message: &str) -> Response {
    let body = json!({ "type": "error", "error": { "type": kind, "message": message } });
    plain(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), &body)
}
