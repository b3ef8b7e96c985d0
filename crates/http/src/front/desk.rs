use std::{
    any::Any,
    cell::RefCell,
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, Response, Version, header};
use http_body::{Body as _, Frame, SizeHint};
use hyper::{body::Incoming, service::Service};
use muster_wire::{ErrorCode, Problem};
use tokio::sync::watch::Receiver;
use tower_service::Service as _;

use super::{
    Asked, Caller, Front, Principal,
    admission::{Admitted, KnownHost},
    answer::{Closing, Piece},
};
use crate::{
    Body, BodyBudget, Phase, ServerLimits,
    metrics::Route,
    problem::respond,
    request_body::{BodyBounds, Held, RequestBody},
    server::Watch,
};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What bounds requests, of all connections together.
pub(crate) struct Bounds {
    pub(super) body: BodyBounds,
    budget: Arc<BodyBudget>,
}

impl Bounds {
    pub(crate) fn new(limits: &ServerLimits) -> Self {
        let body = BodyBounds {
            bytes_max: limits.body_bytes_max,
            window: limits.body_window,
            window_bytes_min: limits.body_window_bytes_min,
        };
        Self { body, budget: BodyBudget::new(limits.bodies_bytes_max) }
    }
}

/// Answers the requests of one connection.
pub(crate) struct Desk {
    pub(super) front: Arc<Front>,
    pub(super) bounds: Arc<Bounds>,
    pub(super) watch: Arc<Watch>,
    pub(super) peer: SocketAddr,
    pub(super) anyone: Principal,
    pub(super) known_host: RefCell<Option<KnownHost>>,
    phase: Receiver<Phase>,
}

impl Desk {
    pub(crate) fn new(
        front: Arc<Front>,
        bounds: Arc<Bounds>,
        watch: Arc<Watch>,
        phase: Receiver<Phase>,
        peer: SocketAddr,
    ) -> Self {
        let anyone = Principal { id: "anyone".into(), role: "none".into() };
        Self { front, bounds, watch, peer, anyone, known_host: RefCell::new(None), phase }
    }

    /// Counts a request whose head was complete at that time.
    pub(super) fn ticket(&self, method: &Method, route: Route, began: Instant) -> Ticket {
        Ticket::new(Arc::clone(&self.watch), &self.front, method, route, began)
    }

    /// Answers from memory, where that can be done.
    fn read_fast(
        &self,
        request: &Request<Incoming>,
        admitted: &Admitted,
    ) -> Option<Response<Body>> {
        let fast = self.front.fast.as_ref()?;
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return None;
        }
        let asked = Asked {
            method: request.method(),
            path: request.uri().path(),
            query: request.uri().query(),
            headers: request.headers(),
            base: &admitted.base,
            principal: &admitted.principal,
        };
        fast.read(&asked)
    }

    /// Hands a request to the routes.
    fn route(
        &self,
        request: Request<Incoming>,
        admitted: Admitted,
        request_id: Arc<str>,
        closing: Closing,
        mut ticket: Ticket,
    ) -> Answering {
        let Admitted { principal, base } = admitted;
        let closing = closing.with_path(request.uri().path());
        let named = Arc::clone(&request_id);
        let caller = Caller {
            principal,
            base,
            request_id,
            trace: trace_of(request.headers()),
            peer: self.peer,
            phase: self.phase.clone(),
        };
        let mut request = request.map(|incoming| self.body(incoming, &mut ticket));
        request.extensions_mut().insert(caller);
        let mut router = self.front.router.clone();
        let future = Box::pin(async move {
            let response = match Caught(router.call(request)).await {
                Ok(Ok(response)) => response.map(Body::Routed),
                Ok(Err(never)) => match never {},
                Err(panic) => after_panic(&*panic, &named),
            };
            closing.finish_routed(response).await
        });
        Answering { kind: Kind::Routed(future), ticket: Some(ticket) }
    }

    /// The body for the routes. One that is empty costs nothing.
    fn body(&self, incoming: Incoming, ticket: &mut Ticket) -> axum::body::Body {
        if incoming.is_end_stream() {
            return axum::body::Body::empty();
        }
        let held = Held::none(&self.bounds.budget);
        ticket.held = Some(Arc::clone(&held));
        let watch = Arc::clone(&self.watch);
        axum::body::Body::new(RequestBody::new(incoming, self.bounds.body, held, watch))
    }
}

/// The trace that a request says it is part of, where it says it as W3C Trace Context does.
pub(super) fn trace_of(headers: &HeaderMap) -> Option<Arc<str>> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let shape = text.len() == 55
        && text.bytes().enumerate().all(|(place, byte)| match place {
            2 | 35 | 52 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    shape.then(|| text.into())
}

impl Service<Request<Incoming>> for Desk {
    type Response = Response<Outgoing>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let route = Route::of(request.uri().path());
        let ticket = self.ticket(request.method(), route, Instant::now());
        let request_id = self.front.request_ids.of(request.headers());
        let closing = Closing::new(&self.front, &request, &request_id);
        let admitted = match self.admit(&request) {
            Ok(admitted) => admitted,
            Err(problem) => {
                if !request.body().is_end_stream() || self.watch.has_doubled_lengths() {
                    self.watch.linger_at_end();
                }
                let mut response = respond(&problem.instance(&*request_id));
                if self.watch.has_doubled_lengths() && request.version() < Version::HTTP_2 {
                    let close = http::HeaderValue::from_static("close");
                    response.headers_mut().insert(header::CONNECTION, close);
                }
                return Answering::ready(closing.finish(response), ticket);
            }
        };
        let read = catch_unwind(AssertUnwindSafe(|| self.read_fast(&request, &admitted)));
        match read {
            Ok(Some(response)) => Answering::ready(closing.finish(response), ticket),
            Ok(None) => self.route(request, admitted, request_id, closing, ticket),
            Err(panic) => {
                let response = after_panic(&*panic, &request_id);
                Answering::ready(closing.finish(response), ticket)
            }
        }
    }
}

