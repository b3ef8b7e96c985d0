use axum::{BoxError, response::Response};
use bytes::{Bytes, BytesMut};
use muster_providers::{GuardedStream, MessageEvents, message_of_completion};
use muster_words::json::Value;
use serde_json::json;

use crate::native::{
    gate::AccessGrant,
    stream::{HEARTBEAT, Pieces, Source, event_stream},
};

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
    event_stream(Pieces::body(ChatSource { stream, form, events, grant, ended: false }))
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
                next = tokio::time::timeout(HEARTBEAT, self.stream.next()) => next,
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
