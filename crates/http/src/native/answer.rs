use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::Body;

/// A JSON answer with sorted members. Caches must not store it, because it describes the present.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    // Every value of a type in `wire` can be serialised.
    let value = serde_json::to_value(value).unwrap_or_default();
    let mut text = serde_json::to_vec_pretty(&value).unwrap_or_default();
    text.push(b'\n');
    let mut response = http::Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.map(Into::into)
}

/// An answer without content.
pub(super) fn done() -> Response {
    let mut response = http::Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.map(Into::into)
}
