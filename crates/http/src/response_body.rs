use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Response};
use http_body::{Body as _, Frame, SizeHint};
use muster_guard::Principal;

use crate::{
    Body,
    budget::{BudgetShare, BytesWithOwner},
    connections::ConnectionWatch,
    metrics::{Metrics, Route},
    request_body::SharedIncoming,
    request_log::{LoggedAnswer, LoggedRequest},
};

/// A response's body. The request ends when it is dropped.
pub(crate) struct ResponseBody {
    body: Body,
    /// The rest of a large frame that is passed on in pieces.
    rest: Bytes,
    in_flight: Option<InFlightRequest>,
    offer: Option<UnreadOutput>,
}

/// Tells the connection watch that a response has output which its client hasn't taken yet.
struct UnreadOutput {
    watch: Arc<ConnectionWatch>,
    number: u64,
}

impl UnreadOutput {
    fn make(&self) {
        self.watch.offer(self.number);
    }
}

impl Drop for UnreadOutput {
    fn drop(&mut self) {
        self.watch.took(self.number);
    }
}

impl ResponseBody {
    pub(crate) fn new(body: Body, in_flight: Option<InFlightRequest>) -> Self {
        let watch =
            in_flight.as_ref().map(|in_flight| &in_flight.watch).filter(|_| !body.is_end_stream());
        let offer = watch.and_then(|watch| {
            let offer = UnreadOutput { watch: Arc::clone(watch), number: watch.number_answer()? };
            offer.make();
            Some(offer)
        });
        Self { body, rest: Bytes::new(), in_flight, offer }
    }

    /// The first piece of some bytes; the rest follows later.
    fn piece(&mut self, bytes: Bytes) -> Frame<Bytes> {
        self.rest = bytes;
        Frame::data(self.rest.split_to(self.rest.len().min(PIECE_BYTES)))
    }

    /// Marks a frame as waiting for the client. The last frame keeps the mark itself, because the
    /// HTTP library may hold it long after the body was dropped.
    fn offered(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        if let Some(offer) = &self.offer {
            offer.make();
        }
        if !http_body::Body::is_end_stream(self) {
            return frame;
        }
        match frame.into_data() {
            Ok(bytes) => Frame::data(BytesWithOwner::keeping(bytes, self.offer.take())),
            Err(trailers) => trailers,
        }
    }

    /// The next frame, at most [`PIECE_BYTES`] long.
    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Poll::Ready(Some(Ok(self.piece(rest))));
        }
        match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(match frame.into_data() {
                Ok(bytes) => self.piece(bytes),
                Err(trailers) => trailers,
            }))),
            other => Poll::Ready(other),
        }
    }
}

/// How many bytes the HTTP library is given at once. It keeps them until the client takes them, and
/// of a response that it holds as a whole we can't see the progress.
const PIECE_BYTES: usize = 64 * 1024;

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let polled = self.poll_piece(context);
        if let (Poll::Ready(Some(Ok(frame))), Some(in_flight)) = (&polled, &mut self.in_flight) {
            in_flight.sent(frame);
        }
        match (polled, &self.offer) {
            (Poll::Ready(Some(Ok(frame))), Some(_)) => Poll::Ready(Some(Ok(self.offered(frame)))),
            (Poll::Ready(None), _) => {
                self.offer = None;
                self.in_flight = None;
                Poll::Ready(None)
            }
            (Poll::Pending, Some(offer)) => {
                offer.watch.took(offer.number);
                Poll::Pending
            }
            (polled, _) => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, mut hint) = (self.rest.len() as u64, self.body.size_hint());
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

/// A request in flight, from its complete head until its response was passed on or given up.
pub(crate) struct InFlightRequest {
    watch: Arc<ConnectionWatch>,
    metrics: Arc<Metrics>,
    method: usize,
    route: Route,
    began: Instant,
    /// The status, and the time until the response was ready.
    answer: Option<(u16, Duration)>,
    /// What the log says of it.
    pub logged: Option<LoggedRequest>,
    /// What its body holds of the budget.
    pub held: Option<Arc<BudgetShare>>,
    /// Its body, which must not be dropped before the response is sent.
    pub unread: Option<SharedIncoming>,
}

/// The status under which requests are counted whose client left before the response.
const CLIENT_LEFT: u16 = 499;

impl InFlightRequest {
    /// Registers a request whose head was complete at that time.
    pub(crate) fn new(
        watch: Arc<ConnectionWatch>,
        metrics: Arc<Metrics>,
        method: &Method,
        route: Route,
        began: Instant,
    ) -> Self {
        watch.begin_request();
        metrics.traffic().begin();
        Self {
            watch,
            metrics,
            method: crate::metrics::method_index(method),
            route,
            began,
            answer: None,
            logged: None,
            held: None,
            unread: None,
        }
    }

    /// Counts the response and the time until it was ready. How long a client takes to read it isn't
    /// the server's time.
    pub(crate) fn answered(&mut self, status: u16) {
        let time = self.began.elapsed();
        self.answer = Some((status, time));
        self.metrics.traffic().record(self.route, self.method, status, time);
    }
}

impl InFlightRequest {
    /// Counts a response as [`InFlightRequest::answered`], and notes for the log why it refuses.
    pub(crate) fn answered_with<B>(&mut self, response: &Response<B>) {
        if let Some(logged) = &mut self.logged {
            logged.answered(response);
        }
        self.answered(response.status().as_u16());
    }

    /// Notes for the log who sent it.
    pub(crate) fn is_from(&mut self, principal: &Arc<Principal>) {
        if let Some(logged) = &mut self.logged {
            logged.is_from(principal);
        }
    }

    /// Notes for the log that a part of the body was passed on.
    fn sent(&mut self, frame: &Frame<Bytes>) {
        if let (Some(logged), Some(bytes)) = (&mut self.logged, frame.data_ref()) {
            logged.sent(bytes.len());
        }
    }
}

impl Drop for InFlightRequest {
    fn drop(&mut self) {
        if self.answer.is_none() {
            self.answered(CLIENT_LEFT);
        }
        if let (Some(logged), Some((status, time))) = (&self.logged, self.answer) {
            logged.write(&LoggedAnswer::new(self.method, self.route, status, time));
        }
        self.metrics.traffic().end();
        self.watch.end_request();
    }
}
