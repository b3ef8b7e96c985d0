//! What becomes of a panic in a route: one answer, and not the end of a connection.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use muster_wire::{ErrorKind, Problem};

use crate::{Body, problem::respond};

/// The response to a panic. The cause is logged and not sent.
pub(crate) fn after_panic(panic: &(dyn Any + Send), request_id: &str) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(request = request_id, panic = text.unwrap_or("unknown"), "a route panicked");
    respond(&Problem::new(ErrorKind::ServerError).instance(request_id))
}

/// A future that turns a panic into a result, so that one request can't end its connection.
pub(crate) struct Caught<F>(pub F);

impl<F: Future + Unpin> Future for Caught<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.0).poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
