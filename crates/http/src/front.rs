//! What stands before every request. All of it is plain calls in one function: a stack of layers
//! measured at less than half the requests per second.

mod address;
mod admission;
mod answer;
mod desk;
mod in_process;
mod plain;
mod request_id;

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use muster_wire::Problem;
use muster_words::Position;
use tokio::sync::watch::Receiver;

pub use address::PublicAddress;
pub(crate) use desk::{Bounds, Desk};
pub use plain::PlainHead;

use self::request_id::RequestIds;
use crate::{Body, BodyBudget, Phase, metrics::Metrics};

/// Who asks, as the gatekeeper found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// An opaque id, which entries of the ledger may carry.
    pub id: Arc<str>,
    /// What it may do.
    pub role: Arc<str>,
}

/// Decides who a request is from and whether it may come in at all. What it may do there is
/// decided with the command.
pub trait Gatekeeper: Send + Sync {
    /// Whether nobody needs a key: then requests are held to this computer's own names and pages,
    /// because a web page in a browser on this computer comes from loopback too.
    fn is_open(&self) -> bool;

    /// Finds out who asks.
    ///
    /// # Errors
    /// `key_required` or `key_unknown`.
    fn admit(&self, headers: &HeaderMap, peer: SocketAddr) -> Result<Principal, Problem>;
}

/// A GET or HEAD that was let in, as far as answering from memory needs it.
pub struct Asked<'a> {
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

/// A GET that brings nothing that asks for more than a document, and was let in.
#[derive(Clone, Copy, Debug)]
pub struct PlainlyAsked<'a> {
    /// The path, without a query.
    pub path: &'a str,
    /// What absolute URLs begin with, without a slash at the end.
    pub base: &'a str,
    /// Whether the client takes gzip.
    pub accepts_gzip: bool,
    /// `If-None-Match`, as sent.
    pub known: Option<&'a [u8]>,
}

/// An answer as it goes out in HTTP/1.1, but for what depends on the request.
#[derive(Clone, Debug)]
pub struct Printed {
    /// The status in `head`.
    pub status: StatusCode,
    /// Status line and headers, each with its line's end, the body's length among them.
    pub head: Bytes,
    /// The view's position.
    pub position: Position,
    /// The body.
    pub body: Bytes,
}

/// Answers from representations that are rendered already.
pub trait FastRead: Send + Sync {
    /// The whole answer, or None where the routes must make it. It must neither block nor wait;
    /// it sets `Muster-Position`, because it alone knows the view that it read. For HEAD it gives
    /// what GET would: the body is taken off afterwards.
    fn read(&self, asked: &Asked<'_>) -> Option<Response<Body>>;

    /// The same answer as `read` gives, printed; or None.
    fn print(&self, asked: &PlainlyAsked<'_>) -> Option<Printed>;
}

/// What routes learn of a request that was let in; an extension of the request.
#[derive(Clone)]
pub struct Caller {
    /// Who asks.
    pub principal: Principal,
    /// What absolute URLs begin with, without a slash at the end.
    pub base: Arc<str>,
    /// The request's id, as in the answer's `x-request-id` and in the log.
    pub request_id: Arc<str>,
    /// The trace that the request is part of: `traceparent` (W3C Trace Context), where it is one.
    pub trace: Option<Arc<str>>,
    /// Where the request came from.
    pub peer: SocketAddr,
    /// Where the server is in its life; long streams end when it leaves `Running`.
    pub phase: Receiver<Phase>,
}

/// Stands before the routes.
pub struct Front {
    router: Router,
    gatekeeper: Arc<dyn Gatekeeper>,
    metrics: Arc<Metrics>,
    fast: Option<Arc<dyn FastRead>>,
    position: Option<Arc<dyn Fn() -> Position + Send + Sync>>,
    public: Option<PublicAddress>,
    request_ids: RequestIds,
    /// What large answers hold until their clients have taken them.
    answers: Arc<BodyBudget>,
}

impl Front {
    /// A front before these routes.
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

    /// Answers documents from memory, before the routes.
    #[must_use]
    pub fn with_fast_read(mut self, fast: Arc<dyn FastRead>) -> Self {
        self.fast = Some(fast);
        self
    }

    /// Says where the newest view stands, for answers that don't say it themselves.
    #[must_use]
    pub fn with_position(
        mut self,
        position: impl Fn() -> Position + Send + Sync + 'static,
    ) -> Self {
        self.position = Some(Arc::new(position));
        self
    }

    /// Begins absolute URLs with this address, whatever a request calls the server.
    #[must_use]
    pub fn with_public_address(mut self, public: PublicAddress) -> Self {
        self.public = Some(public);
        self
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}
