use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use muster_wire::{ErrorKind, Problem, headers::MUSTER_POSITION};

use super::Front;
use crate::{
    Body, body::without_body, budget::weigh, compression, cors, problem::respond,
    request_id::X_REQUEST_ID,
};

const X_CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");
pub(super) const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// Documents are whatever somebody put, HTML too. Shown in a browser they run nothing and reach
/// nothing, least of all the console beside them.
pub(super) const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// Bytes of large responses that may wait for their clients at once: four of the largest.
pub(super) const ANSWERS_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Finishes a response: compression, and the headers that depend on the request.
pub(super) struct ResponseFinisher {
    front: Arc<Front>,
    method: Method,
    path: Option<Box<str>>,
    accepts_gzip: bool,
    ends_connection: bool,
    in_console: bool,
    /// The origin whose pages may read the response.
    shared_with: Option<HeaderValue>,
    request_id: HeaderValue,
}

impl ResponseFinisher {
    pub(super) fn new<B>(front: &Arc<Front>, request: &Request<B>, request_id: &str) -> Self {
        let headers = request.headers();
        let path = request.uri().path();
        // A connection ends after a body in chunks: only the library knows where that ends.
        let ends_connection =
            request.version() < Version::HTTP_2 && headers.contains_key(header::TRANSFER_ENCODING);
        Self {
            front: Arc::clone(front),
            method: request.method().clone(),
            path: None,
            accepts_gzip: compression::accepts_gzip(headers),
            ends_connection,
            in_console: !path.starts_with("/api") && !path.starts_with("/site"),
            shared_with: front.origins.origin_of(headers),
            request_id: HeaderValue::from_str(request_id)
                .unwrap_or(const { HeaderValue::from_static("") }),
        }
    }

    /// Finishes a route's response.
    pub(super) async fn finish_routed(self, response: Response<Body>) -> Response<Body> {
        let response = self.name_what_is_missing(response);
        let response = match self.accepts_gzip {
            true if self.method == Method::HEAD => compression::as_if_compressed(response),
            true => compression::compress(response, &self.front.compressing).await,
            false => response,
        };
        let response = self.weighed(compression::varying(response));
        self.finish(response)
    }

    /// Counts a large response against the budget until its client has received it. If the budget
    /// is used up, a GET is refused; the response to a write is still sent.
    fn weighed(&self, response: Response<Body>) -> Response<Body> {
        let (parts, body) = response.into_parts();
        let (body, taken) = weigh(body, &self.front.answers);
        if taken.is_err() && self.method == Method::GET {
            let path = self.path.as_deref().unwrap_or("/");
            let problem = Problem::new(ErrorKind::ServerBusy).subject(path);
            return respond(&problem.instance(self.request_id.to_str().unwrap_or_default()));
        }
        Response::from_parts(parts, body)
    }

    /// Adds the headers that every response has, and removes the body of a response to HEAD.
    pub(super) fn finish(&self, response: Response<Body>) -> Response<Body> {
        let mut response = response;
        let status = response.status();
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, self.request_id.clone());
        headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        if !self.in_console {
            headers.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
        }
        // Who isn't let in learns nothing of how much is written.
        if status != StatusCode::UNAUTHORIZED
            && let Some(position) = &self.front.position
            && !headers.contains_key(&MUSTER_POSITION)
        {
            headers.insert(MUSTER_POSITION, HeaderValue::from(position().0));
        }
        if self.front.origins.are_any() {
            headers.append(header::VARY, cors::VARY);
        }
        if let Some(origin) = &self.shared_with {
            cors::share(origin, headers);
        }
        if self.ends_connection {
            headers.insert(header::CONNECTION, const { HeaderValue::from_static("close") });
        }
        if self.method == Method::HEAD { without_body(response) } else { response }
    }

    /// Gives the router's bare 404 and 405 a problem as their body.
    fn name_what_is_missing(&self, response: Response<Body>) -> Response<Body> {
        let path = self.path.as_deref().unwrap_or("/");
        if response.headers().contains_key(header::CONTENT_TYPE) {
            return response;
        }
        let problem = match response.status() {
            StatusCode::NOT_FOUND => Problem::new(ErrorKind::ApiNotFound).subject(path),
            StatusCode::METHOD_NOT_ALLOWED => Problem::new(ErrorKind::ActionNotSupported {
                action: self.method.as_str().to_owned(),
            })
            .subject(path),
            _ => return response,
        };
        let mut named = respond(&problem);
        if let Some(allow) = response.headers().get(header::ALLOW) {
            named.headers_mut().insert(header::ALLOW, allow.clone());
        }
        named
    }

    pub(super) fn with_path(mut self, path: &str) -> Self {
        self.path = Some(path.into());
        self
    }
}