/// A fault of ours: logged with its cause, answered without.
fn after_panic(panic: &(dyn Any + Send), request_id: &str) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(request = request_id, panic = text.unwrap_or("unknown"), "a route panicked");
    respond(&Problem::new(ErrorCode::SERVER_ERROR).instance(request_id))
}

/// A future whose panic is a result, so that a fault in one request ends no connection.
struct Caught<F>(F);

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

/// An answer on its way: there already, or being made by a route.
pub(crate) struct Answering {
    kind: Kind,
    ticket: Option<Ticket>,
}

enum Kind {
    Ready(Option<Response<Body>>),
    Routed(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
}

impl Answering {
    fn ready(response: Response<Body>, ticket: Ticket) -> Self {
        Self { kind: Kind::Ready(Some(response)), ticket: Some(ticket) }
    }
}

impl Future for Answering {
    type Output = Result<Response<Outgoing>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match &mut self.kind {
            Kind::Ready(response) => response.take(),
            Kind::Routed(future) => Some(ready!(future.as_mut().poll(context))),
        };
        let mut ticket = self.ticket.take();
        let response = response.unwrap_or_default();
        if let Some(ticket) = &mut ticket {
            ticket.answered(response.status().as_u16());
        }
        Poll::Ready(Ok(response.map(|body| Outgoing::new(body, ticket))))
    }
}

/// An answer's body; when it is gone, the request is over.
pub(crate) struct Outgoing {
    body: Body,
    /// What was given at once and is handed on piece by piece.
    rest: Bytes,
    ticket: Option<Ticket>,
    offer: Option<Offer>,
}

/// That there is more of an answer, as long as its client takes none of it.
struct Offer {
    watch: Arc<Watch>,
    number: u64,
}

impl Offer {
    fn make(&self) {
        self.watch.offer(self.number);
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.watch.took(self.number);
    }
}

impl Outgoing {
    fn new(body: Body, ticket: Option<Ticket>) -> Self {
        let watch = ticket.as_ref().map(|ticket| &ticket.watch).filter(|_| !body.is_end_stream());
        let offer = watch.and_then(|watch| {
            let offer = Offer { watch: Arc::clone(watch), number: watch.number_answer()? };
            offer.make();
            Some(offer)
        });
        Self { body, rest: Bytes::new(), ticket, offer }
    }

    /// The first piece of some bytes; the others follow.
    fn piece(&mut self, bytes: Bytes) -> Frame<Bytes> {
        self.rest = bytes;
        Frame::data(self.rest.split_to(self.rest.len().min(PIECE_BYTES)))
    }

    /// Notes that a frame waits for the client. The last one keeps the note itself: the library
    /// may hold it long after the body is gone.
    fn offered(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        if let Some(offer) = &self.offer {
            offer.make();
        }
        if !http_body::Body::is_end_stream(self) {
            return frame;
        }
        match frame.into_data() {
            Ok(bytes) => Frame::data(Piece::keeping(bytes, self.offer.take())),
            Err(trailers) => trailers,
        }
    }

    /// The next frame, which is never large.
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

/// What is handed to the library at once. It keeps whatever it is given until the client takes it,
/// and an answer that it has whole is one that we know nothing more of.
const PIECE_BYTES: usize = 64 * 1024;

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let polled = self.poll_piece(context);
        match (polled, &self.offer) {
            (Poll::Ready(Some(Ok(frame))), Some(_)) => Poll::Ready(Some(Ok(self.offered(frame)))),
            (Poll::Ready(None), _) => {
                self.offer = None;
                self.ticket = None;
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

/// A request in flight, from its head until its answer is handed over or given up.
pub(crate) struct Ticket {
    watch: Arc<Watch>,
    front: Arc<Front>,
    method: usize,
    route: Route,
    began: Instant,
    answered: bool,
    held: Option<Arc<Held>>,
}

/// The status under which requests are counted whose client left before the answer.
const CLIENT_LEFT: u16 = 499;

impl Ticket {
    fn new(
        watch: Arc<Watch>,
        front: &Arc<Front>,
        method: &Method,
        route: Route,
        began: Instant,
    ) -> Self {
        watch.begin_request();
        front.metrics.traffic().begin();
        Self {
            watch,
            front: Arc::clone(front),
            method: crate::metrics::method_index(method),
            route,
            began,
            answered: false,
            held: None,
        }
    }

    /// Counts the answer and the time until it was there. How long a client takes to read it says
    /// nothing about us.
    pub(super) fn answered(&mut self, status: u16) {
        self.answered = true;
        let time = self.began.elapsed();
        self.front.metrics.traffic().record(self.route, self.method, status, time);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.answered {
            self.answered(CLIENT_LEFT);
        }
        self.front.metrics.traffic().end();
        self.watch.end_request();
    }
}
