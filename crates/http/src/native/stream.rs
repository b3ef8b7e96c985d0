use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{BoxError, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body::Frame;
use muster_wire::{Problem, changes::EventId};

use super::query::{Parameters, bad_position, position};

/// The longest silence of a stream, because proxies close connections that are silent for a minute.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// An answer of server-sent events (the section "Server-sent events" of the HTML standard).
pub(super) fn event_stream(body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would buffer events.
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// The id of the last event that a client got from a stream, if it resumes one.
pub(super) fn last_event_id(sent: &HeaderMap) -> Option<&str> {
    let value = sent.get(LAST_EVENT_ID).filter(|value| !value.is_empty())?;
    Some(value.to_str().unwrap_or("?"))
}

/// Where a client wants a stream to begin. A browser that resumes sends both; the header is the
/// newer one.
pub(super) fn beginning<'a>(sent: &'a HeaderMap, parameters: &'a Parameters) -> Option<&'a str> {
    last_event_id(sent).or_else(|| parameters.value("after"))
}

/// A place in the ledger to begin after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A position.
    Position(muster_words::Position),
    /// An event of the command that ends at a position.
    Event(EventId),
}

impl Place {
    /// Parses a place.
    ///
    /// # Errors
    /// `bad_position`: it is neither.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let event = text.parse().map(Self::Event);
        event.or_else(|_| position(text).map(Self::Position)).map_err(|_| {
            bad_position(text, "it is neither a position nor the id of an event, such as 1204.1")
        })
    }
}

/// Produces the bytes of a body piece by piece.
pub(super) trait Source: Send + 'static {
    /// The next piece; none at the end.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, BoxError>>> + Send;
}

type NextPiece<S> = Pin<Box<dyn Future<Output = (S, Option<Result<Bytes, BoxError>>)> + Send>>;

/// A body that requests the next piece when the client has read the previous one. A slow reader
/// only slows its own source, and nothing is stored in between.
pub(super) struct Pieces<S> {
    turn: Option<NextPiece<S>>,
}

impl<S: Source> Pieces<S> {
    pub(super) fn body(source: S) -> axum::body::Body {
        axum::body::Body::new(Self { turn: Some(turn(source)) })
    }
}

fn turn<S: Source>(mut source: S) -> NextPiece<S> {
    Box::pin(async move {
        let piece = source.next().await;
        (source, piece)
    })
}

impl<S: Source> http_body::Body for Pieces<S> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(running) = &mut self.turn else { return Poll::Ready(None) };
        match running.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready((source, Some(Ok(piece)))) => {
                self.turn = Some(turn(source));
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Poll::Ready((_, end)) => {
                self.turn = None;
                Poll::Ready(end.map(|piece| piece.map(Frame::data)))
            }
        }
    }
}
