use std::{
    cell::RefCell,
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    time::Instant,
};

use axum::routing::future::RouteFuture;
use http::{Method, Request, Response, StatusCode, Uri, Version, header};
use http_body::Body as _;
use hyper::{body::Incoming, service::Service};
use parking_lot::Mutex;
use tokio::sync::watch::Receiver;
use tower_service::Service as _;

use super::{
    Caller, Front,
    admission::{Admitted, CheckedHost, KnownCaller},
    answer::ResponseFinisher,
    session::{CONSOLE, is_home},
};
use crate::{
    Body, BodyBudget, FastRequest, Phase, Principal, ServerLimits,
    budget::BudgetShare,
    compression,
    connections::ConnectionWatch,
    metrics::Route,
    panics::{Caught, after_panic},
    request_body::{BodyBounds, RequestBody, read_unwanted},
    request_id::trace_of,
    response_body::{InFlightRequest, ResponseBody},
    upgrade::{UpgradeSlot, Upgraded, asks_for_websocket},
};

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
    /// What URLs begin with where nobody said it: `http` or `https`.
    pub(super) scheme: &'static str,
    pub(super) anonymous: Arc<Principal>,
    pub(super) known_host: RefCell<Option<CheckedHost>>,
    pub(super) known_caller: RefCell<Option<KnownCaller>>,
    phase: Receiver<Phase>,
    /// What the last request that asked for another protocol was given.
    upgrade: RefCell<Option<UpgradeSlot>>,
}

