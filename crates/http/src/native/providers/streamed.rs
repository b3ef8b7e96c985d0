use std::time::Duration;

use axum::{BoxError, response::Response};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, header};
use muster_providers::{GuardedStream, MessageEvents, message_of_completion};
use muster_words::json::Value;
use serde_json::json;

use crate::native::{
    gate::AccessGrant,
    stream::{Pieces, Source},
};

/// How long a stream may be silent before a comment is sent, so that no proxy takes it for dead.
const SILENCE: Duration = Duration::from_secs(15);

/// In which form an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamForm {
    /// OpenAI's.
    Chunks,
    /// Anthropic's.
    Messages,
}

impl StreamForm {
    /// A whole answer in this form.
    pub(super) fn whole(self, answer: Value, model: &str) -> Value {
        match self {
            Self::Chunks => answer,
            Self::Messages => message_of_completion(&answer, model),
        }
    }
}

/// A streamed answer as server-sent events, for as long as the caller may have it.
pub(super) fn streamed(
    stream: GuardedStream,
    form: StreamForm,
    model: &str,
    grant: AccessGrant,
) -> Response {
    let events = MessageEvents::new(model);
    let body = Pieces::body(ChatSource { stream, form, events, grant, ended: false });
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct ChatSource {
    stream: GuardedStream,
    form: StreamForm,
    events: MessageEvents,
    grant: AccessGrant,
    ended: bool,
}

impl Source for ChatSource {
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        if self.ended {
            return None;
        }
        loop {
            // Dropping the future between its pieces loses nothing: it waits for bytes only.
            let next = tokio::select! {
                biased;
                () = self.grant.ended() => {
                    self.ended = true;
                    return Some(Ok(self.failure("key_unknown", "the key isn't valid any more")));
                }
                next = tokio::time::timeout(SILENCE, self.stream.next()) => next,
            };
            let piece = match next {
                Err(_) => Bytes::from_static(b": still there\n\n"),
                Ok(Ok(Some(chunk))) => self.chunk(&chunk),
                Ok(Ok(None)) => {
                    self.ended = true;
                    self.end()
                }
                Ok(Err(error)) => {
                    self.ended = true;
                    self.failure(error.code.name(), &error.message)
                }
            };
            if !piece.is_empty() {
                return Some(Ok(piece));
            }
        }
    }
}

impl ChatSource {
    fn chunk(&mut self, chunk: &Value) -> Bytes {
        match self.form {
            StreamForm::Chunks => Bytes::from(format!("data: {chunk}\n\n")),
            StreamForm::Messages => written(&self.events.take(chunk)),
        }
    }

    fn end(&mut self) -> Bytes {
        match self.form {
            StreamForm::Chunks => Bytes::from_static(b"data: [DONE]\n\n"),
            StreamForm::Messages => written(&self.events.end()),
        }
    }

    fn failure(&self, code: &str, message: &str) -> Bytes {
        match self.form {
            StreamForm::Chunks => {
                let error = json!({ "error": { "message": message, "type": "provider_error", "code": code } });
                Bytes::from(format!("data: {error}\n\n"))
            }
            StreamForm::Messages => {
                let error = json!({ "type": "api_error", "message": format!("{code}: {message}") });
                written(&[json!({ "type": "error", "error": error })])
            }
        }
    }
}

fn written(events: &[Value]) -> Bytes {
    let mut bytes = BytesMut::new();
    for event in events {
        let name = event.get("type").and_then(Value::as_str).unwrap_or_default();
        bytes.extend_from_slice(format!("event: {name}\ndata: {event}\n\n").as_bytes());
    }
    bytes.freeze()
}
