use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use muster_catalog::View;
use muster_wire::{ErrorCode, Problem, etag::EntityTag, headers::MUSTER_POSITION};

use super::tags;
use crate::{Body, respond};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// An answer that is being built; common headers are added at the end.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// An answer in JSON.
    pub fn json(body: Vec<u8>) -> Self {
        let mut answer = Self::empty(StatusCode::OK);
        answer.headers.insert(header::CONTENT_TYPE, JSON);
        answer.body = body.into();
        answer
    }

    /// Sets a header, if the text is a valid value.
    pub fn header(&mut self, name: header::HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
    }

    /// Adds a header, in addition to others with its name.
    pub fn another(&mut self, name: header::HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
    }

    /// Sets the entity tag.
    pub fn tag(&mut self, tag: EntityTag) {
        self.headers.insert(header::ETAG, tags::header_value(tag));
    }

    /// Sets the position of the view.
    pub fn position(&mut self, view: &View) {
        self.headers.insert(MUSTER_POSITION, HeaderValue::from(view.position().0));
    }
}

/// Adds what every answer has, including errors; `methods` are those of its place.
pub(super) fn finish(
    answer: Result<Answer, Problem>,
    methods: &'static str,
    root: &str,
) -> Response<Body> {
    let mut response = match answer {
        Ok(answer) => {
            let body = if answer.body.is_empty() { Body::Empty } else { Body::Full(answer.body) };
            let mut response = Response::new(body);
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            response
        }
        Err(problem) => {
            let mut response = respond(&problem);
            if matches!(problem.code(), ErrorCode::ActionNotSupported | ErrorCode::DetailsRequired)
            {
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
            }
            response
        }
    };
    common(response.headers_mut(), methods, root);
    response
}

/// The headers of every answer; `methods` are those of its place.
pub(super) fn common(headers: &mut HeaderMap, methods: &'static str, root: &str) {
    let allowed = headers.get(header::ALLOW).cloned();
    headers
        .entry(header::ACCESS_CONTROL_ALLOW_METHODS)
        .or_insert_with(|| allowed.unwrap_or(HeaderValue::from_static(methods)));
    let link = muster_wire::headers::link(root, "xregistry-root");
    if let Ok(link) = HeaderValue::from_str(&link) {
        headers.append(header::LINK, link);
    }
}

/// Names the description of the API (RFC 8631, `service-desc`).
pub(super) fn describe(base: &str, headers: &mut HeaderMap) {
    let link = muster_wire::headers::link(&format!("{base}/openapi.json"), "service-desc");
    if let Ok(link) = HeaderValue::from_str(&link) {
        headers.append(header::LINK, link);
    }
}
