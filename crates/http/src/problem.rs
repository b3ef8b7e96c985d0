use http::{HeaderValue, Response, header};
use muster_wire::{ErrorKind, Problem};

use crate::{Body, request_log::RefusalCode};

/// The ways to send a key: as a token, or as a password with any user name.
const SCHEMES: HeaderValue =
    HeaderValue::from_static("Bearer, Basic realm=\"muster\", charset=\"UTF-8\"");

/// The answer that a refusal becomes. Causes never travel: whoever has one logs it.
#[must_use]
pub fn respond(problem: &Problem) -> Response<Body> {
    let mut response = Response::new(Body::from(problem.to_json()));
    *response.status_mut() = problem.status();
    response.extensions_mut().insert(RefusalCode(problem.code()));
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if problem.status() == 401 {
        headers.insert(header::WWW_AUTHENTICATE, SCHEMES);
    }
    if matches!(problem.status().as_u16(), 408 | 503) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    for (name, value) in problem.headers() {
        headers.insert(name.clone(), value.clone());
    }
    response
}

/// A refusal outside of any request, as bytes of HTTP/1.1.
pub(crate) fn refusal_bytes(problem: &Problem) -> Vec<u8> {
    let (status, body) = (problem.status(), problem.to_json());
    let (code, reason) = (status.as_u16(), status.canonical_reason().unwrap_or_default());
    let mut bytes = format!(
        "HTTP/1.1 {code} {reason}\r\ncontent-type: application/json; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&body);
    bytes
}

/// The error type of routes, which axum can send.
pub struct IntoProblem(pub Problem);

impl From<Problem> for IntoProblem {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<ErrorKind> for IntoProblem {
    fn from(kind: ErrorKind) -> Self {
        Self(kind.into())
    }
}

impl axum::response::IntoResponse for IntoProblem {
    fn into_response(self) -> axum::response::Response {
        respond(&self.0).map(Into::into)
    }
}
