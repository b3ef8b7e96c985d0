use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use axum::BoxError;
use bytes::Bytes;
use http_body::Frame;

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
