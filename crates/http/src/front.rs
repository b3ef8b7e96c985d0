//! What every request passes before the routes: admission, limits, metrics, the fast path for
//! documents. These are plain function calls: a stack of middleware layers reached less than half
//! of the requests per second.

mod admission;
mod answer;
mod in_process;
mod plain;
mod request_guard;
mod session;

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use http::Response;
use muster_guard::{ANONYMOUS_ACTOR, Principal, Role};
use muster_registry::LongWork;
use muster_wire::Problem;
use muster_words::Position;
use tokio::sync::watch::Receiver;

pub use plain::PlainHead;
pub(crate) use request_guard::{RequestGuard, RequestLimits};
pub use session::{CONSOLE, SESSION_TOKEN, session_cookie, session_id};

use crate::{
    AllowedOrigins, Body, BodyBudget, FastRead, Gatekeeper, Phase, PublicAddress, RequestLog,
    metrics::Metrics,
    native::{self, Session, Sessions},
    problem::respond,
    request_id::RequestIds,
};

/// What routes know about an admitted request. It is an extension of the request.
#[derive(Clone)]
pub struct Caller {
    /// Who asks.
    pub principal: Arc<Principal>,
    /// What absolute URLs begin with, without a slash at the end.
    pub base: Arc<str>,
    /// The request's id, as in the answer's `x-request-id` and in the log.
    pub request_id: Arc<str>,
    /// The trace that the request belongs to: a valid `traceparent` (W3C Trace Context).
    pub trace: Option<Arc<str>>,
    /// Where the request came from.
    pub peer: SocketAddr,
    /// The session of the console that the request belongs to; none if it came with a key, or
    /// without anything.
    pub session: Option<Session>,
    /// The server's phase. Long streams end when it leaves `Running`.
    pub phase: Receiver<Phase>,
}

/// Everything between a connection and the routes, shared by all connections.
pub struct Front {
    router: Router,
    gatekeeper: Arc<dyn Gatekeeper>,
    metrics: Arc<Metrics>,
    fast: Option<Arc<dyn FastRead>>,
    position: Option<Arc<dyn Fn() -> Position + Send + Sync>>,
    public: Option<PublicAddress>,
    request_ids: RequestIds,
    request_log: RequestLog,
    origins: AllowedOrigins,
    /// The sessions of the console; none if there is no console.
    sessions: Option<Arc<Sessions>>,
    /// The path below which Confluent's API is; refusals there have its form.
    schema_api: Option<&'static str>,
    /// Who reads the site without a key; none if that needs one.
    site_reader: Option<Arc<Principal>>,
    /// Memory held by large responses until their clients have received them.
    answers: Arc<BodyBudget>,
    /// The turns for compressing large responses: as many as there are processors.
    compressing: LongWork,
}

impl Front {
    /// A front for these routes.
    #[must_use]
    pub fn new(router: Router, gatekeeper: Arc<dyn Gatekeeper>, metrics: Arc<Metrics>) -> Self {
        Self {
            router,
            gatekeeper,
            metrics,
            fast: None,
            position: None,
            public: None,
            request_ids: RequestIds::new(),
            request_log: RequestLog::default(),
            origins: AllowedOrigins::default(),
            sessions: None,
            schema_api: None,
            site_reader: None,
            answers: BodyBudget::new(answer::ANSWERS_BYTES_MAX),
            compressing: LongWork::default(),
        }
    }

    /// Serves documents from memory before the routes are asked.
    #[must_use]
    pub fn with_fast_read(mut self, fast: Arc<dyn FastRead>) -> Self {
        self.fast = Some(fast);
        self
    }

    /// Lets everybody read the site, also without a key.
    #[must_use]
    pub fn with_public_site(mut self) -> Self {
        self.site_reader = Some(Arc::new(Principal::new(ANONYMOUS_ACTOR, Role::Consumer)));
        self
    }

    /// Lets people in who signed in to the console.
    #[must_use]
    pub fn with_sessions(mut self, sessions: Arc<Sessions>) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// Says below which path Confluent's API is, so that its clients understand who isn't let in.
    #[must_use]
    pub const fn with_schema_api(mut self, below: &'static str) -> Self {
        self.schema_api = Some(below);
        self
    }

    /// The response to a request that isn't let in.
    fn refused(&self, path: &str, problem: &Problem) -> Response<Body> {
        let below = self.schema_api.and_then(|prefix| path.strip_prefix(prefix));
        match below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            true => native::refused_by_schema_api(problem),
            false => respond(problem),
        }
    }

    /// Sets the source of `Muster-Position` for responses that don't set it themselves.
    #[must_use]
    pub fn with_position(
        mut self,
        position: impl Fn() -> Position + Send + Sync + 'static,
    ) -> Self {
        self.position = Some(Arc::new(position));
        self
    }

    /// Begins absolute URLs with this address, whatever host a request names.
    #[must_use]
    pub fn with_public_address(mut self, public: PublicAddress) -> Self {
        self.public = Some(public);
        self
    }

    /// Logs requests in this way.
    #[must_use]
    pub fn with_request_log(mut self, request_log: RequestLog) -> Self {
        self.request_log = request_log;
        self
    }

    /// Lets web pages of these origins use the server.
    #[must_use]
    pub fn with_allowed_origins(mut self, origins: AllowedOrigins) -> Self {
        self.origins = origins;
        self
    }

    /// Another front for other routes, with the same keys, origins, metrics and position.
    #[must_use]
    pub fn beside(&self, router: Router) -> Self {
        let front = self.with_routes(router, Arc::clone(&self.gatekeeper));
        Self { public: self.public.clone(), origins: self.origins.clone(), ..front }
    }

    /// Another front with the same metrics and position, for other routes.
    pub(crate) fn with_routes(&self, router: Router, gatekeeper: Arc<dyn Gatekeeper>) -> Self {
        let front = Self::new(router, gatekeeper, Arc::clone(&self.metrics));
        Self { position: self.position.clone(), request_log: self.request_log, ..front }
    }

    /// The metrics.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}
