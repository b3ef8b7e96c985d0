use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::Body;

/// The media types that this API answers with, by preference.
pub(super) const MEDIA_TYPES: [&str; 3] = [
    "application/vnd.schemaregistry.v1+json",
    "application/vnd.schemaregistry+json",
    "application/json",
];

/// An answer with a value.
pub(super) fn json(value: &impl Serialize) -> Response {
    with_status(StatusCode::OK, value)
}

/// An answer with another status.
pub(super) fn with_status(status: StatusCode, value: &impl Serialize) -> Response {
    // Every value of a type in `wire` can be serialised.
    let text = serde_json::to_vec(value).unwrap_or_default();
    of_bytes(status, text)
}

/// An answer without content.
pub(super) fn nothing() -> Response {
    let mut response = http::Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.map(Into::into)
}

/// A text that is an answer itself.
pub(super) fn text(text: String) -> Response {
    of_bytes(StatusCode::OK, text.into_bytes())
}

fn of_bytes(status: StatusCode, bytes: Vec<u8>) -> Response {
    let mut response = http::Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPES[0]));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    response.map(Into::into)
}

/// The media type for a client that accepts these; none if it accepts none of ours.
pub(super) fn accepted(accept: Option<&str>) -> Option<&'static str> {
    let Some(accept) = accept.filter(|text| !text.trim().is_empty()) else {
        return Some(MEDIA_TYPES[0]);
    };
    let wanted: Vec<&str> =
        accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim()).collect();
    let takes = |own: &&&str| {
        wanted.iter().any(|one| matches!(*one, "*/*" | "application/*") || one == *own)
    };
    MEDIA_TYPES.iter().find(takes).copied()
}
