//! What every request passes before the routes: admission, limits, metrics, the fast path for
//! documents. These are plain function calls: a stack of middleware layers reached less than half
//! of the requests per second.

mod address;
mod admission;
mod answer;
mod in_process;
mod metrics_alone;
mod plain;
mod request_guard;
mod request_id;

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use muster_guard::Principal;
use muster_wire::Problem;
use muster_words::Position;
use tokio::sync::watch::Receiver;

pub use address::PublicAddress;
pub use plain::PlainHead;
pub(crate) use request_guard::{RequestGuard, RequestLimits};

use self::request_id::RequestIds;
use crate::{Body, BodyBudget, Phase, metrics::Metrics};

/// Authenticates a request and decides whether it is let in. What the caller may do is authorized
/// later, with the command.
pub trait Gatekeeper: Send + Sync {
    /// Whether no key is needed. Then only requests for this computer's own names are accepted,
    /// because a foreign web page in a local browser comes from loopback too.
    fn is_open(&self) -> bool;

    /// Authenticates the caller by the header `Authorization`, or by its absence.
    ///
    /// # Errors
    /// `key_required`, `key_unknown` or `key_expired`.
    fn admit(
        &self,
        authorization: Option<&[u8]>,
        peer: SocketAddr,
    ) -> Result<Arc<Principal>, Problem>;

    /// The position at which keys last changed. While it stays, a header means whom it meant, for
    /// as long as that principal is valid.
    fn keys_changed_at(&self) -> Position;

    /// Whether the time of a principal's key isn't over.
    fn is_valid(&self, principal: &Principal) -> bool;
}

/// An admitted GET or HEAD request, reduced to what answering from memory needs.
pub struct FastRequest<'a> {
    /// GET or HEAD.
    pub method: &'a Method,
    /// The path, as sent.
    pub path: &'a str,
    /// What follows the question mark.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// What absolute URLs begin with, without a slash at the end.
    pub base: &'a str,
    /// Who asks.
    pub principal: &'a Principal,
}

/// An admitted GET without a query or unusual headers, reduced to what answering it needs.
#[derive(Clone, Copy, Debug)]
pub struct PlainRequest<'a> {
    /// The path, without a query.
    pub path: &'a str,
    /// What absolute URLs begin with, without a slash at the end.
    pub base: &'a str,
    /// Who asks.
    pub principal: &'a Principal,
    /// Whether the client takes gzip.
    pub accepts_gzip: bool,
    /// `If-None-Match`, as sent.
    pub known: Option<&'a [u8]>,
}

/// A response in HTTP/1.1 bytes, without the headers that depend on the request.
#[derive(Clone, Debug)]
pub struct EncodedResponse {
    /// The status in `head`.
    pub status: StatusCode,
    /// The status line and the headers, Content-Length included, each with its line ending.
    pub head: Bytes,
    /// The view's position.
    pub position: Position,
    /// The body.
    pub body: Bytes,
}

/// Answers from representations that were rendered before.
pub trait FastRead: Send + Sync {
    /// The whole response, or None if the routes must build it. It must not block or wait. It sets
    /// `Muster-Position`, because only it knows which view it read. For HEAD it returns what GET
    /// would: the body is removed afterwards.
    fn read(&self, asked: &FastRequest<'_>) -> Option<Response<Body>>;

    /// The same response as `read` returns, as bytes; or None.
    fn read_encoded(&self, asked: &PlainRequest<'_>) -> Option<EncodedResponse>;
}

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
    /// Memory held by large responses until their clients have received them.
    answers: Arc<BodyBudget>,
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
            answers: BodyBudget::new(answer::ANSWERS_BYTES_MAX),
        }
    }

    /// Serves documents from memory before the routes are asked.
    #[must_use]
    pub fn with_fast_read(mut self, fast: Arc<dyn FastRead>) -> Self {
        self.fast = Some(fast);
        self
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

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}
