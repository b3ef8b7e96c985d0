//! Answers plain requests without the HTTP library: the same admission and the same headers as for
//! every request, without a map of headers.

use std::{
    io::Write as _,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use http::Method;
use muster_words::Position;

use super::{
    RequestGuard,
    answer::{NOSNIFF, SANDBOX},
};
use crate::{
    FastRequest, FullResponse, compression, host::is_host, metrics::Route,
    response_body::InFlightRequest,
};

/// The longest body that is copied behind its head, so that both are sent in one write. A longer
/// one is left to the library, which sends it without a copy.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The head of a plain request: a GET below `/api` or of a schema by its id, without a query, of a name that needs no
/// decoding. The fields are all that its answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainHead<'a> {
    /// The path.
    pub path: &'a str,
    /// `Host`.
    pub host: &'a str,
    /// `Accept`.
    pub accept: Option<&'a [u8]>,
    /// `If-None-Match`.
    pub known: Option<&'a [u8]>,
    /// `Accept-Encoding`.
    pub encoding: Option<&'a str>,
    /// `Authorization`.
    pub authorization: Option<&'a [u8]>,
    /// `X-Request-Id`.
    pub request_id: Option<&'a str>,
}

impl RequestGuard {
    /// Writes the whole response to a plain request. None means that nothing was done and the
    /// request must go through the library.
    pub(crate) fn answer_plainly(
        &self,
        head: &PlainHead<'_>,
        out: &mut Vec<u8>,
    ) -> Option<InFlightRequest> {
        let began = Instant::now();
        let fast = self.front.fast.as_ref().filter(|_| is_host(head.host))?;
        let (base, is_loopback) = self.known(head.host);
        // Whoever isn't let in is told so by the same words as everybody.
        let principal = self.principal(head.authorization).ok()?;
        if !is_loopback && self.front.gatekeeper.is_open() {
            return None;
        }
        let asked = FastRequest {
            path: head.path,
            base: &base,
            principal: &principal,
            accepts_gzip: compression::takes_gzip(head.encoding.into_iter()),
            accept: head.accept,
            known: head.known,
        };
        let read = catch_unwind(AssertUnwindSafe(|| fast.read(&asked))).ok()?;
        let (response, position) = read.filter(|(read, _)| read.body.len() <= BODY_BYTES_MAX)?;
        let mut in_flight = self.in_flight(&Method::GET, Route::of(head.path), began);
        let request_id = self.write(&response, position, head.request_id, out);
        let (asked, size) = ((head.path, self.peer), response.body.len());
        let log = &self.front.request_log;
        in_flight.logged = log.begin_plain(asked, &out[request_id], &principal, size);
        in_flight.answered(response.status.as_u16());
        Some(in_flight)
    }

    /// Writes a response with the headers that every response below `/api` has. Answers where in it
    /// the request's id is.
    fn write(
        &self,
        response: &FullResponse,
        position: Position,
        request_id: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Range<usize> {
        let head = response.head();
        out.reserve(head.len() + response.body.len() + 256);
        out.extend_from_slice(head);
        // Writing into a Vec can't fail.
        let _ = write!(out, "muster-position: {position}\r\nx-request-id: ");
        let begin = out.len();
        self.front.request_ids.write(request_id, out);
        let written = begin..out.len();
        out.extend_from_slice(b"\r\nx-content-type-options: ");
        out.extend_from_slice(NOSNIFF.as_bytes());
        out.extend_from_slice(b"\r\ncontent-security-policy: ");
        out.extend_from_slice(SANDBOX.as_bytes());
        if self.front.origins.are_any() {
            out.extend_from_slice(b"\r\nvary: origin");
        }
        out.extend_from_slice(b"\r\ndate: ");
        crate::date::write_date(out);
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&response.body);
        written
    }
}
