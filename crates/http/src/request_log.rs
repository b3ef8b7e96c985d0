//! The log of requests. A request whose line isn't wanted costs one comparison: its values are built
//! only for a line that is written.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::Response;
use muster_guard::Principal;
use muster_wire::ErrorCode;
use tracing::{Level, enabled};

use crate::metrics::{Route, method_name};

/// Which requests are logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLog {
    /// The level of a request that was answered in time and wasn't refused.
    pub level: RequestLevel,
    /// A request that takes longer is warned of; zero: none.
    pub slow: Duration,
}

/// The level of a usual request's line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RequestLevel {
    /// It has none.
    Off,
    /// Where the log shows `debug`.
    #[default]
    Debug,
    /// Where the log shows `info`.
    Info,
}

impl Default for RequestLog {
    fn default() -> Self {
        Self { level: RequestLevel::default(), slow: Duration::from_secs(1) }
    }
}

/// The code of a refusal, as an extension of its response.
#[derive(Clone, Copy)]
pub(crate) struct RefusalCode(pub ErrorCode);

/// The target of the lines, for filters such as `info,muster_http::requests=debug`.
const TARGET: &str = "muster_http::requests";

/// The longest part of a path that is logged.
const PATH_LENGTH_MAX: usize = 300;

impl RequestLog {
    /// Whether the line of a usual request is written.
    pub(crate) fn is_on(&self) -> bool {
        match self.level {
            RequestLevel::Off => false,
            RequestLevel::Debug => enabled!(target: TARGET, Level::DEBUG),
            RequestLevel::Info => enabled!(target: TARGET, Level::INFO),
        }
    }

    /// What the line says of a request that has just come. A path is copied only for a line that is
    /// written anyway.
    pub(crate) fn begin(
        &self,
        request_id: &Arc<str>,
        peer: SocketAddr,
        path: &str,
    ) -> LoggedRequest {
        LoggedRequest {
            log: *self,
            request_id: Arc::clone(request_id),
            peer,
            path: self.is_on().then(|| path.chars().take(PATH_LENGTH_MAX).collect()),
            principal: None,
            code: None,
            bytes: 0,
        }
    }

    /// The same for an answer from memory, which is never slow and never a refusal.
    pub(crate) fn begin_plain(
        &self,
        (path, peer): (&str, SocketAddr),
        request_id: &[u8],
        principal: &Arc<Principal>,
        bytes: usize,
    ) -> Option<LoggedRequest> {
        if !self.is_on() {
            return None;
        }
        let request_id = String::from_utf8_lossy(request_id).into();
        let begun = self.begin(&request_id, peer, path);
        Some(LoggedRequest {
            principal: Some(Arc::clone(principal)),
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            ..begun
        })
    }
}

/// What the line of a request says besides its method, route, status and time.
pub(crate) struct LoggedRequest {
    log: RequestLog,
    request_id: Arc<str>,
    peer: SocketAddr,
    path: Option<Box<str>>,
    principal: Option<Arc<Principal>>,
    code: Option<ErrorCode>,
    bytes: u64,
}

macro_rules! line {
    ($level:expr, $request:expr, $answer:expr, $message:literal) => {
        tracing::event!(
            target: TARGET,
            $level,
            method = $answer.method,
            route = $answer.route,
            path = $request.path.as_deref(),
            status = $answer.status,
            code = $request.code.map(ErrorCode::name),
            duration_us = u64::try_from($answer.time.as_micros()).unwrap_or(u64::MAX),
            bytes = $request.bytes,
            principal = $request.principal.as_ref().map(|principal| &*principal.id),
            peer = %$request.peer,
            request = &*$request.request_id,
            $message
        )
    };
}

impl LoggedRequest {
    /// Who sent it.
    pub(crate) fn is_from(&mut self, principal: &Arc<Principal>) {
        self.principal = Some(Arc::clone(principal));
    }

    /// How it is answered.
    pub(crate) fn answered<B>(&mut self, response: &Response<B>) {
        self.code = response.extensions().get::<RefusalCode>().map(|code| code.0);
    }

    /// So much of the answer's body was passed on.
    pub(crate) const fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Writes the line, if it is wanted.
    pub(crate) fn write(&self, answer: &LoggedAnswer) {
        let is_slow = !self.log.slow.is_zero() && answer.time >= self.log.slow;
        match answer.status {
            500.. if self.code.is_some_and(|code| code.facts().retryable) => {
                line!(Level::INFO, self, answer, "a request was refused for now");
            }
            500.. => line!(Level::WARN, self, answer, "a request failed"),
            401 | 403 | 421 => line!(Level::INFO, self, answer, "a request was refused"),
            _ if is_slow => line!(Level::WARN, self, answer, "a request was slow"),
            _ => match self.log.level {
                RequestLevel::Off => {}
                RequestLevel::Debug => line!(Level::DEBUG, self, answer, "request"),
                RequestLevel::Info => line!(Level::INFO, self, answer, "request"),
            },
        }
    }
}

/// What the metrics know of an answered request as well.
pub(crate) struct LoggedAnswer {
    pub method: &'static str,
    pub route: &'static str,
    pub status: u16,
    pub time: Duration,
}

impl LoggedAnswer {
    pub(crate) fn new(method: usize, route: Route, status: u16, time: Duration) -> Self {
        Self { method: method_name(method), route: Route::label(route.index()), status, time }
    }
}
