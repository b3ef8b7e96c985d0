use axum::{Extension, body::Body, extract::State, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use muster_providers::{ChatAnswer, ChatFailure, ChatStreamed, Need};
use muster_wire::{ErrorKind, Problem, providers::SelectionRequest};
use muster_words::json::{self, Map, Value};

use super::{
    Native, problem_of, select,
    streamed::{StreamForm, streamed},
};
use crate::{Caller, IntoProblem, LiveProviders, native::gate::AccessGrant, read_body};

const CHAT: &str = "/providers/chat";

/// Says in an answer which provider gave it.
const PROVIDER: HeaderName = HeaderName::from_static("muster-provider");

/// Says which model.
const MODEL: HeaderName = HeaderName::from_static("muster-model");

/// Says which providers failed before.
const FAILED: HeaderName = HeaderName::from_static("muster-providers-failed");

/// A chat request, taken apart.
pub(super) struct ChatAsked {
    pub need: Need,
    pub body: Map<String, Value>,
    pub is_streamed: bool,
}

/// An answer of either kind.
pub(super) enum Chatted {
    Whole(Box<ChatAnswer>),
    Streamed(Box<ChatStreamed>),
}

/// `POST /providers/chat`.
pub(in crate::native) async fn chat(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    sent: Body,
) -> Result<Response, IntoProblem> {
    let asked = asked(&read_body(sent).await?).map_err(|error_detail| {
        Problem::new(ErrorKind::ParsingData { error_detail }).subject(CHAT)
    })?;
    let (providers, grant) = (native.live().await?, native.gate.grant(&caller)?);
    let done = ask(providers, &caller, &asked).await;
    let done = done.map_err(|failure| problem_of(&failure.error))?;
    Ok(answered(done, StreamForm::Chunks, grant))
}

/// Reads a request in OpenAI's form.
pub(super) fn asked(bytes: &[u8]) -> Result<ChatAsked, String> {
    let value = json::parse(bytes).map_err(|error| error.to_string())?;
    let Value::Object(mut body) = value else {
        return Err("a chat request is a map".to_owned());
    };
    let selection = match body.remove("select") {
        None | Some(Value::Null) => SelectionRequest::default(),
        Some(value) => serde_json::from_value(value).map_err(|error| format!("select: {error}"))?,
    };
    let mut need = select::need(selection);
    if let Some(model) = body.remove("model").and_then(|model| model.as_str().map(str::to_owned)) {
        need.model =
            Some(model).filter(|model| !model.is_empty() && model != "auto").or(need.model);
    }
    if !body.get("messages").is_some_and(Value::is_array) {
        return Err("messages is missing".to_owned());
    }
    let is_streamed = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
    Ok(ChatAsked { need, body, is_streamed })
}

/// Asks the provider that fits best.
pub(super) async fn ask(
    providers: &LiveProviders,
    caller: &Caller,
    asked: &ChatAsked,
) -> Result<Chatted, Box<ChatFailure>> {
    let principal = caller.principal.clone();
    let may_use = move |live: &_| providers.may_see(&principal, live);
    let live = providers.live();
    match asked.is_streamed {
        true => {
            let stream = live.chat_streamed(&asked.need, &asked.body, &may_use).await?;
            Ok(Chatted::Streamed(Box::new(stream)))
        }
        false => {
            let answer = live.chat(&asked.need, &asked.body, &may_use).await?;
            Ok(Chatted::Whole(Box::new(answer)))
        }
    }
}

/// The answer as it is, with headers that say whose it is.
pub(super) fn answered(done: Chatted, form: StreamForm, grant: AccessGrant) -> Response {
    match done {
        Chatted::Whole(answer) => {
            let ChatAnswer { answer, provider, model, failed } = *answer;
            let value = form.whole(answer, &model);
            let mut response = plain(StatusCode::OK, &value);
            name(response.headers_mut(), &provider, &model, &failed);
            response
        }
        Chatted::Streamed(stream) => {
            let ChatStreamed { stream, provider, model, failed } = *stream;
            let mut response = streamed(stream, form, &model, grant);
            name(response.headers_mut(), &provider, &model, &failed);
            response
        }
    }
}

/// A value as it is; clients of providers count on the order of nothing.
pub(super) fn plain(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn name(
    headers: &mut HeaderMap,
    provider: &str,
    model: &str,
    failed: &[muster_providers::ProviderError],
) {
    let failed: Vec<String> =
        failed.iter().map(|error| format!("{} {}", error.provider, error.code.name())).collect();
    let failed = failed.join(", ");
    for (header, text) in [(PROVIDER, provider), (MODEL, model), (FAILED, failed.as_str())] {
        if let Ok(value) = HeaderValue::from_str(text)
            && !text.is_empty()
        {
            headers.insert(header, value);
        }
    }
}
