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
use muster_guard::Principal;
use muster_wire::{ErrorKind, Problem};
use tokio::sync::watch::Receiver;
use tower_service::Service as _;

use super::{
    Caller, FastRequest, Front,
    admission::{Admitted, CheckedHost, KnownCaller},
    answer::{BytesWithOwner, ResponseFinisher},
};
use crate::{
    Body, BodyBudget, Phase, ServerLimits,
    metrics::Route,
    problem::respond,
    request_body::{BodyBounds, BudgetShare, RequestBody},
    server::ConnectionWatch,
};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The limits that the requests of all connections share.
pub(crate) struct RequestLimits {
    pub(super) body: BodyBounds,
    budget: Arc<BodyBudget>,
}

impl RequestLimits {
    pub(crate) fn new(limits: &ServerLimits) -> Self {
        let body = BodyBounds {
            bytes_max: limits.body_bytes_max,
            window: limits.body_window,
            window_bytes_min: limits.body_window_bytes_min,
        };
        Self { body, budget: BodyBudget::new(limits.bodies_bytes_max) }
    }
}

/// Guards the requests of one connection: admits each, answers it from memory or by a route, and
/// counts it.
pub(crate) struct RequestGuard {
    pub(super) front: Arc<Front>,
    pub(super) bounds: Arc<RequestLimits>,
    pub(super) watch: Arc<ConnectionWatch>,
    pub(super) peer: SocketAddr,
    pub(super) anonymous: Arc<Principal>,
    pub(super) known_host: RefCell<Option<CheckedHost>>,
    pub(super) known_caller: RefCell<Option<KnownCaller>>,
    phase: Receiver<Phase>,
}

impl RequestGuard {
    pub(crate) fn new(
        front: Arc<Front>,
        bounds: Arc<RequestLimits>,
        watch: Arc<ConnectionWatch>,
        phase: Receiver<Phase>,
        peer: SocketAddr,
    ) -> Self {
        let (known_host, known_caller) = (RefCell::new(None), RefCell::new(None));
        let anonymous = Arc::new(Principal::probe());
        Self { front, bounds, watch, peer, anonymous, known_host, known_caller, phase }
    }

    /// Registers a request whose head was complete at that time.
    pub(super) fn in_flight(
        &self,
        method: &Method,
        route: Route,
        began: Instant,
    ) -> InFlightRequest {
        InFlightRequest::new(Arc::clone(&self.watch), &self.front, method, route, began)
    }

    /// The response from memory, if there is one.
    fn read_fast(
        &self,
        request: &Request<Incoming>,
        admitted: &Admitted,
    ) -> Option<Response<Body>> {
        let fast = self.front.fast.as_ref()?;
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return None;
        }
        let asked = FastRequest {
            method: request.method(),
            path: request.uri().path(),
            query: request.uri().query(),
            headers: request.headers(),
            base: &admitted.base,
            principal: &admitted.principal,
        };
        fast.read(&asked)
    }

    /// Passes a request to the routes.
    fn route(
        &self,
        request: Request<Incoming>,
        admitted: Admitted,
        request_id: Arc<str>,
        finisher: ResponseFinisher,
        mut in_flight: InFlightRequest,
    ) -> PendingResponse {
        let Admitted { principal, base } = admitted;
        let finisher = finisher.with_path(request.uri().path());
        let named = Arc::clone(&request_id);
        let caller = Caller {
            principal,
            base,
            request_id,
            trace: trace_of(request.headers()),
            peer: self.peer,
            phase: self.phase.clone(),
        };
        let mut request = request.map(|incoming| self.body(incoming, &mut in_flight));
        request.extensions_mut().insert(caller);
        let mut router = self.front.router.clone();
        let future = Box::pin(async move {
            let response = match Caught(router.call(request)).await {
                Ok(Ok(response)) => response.map(Body::Routed),
                Ok(Err(never)) => match never {},
                Err(panic) => after_panic(&*panic, &named),
            };
            finisher.finish_routed(response).await
        });
        PendingResponse { kind: Kind::Routed(future), in_flight: Some(in_flight) }
    }

    /// The body for the routes. An empty one costs nothing.
    fn body(&self, incoming: Incoming, in_flight: &mut InFlightRequest) -> axum::body::Body {
        if incoming.is_end_stream() {
            return axum::body::Body::empty();
        }
        let held = BudgetShare::none(&self.bounds.budget);
        in_flight.held = Some(Arc::clone(&held));
        let watch = Arc::clone(&self.watch);
        axum::body::Body::new(RequestBody::new(incoming, self.bounds.body, held, watch))
    }
}

