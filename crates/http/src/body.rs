use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use axum::BoxError;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::watch;

use crate::Phase;

/// The body of an answer. Documents and errors are `Full`, without a box; bodies of routes are
/// `Routed`; the change stream is `Endless`.
#[derive(Default)]
pub enum Body {
    /// No bytes.
    #[default]
    Empty,
    /// A complete body in memory.
    Full(Bytes),
    /// The body of a route's answer.
    Routed(axum::body::Body),
    /// A stream that only ends when the server stops.
    Endless(Endless),
}

/// A stream of bytes that ends when something happens, such as that the server starts to stop.
pub struct Endless {
    body: axum::body::Body,
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
    ended: bool,
}

impl Body {
    /// A stream that is cut at the end of a frame when the server leaves [`Phase::Running`].
    #[must_use]
    pub fn endless(body: axum::body::Body, mut phase: watch::Receiver<Phase>) -> Self {
        Self::until(body, async move {
            // If the sender was dropped, the server has stopped as well.
            let _ = phase.wait_for(|phase| *phase != Phase::Running).await;
        })
    }

    /// A stream that is cut at the end of a frame when something has happened.
    #[must_use]
    pub fn until(
        body: axum::body::Body,
        happened: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self::Endless(Endless { body, stopping: Box::pin(happened), ended: false })
    }
}

impl Endless {
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.ended || self.stopping.as_mut().poll(context).is_ready() {
            self.ended = true;
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(Into::into)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Full(_) => match std::mem::take(&mut *self) {
                Self::Full(bytes) if !bytes.is_empty() => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                _ => Poll::Ready(None),
            },
            Self::Routed(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Self::Endless(endless) => endless.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Routed(body) => body.is_end_stream(),
            Self::Endless(endless) => endless.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Routed(body) => body.size_hint(),
            Self::Endless(_) => SizeHint::default(),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Full(bytes)
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Full(bytes.into())
    }
}

impl From<axum::body::Body> for Body {
    fn from(body: axum::body::Body) -> Self {
        Self::Routed(body)
    }
}

impl From<Body> for axum::body::Body {
    fn from(body: Body) -> Self {
        match body {
            Body::Empty => Self::empty(),
            Body::Full(bytes) => Self::from(bytes),
            Body::Routed(body) => body,
            endless @ Body::Endless(_) => Self::new(endless),
        }
    }
}

/// A response to HEAD: the headers of GET, its length included.
pub(crate) fn without_body(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    // A route gives the length where it is known. It isn't of a stream, nor of what would have been
    // compressed.
    let is_routed = matches!(body, Body::Routed(_));
    let is_lost = is_routed || parts.headers.contains_key(header::CONTENT_ENCODING);
    let is_lost = is_lost && body.is_end_stream();
    if let Some(length) = body.size_hint().exact().filter(|_| !is_lost)
        && !parts.headers.contains_key(header::CONTENT_LENGTH)
        && parts.status != StatusCode::NOT_MODIFIED
        && parts.status != StatusCode::NO_CONTENT
    {
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(parts, Body::Empty)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use super::*;
    use crate::compression;

    #[test]
    fn gives_head_the_length_where_it_is_known() {
        for (bytes, is_compressed, expect) in [
            (b"abc".as_slice(), false, Some("3")),
            (b"abc", true, Some("3")),
            (b"", false, Some("0")),
            (b"", true, None),
        ] {
            let mut response = Response::new(Body::from(bytes.to_vec()));
            if is_compressed {
                compression::mark_compressed(response.headers_mut());
            }
            let response = without_body(response);
            let length = response.headers().get(header::CONTENT_LENGTH);
            assert_eq!(length.map(|length| length.to_str().unwrap()), expect, "{bytes:?}");
        }
    }
}