impl RequestGuard {
    pub(crate) fn new(
        front: Arc<Front>,
        bounds: Arc<RequestLimits>,
        watch: Arc<ConnectionWatch>,
        phase: Receiver<Phase>,
        (peer, scheme): (SocketAddr, &'static str),
    ) -> Self {
        let anonymous = Arc::new(Principal::probe());
        let (known_host, known_caller) = (RefCell::new(None), RefCell::new(None));
        Self {
            front,
            bounds,
            watch,
            peer,
            scheme,
            anonymous,
            known_host,
            known_caller,
            phase,
            upgrade: RefCell::default(),
        }
    }

    /// What the connection goes on with, if its last request was answered so.
    pub(crate) fn take_upgrade(&self) -> Option<Upgraded> {
        self.upgrade.take()?.take()
    }

    /// A place for the protocol that a request asks for. HTTP/2 has no such requests.
    fn upgrade_slot(&self, request: &Request<Incoming>) -> Option<UpgradeSlot> {
        let is_possible = request.version() == Version::HTTP_11 && request.body().is_end_stream();
        let slot =
            (is_possible && asks_for_websocket(request.headers())).then(UpgradeSlot::default);
        self.upgrade.replace(slot.clone());
        slot
    }

    /// Registers a request whose head was complete at that time.
    pub(super) fn in_flight(
        &self,
        method: &Method,
        route: Route,
        began: Instant,
    ) -> InFlightRequest {
        let (watch, metrics) = (Arc::clone(&self.watch), Arc::clone(&self.front.metrics));
        InFlightRequest::new(watch, metrics, method, route, began)
    }

    /// Admits a request, or answers it here: a refusal, or a preflight, which has no key.
    fn let_in(&self, request: &Request<Incoming>, request_id: &str) -> Admission {
        if let Some(response) = self.front.origins.preflight(request) {
            return Admission::Answered(response);
        }
        match self.admit(request) {
            Ok(admitted) => Admission::Admitted(admitted),
            Err(problem) => {
                if !request.body().is_end_stream() {
                    self.watch.linger_at_end();
                }
                let path = request.uri().path();
                Admission::Answered(self.front.refused(path, &problem.instance(request_id)))
            }
        }
    }

    /// The response from memory, if there is one.
    fn read_fast(
        &self,
        request: &Request<Incoming>,
        admitted: &Admitted,
    ) -> Option<Response<Body>> {
        let fast = self.front.fast.as_ref()?;
        let (method, headers) = (request.method(), request.headers());
        let mut known = headers.get_all(header::IF_NONE_MATCH).iter();
        let first = known.next();
        if method != Method::GET && method != Method::HEAD
            || request.uri().query().is_some()
            || headers.contains_key(header::IF_MATCH)
            || known.next().is_some()
        {
            return None;
        }
        let (response, position) = fast.read(&FastRequest {
            path: request.uri().path(),
            base: &admitted.base,
            accepts_gzip: compression::accepts_gzip(headers),
            accept: headers.get(header::ACCEPT).map(|value| value.as_bytes()),
            known: first.map(|known| known.as_bytes()),
            principal: &admitted.principal,
        })?;
        Some(response.respond(position))
    }

    /// Passes a request to the routes.
    fn route(
        &self,
        request: Request<Incoming>,
        admitted: Admitted,
        request_id: Arc<str>,
        in_flight: &mut InFlightRequest,
    ) -> RouteFuture<Infallible> {
        let caller = Caller {
            principal: admitted.principal,
            base: admitted.base,
            request_id,
            trace: trace_of(request.headers()),
            peer: self.peer,
            session: admitted.session,
            phase: self.phase.clone(),
        };
        let is_http2 = request.version() == Version::HTTP_2;
        let mut request = request.map(|incoming| self.body(incoming, is_http2, in_flight));
        if self.front.sessions.is_some() && is_home(request.uri().path(), request.headers()) {
            *request.uri_mut() = Uri::from_static(CONSOLE);
        }
        request.extensions_mut().insert(caller);
        self.front.router.clone().call(request)
    }

    /// The body for the routes. An empty one costs nothing.
    fn body(
        &self,
        incoming: Incoming,
        is_http2: bool,
        in_flight: &mut InFlightRequest,
    ) -> axum::body::Body {
        if incoming.is_end_stream() {
            return axum::body::Body::empty();
        }
        let incoming = Arc::new(Mutex::new(incoming));
        if is_http2 {
            in_flight.unread = Some(Arc::clone(&incoming));
        }
        let held = BudgetShare::none(&self.bounds.budget);
        in_flight.held = Some(Arc::clone(&held));
        let watch = Arc::clone(&self.watch);
        axum::body::Body::new(RequestBody::new(incoming, self.bounds.body, held, watch))
    }
}

/// Whether a request is let in, or already answered.
enum Admission {
    Admitted(Admitted),
    Answered(Response<Body>),
}

/// A response that is there, or that a route is building.
enum Found {
    Ready(Response<Body>),
    Routed(RouteFuture<Infallible>),
}

impl Service<Request<Incoming>> for RequestGuard {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let route = Route::of(request.uri().path());
        let mut in_flight = self.in_flight(request.method(), route, Instant::now());
        let request_id = self.front.request_ids.of(request.headers());
        let path = request.uri().path();
        in_flight.logged = Some(self.front.request_log.begin(&request_id, self.peer, path));
        let mut finisher = ResponseFinisher::new(&self.front, &request, &request_id);
        let slot = self.upgrade_slot(&request);
        if let Some(slot) = &slot {
            request.extensions_mut().insert(slot.clone());
        }
        let found = match self.let_in(&request, &request_id) {
            Admission::Answered(response) => {
                if request.version() == Version::HTTP_2 && !request.body().is_end_stream() {
                    in_flight.unread = Some(Arc::new(Mutex::new(request.into_body())));
                }
                Found::Ready(response)
            }
            Admission::Admitted(admitted) => {
                in_flight.is_from(&admitted.principal);
                match catch_unwind(AssertUnwindSafe(|| self.read_fast(&request, &admitted))) {
                    Ok(Some(response)) => Found::Ready(response),
                    Ok(None) => {
                        finisher = finisher.with_path(request.uri().path());
                        let id = Arc::clone(&request_id);
                        Found::Routed(self.route(request, admitted, id, &mut in_flight))
                    }
                    Err(panic) => Found::Ready(after_panic(&*panic, &request_id)),
                }
            }
        };
        Box::pin(async move {
            let response = match found {
                Found::Ready(response) => finisher.finish(response),
                Found::Routed(future) => {
                    let response = match Caught(future).await {
                        Ok(Ok(response)) => response.map(Body::Routed),
                        Ok(Err(never)) => match never {},
                        Err(panic) => after_panic(&*panic, &request_id),
                    };
                    finisher.finish_routed(response).await
                }
            };
            if let Some(unread) = &in_flight.unread {
                read_unwanted(unread).await;
            }
            in_flight.answered_with(&response);
            if let Some(slot) =
                slot.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS)
            {
                slot.keep(in_flight);
                return Ok(response.map(|body| ResponseBody::new(body, None)));
            }
            Ok(response.map(|body| ResponseBody::new(body, Some(in_flight))))
        })
    }
}