/// The request's `traceparent`, if it is valid by W3C Trace Context.
pub(super) fn trace_of(headers: &HeaderMap) -> Option<Arc<str>> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let shape = text.len() == 55
        && text.bytes().enumerate().all(|(place, byte)| match place {
            2 | 35 | 52 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    shape.then(|| text.into())
}

impl Service<Request<Incoming>> for RequestGuard {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = PendingResponse;

    fn call(&self, request: Request<Incoming>) -> PendingResponse {
        let route = Route::of(request.uri().path());
        let in_flight = self.in_flight(request.method(), route, Instant::now());
        let request_id = self.front.request_ids.of(request.headers());
        let finisher = ResponseFinisher::new(&self.front, &request, &request_id);
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
                return PendingResponse::ready(finisher.finish(response), in_flight);
            }
        };
        let read = catch_unwind(AssertUnwindSafe(|| self.read_fast(&request, &admitted)));
        match read {
            Ok(Some(response)) => PendingResponse::ready(finisher.finish(response), in_flight),
            Ok(None) => self.route(request, admitted, request_id, finisher, in_flight),
            Err(panic) => {
                let response = after_panic(&*panic, &request_id);
                PendingResponse::ready(finisher.finish(response), in_flight)
            }
        }
    }
}

/// The response to a panic. The cause is logged and not sent.
fn after_panic(panic: &(dyn Any + Send), request_id: &str) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(request = request_id, panic = text.unwrap_or("unknown"), "a route panicked");
    respond(&Problem::new(ErrorKind::ServerError).instance(request_id))
}

/// A future that turns a panic into a result, so that one request can't end its connection.
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

/// A response that is ready, or that a route is building.
pub(crate) struct PendingResponse {
    kind: Kind,
    in_flight: Option<InFlightRequest>,
}

enum Kind {
    Ready(Option<Response<Body>>),
    Routed(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
}

impl PendingResponse {
    fn ready(response: Response<Body>, in_flight: InFlightRequest) -> Self {
        Self { kind: Kind::Ready(Some(response)), in_flight: Some(in_flight) }
    }
}

impl Future for PendingResponse {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match &mut self.kind {
            Kind::Ready(response) => response.take(),
            Kind::Routed(future) => Some(ready!(future.as_mut().poll(context))),
        };
        let mut in_flight = self.in_flight.take();
        let response = response.unwrap_or_default();
        if let Some(in_flight) = &mut in_flight {
            in_flight.answered(response.status().as_u16());
        }
        Poll::Ready(Ok(response.map(|body| ResponseBody::new(body, in_flight))))
    }
}

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
    fn new(body: Body, in_flight: Option<InFlightRequest>) -> Self {
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
    front: Arc<Front>,
    method: usize,
    route: Route,
    began: Instant,
    answered: bool,
    held: Option<Arc<BudgetShare>>,
}

/// The status under which requests are counted whose client left before the response.
const CLIENT_LEFT: u16 = 499;

impl InFlightRequest {
    fn new(
        watch: Arc<ConnectionWatch>,
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

    /// Counts the response and the time until it was ready. How long a client takes to read it isn't
    /// the server's time.
    pub(super) fn answered(&mut self, status: u16) {
        self.answered = true;
        let time = self.began.elapsed();
        self.front.metrics.traffic().record(self.route, self.method, status, time);
    }
}

impl Drop for InFlightRequest {
    fn drop(&mut self) {
        if !self.answered {
            self.answered(CLIENT_LEFT);
        }
        self.front.metrics.traffic().end();
        self.watch.end_request();
    }
}
