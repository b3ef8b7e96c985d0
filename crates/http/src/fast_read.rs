use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use muster_guard::Principal;
use muster_wire::headers::MUSTER_POSITION;
use muster_words::Position;

use crate::Body;

/// An admitted GET or HEAD without a query, reduced to what answering from memory needs.
#[derive(Clone, Copy, Debug)]
pub struct FastRequest<'a> {
    /// The path, as sent.
    pub path: &'a str,
    /// What absolute URLs begin with, without a slash at the end.
    pub base: &'a str,
    /// Whether the client takes gzip.
    pub accepts_gzip: bool,
    /// `Accept`, as sent.
    pub accept: Option<&'a [u8]>,
    /// `If-None-Match`, as sent.
    pub known: Option<&'a [u8]>,
    /// Who asks.
    pub principal: &'a Principal,
}

/// Answers from representations that were rendered before.
pub trait FastRead: Send + Sync {
    /// The whole response and the position of the view that it was compared with, or None if the
    /// routes must build it. It must not block or wait. For HEAD it returns what GET would: the
    /// body is removed afterwards.
    fn read(&self, asked: &FastRequest<'_>) -> Option<(Arc<FullResponse>, Position)>;
}

/// Several of them, asked in their order.
pub struct FastReads(pub Vec<Arc<dyn FastRead>>);

impl FastRead for FastReads {
    fn read(&self, asked: &FastRequest<'_>) -> Option<(Arc<FullResponse>, Position)> {
        self.0.iter().find_map(|reads| reads.read(asked))
    }
}

/// A response that is rendered, without the headers that depend on the request.
#[derive(Debug)]
pub struct FullResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// Status line and headers as bytes, once a plain request wanted them.
    head: OnceLock<Bytes>,
}

impl FullResponse {
    /// A response of these parts.
    #[must_use]
    pub fn new(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body, head: OnceLock::new() }
    }

    /// The response for the HTTP library.
    #[must_use]
    pub fn respond(&self, position: Position) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response.headers_mut().insert(MUSTER_POSITION, HeaderValue::from(position.0));
        response
    }

    /// The status line and the headers in the form of HTTP/1.1 (RFC 9112, 4 and 5), Content-Length
    /// included, each with its line ending.
    pub(crate) fn head(&self) -> &[u8] {
        self.head.get_or_init(|| {
            let reason = self.status.canonical_reason().unwrap_or_default();
            let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", self.status.as_u16()).into_bytes();
            for (name, value) in &self.headers {
                bytes.extend_from_slice(name.as_str().as_bytes());
                bytes.extend_from_slice(b": ");
                bytes.extend_from_slice(value.as_bytes());
                bytes.extend_from_slice(b"\r\n");
            }
            if self.status != StatusCode::NOT_MODIFIED {
                let length = self.body.len();
                bytes.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
            }
            bytes.into()
        })
    }
}
