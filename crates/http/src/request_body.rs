use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use muster_wire::{ErrorKind, Problem};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::time::{Instant, Sleep};

use crate::{budget::BudgetShare, connections::ConnectionWatch};

/// Why a request's body can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BodyFault {
    /// It is too large.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// It arrives too slowly.
    #[error("the body arrived too slowly")]
    TooSlow,
    /// All bodies together use too much memory.
    #[error("the memory for request bodies is used up by other requests")]
    Crowded,
    /// The connection ended within the body, or its framing is wrong.
    #[error("the body is incomplete or malformed")]
    Broken,
}

impl From<BodyFault> for Problem {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge { limit } => ErrorKind::BodyTooLarge { limit },
            BodyFault::TooSlow => ErrorKind::TooSlow,
            BodyFault::Crowded => ErrorKind::Busy,
            BodyFault::Broken => ErrorKind::ParsingData { error_detail: fault.to_string() },
        }
        .into()
    }
}

/// The limits of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyBounds {
    pub bytes_max: u64,
    /// In each window of waiting with this length …
    pub window: Duration,
    /// … at least this many bytes must arrive.
    pub window_bytes_min: u64,
}

/// A request's body as it comes in. Over HTTP/2 the response holds it, too: a body that nobody read
/// resets its stream when it is dropped, and clients may then lose the response (RFC 9113, section
/// 8.1).
pub(crate) type SharedIncoming = Arc<Mutex<Incoming>>;

/// A request's body with limits on its size and its speed.
///
/// A body that has already arrived costs no timer: the first window begins when reading has to
/// wait.
pub(crate) struct RequestBody {
    incoming: SharedIncoming,
    bounds: BodyBounds,
    received: u64,
    window_began_at: u64,
    window: Option<Pin<Box<Sleep>>>,
    held: Arc<BudgetShare>,
    watch: Arc<ConnectionWatch>,
    ended: bool,
}

impl RequestBody {
    pub(crate) fn new(
        incoming: SharedIncoming,
        bounds: BodyBounds,
        held: Arc<BudgetShare>,
        watch: Arc<ConnectionWatch>,
    ) -> Self {
        let ended = incoming.lock().is_end_stream();
        Self { incoming, bounds, received: 0, window_began_at: 0, window: None, held, watch, ended }
    }

    fn received(&mut self, frame: &Frame<Bytes>) -> Result<(), BodyFault> {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        self.received += bytes as u64;
        if self.received > self.bounds.bytes_max {
            return Err(BodyFault::TooLarge { limit: self.bounds.bytes_max });
        }
        self.held.take(bytes)
    }

    /// Ready if the client was too slow.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let length = self.bounds.window;
        let window = self.window.get_or_insert_with(|| Box::pin(tokio::time::sleep(length)));
        loop {
            ready!(window.as_mut().poll(context));
            if self.received - self.window_began_at < self.bounds.window_bytes_min {
                return Poll::Ready(());
            }
            self.window_began_at = self.received;
            window.as_mut().reset(Instant::now() + length);
        }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = &mut *self;
        let polled = Pin::new(&mut *this.incoming.lock()).poll_frame(context);
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                Poll::Ready(Some(this.received(&frame).map(|()| frame)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(BodyFault::Broken))),
            Poll::Ready(None) => {
                this.ended = true;
                Poll::Ready(None)
            }
            Poll::Pending => this.poll_patience(context).map(|()| Some(Err(BodyFault::TooSlow))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.lock().size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.ended && !self.incoming.lock().is_end_stream() {
            self.watch.linger_at_end();
        }
    }
}

/// The most bytes of a body that are read although nobody wants them. A client that sends more is
/// told to stop.
const UNWANTED_BYTES_MAX: usize = 64 * 1024;

/// How long the rest of such a body is waited for.
const UNWANTED_TIME_MAX: Duration = Duration::from_millis(200);

/// Reads the rest of a short body that was answered without it.
pub(crate) async fn read_unwanted(body: &SharedIncoming) {
    let mut bytes = 0;
    let reading = async {
        while bytes < UNWANTED_BYTES_MAX && !body.lock().is_end_stream() {
            let next = |context: &mut Context<'_>| Pin::new(&mut *body.lock()).poll_frame(context);
            match std::future::poll_fn(next).await {
                Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) | None => return,
            }
        }
    };
    // A client that sends nothing more has its answer, too.
    let _ = tokio::time::timeout(UNWANTED_TIME_MAX, reading).await;
}

/// Reads a whole body.
///
/// # Errors
/// `body_too_large`, `too_slow`, `busy` or `parsing_data`; see [`BodyFault`].
pub async fn read_body(body: axum::body::Body) -> Result<Bytes, Problem> {
    let mut body = body;
    let Some(first) = next_data(&mut body).await? else { return Ok(Bytes::new()) };
    let Some(second) = next_data(&mut body).await? else {
        // A copy, because these bytes are part of the connection's buffer: keeping them would keep
        // the whole buffer, and each request would need a new one.
        return Ok(Bytes::copy_from_slice(&first));
    };
    // The hint comes from the client; the limit is checked for each frame.
    let hint = usize::try_from(body.size_hint().lower()).unwrap_or(0).min(1024 * 1024);
    let mut whole = BytesMut::with_capacity(first.len() + second.len() + hint);
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(bytes) = next_data(&mut body).await? {
        whole.extend_from_slice(&bytes);
    }
    Ok(whole.freeze())
}

/// The next frame with data; trailers are ignored.
async fn next_data(body: &mut axum::body::Body) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        match frame {
            None => return Ok(None),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) if !bytes.is_empty() => return Ok(Some(bytes)),
                _ => {}
            },
            Some(Err(error)) => {
                let fault = error.into_inner().downcast::<BodyFault>();
                return Err(fault.map_or(BodyFault::Broken, |fault| *fault).into());
            }
        }
    }
}
