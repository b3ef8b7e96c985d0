use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use thiserror::Error;

use crate::Body;

/// The web pages that may use the server although they come from elsewhere (the Fetch standard,
/// "CORS protocol"). Without any, browsers let such pages neither read answers nor send changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins {
    origins: Vec<Box<str>>,
    /// Whether pages of every origin may.
    is_any: bool,
}

/// The text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} isn't an origin: a scheme, a host and maybe a port, such as https://console.example"
)]
pub struct OriginError(pub String);

/// What answers differ by, where any origin may use the server.
pub(crate) const VARY: HeaderValue = HeaderValue::from_static("origin");

/// How long a browser may remember the answer to a preflight, in seconds.
const PREFLIGHT_AGE_S: HeaderValue = HeaderValue::from_static("600");

/// The methods of all operations.
const METHODS: HeaderValue =
    HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");

/// Whatever an answer says. Keys travel in a header that a page must know, and never as cookies, so
/// the star covers all headers.
const EXPOSED: HeaderValue = HeaderValue::from_static("*");

/// The longest list of header names that a preflight may ask for, in bytes.
const REQUESTED_BYTES_MAX: usize = 1024;

impl AllowedOrigins {
    /// Reads origins; `*` stands for all.
    ///
    /// # Errors
    /// A text is no origin.
    pub fn parse<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Self, OriginError> {
        let mut allowed = Self::default();
        for text in texts.map(str::trim).filter(|text| !text.is_empty()) {
            match text {
                "*" => allowed.is_any = true,
                _ if is_origin(text) => allowed.origins.push(text.to_ascii_lowercase().into()),
                _ => return Err(OriginError(text.to_owned())),
            }
        }
        Ok(allowed)
    }

    /// Whether answers differ by the origin that asks. A shared cache must know it of each answer,
    /// also of one that was asked for without an origin (the Fetch standard, "CORS protocol and HTTP
    /// caches").
    pub(crate) fn are_any(&self) -> bool {
        self.is_any || !self.origins.is_empty()
    }

    /// Whether an origin is named, and not just one of all.
    #[must_use]
    pub fn names(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }

    /// The request's origin, if its pages may use the server.
    pub(crate) fn origin_of(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if !self.are_any() {
            return None;
        }
        headers.get(header::ORIGIN).filter(|origin| self.allow(origin)).cloned()
    }

    /// Whether pages of an origin may use the server.
    pub(crate) fn allow(&self, origin: &HeaderValue) -> bool {
        self.is_any || origin.to_str().is_ok_and(|origin| self.names(origin))
    }

    /// The answer to a preflight of an allowed origin. Browsers send it without a key, and it tells
    /// nothing about the registry.
    pub(crate) fn preflight<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let sent = request.headers();
        if request.method() != Method::OPTIONS
            || !sent.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        {
            return None;
        }
        self.origin_of(sent)?;
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE_S);
        // Which headers a page sends doesn't matter: those that are wrong are refused later.
        let asked = sent.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(names) = asked.filter(|names| is_list_of_names(names)) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        Some(response)
    }
}

/// Lets pages of an origin read an answer.
pub(crate) fn share(origin: &HeaderValue, headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

fn is_list_of_names(names: &HeaderValue) -> bool {
    let names = names.as_bytes();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_., ".contains(byte);
    names.len() <= REQUESTED_BYTES_MAX && names.iter().all(is_name)
}

/// A serialised origin (RFC 6454, 6.2), without a path.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let is_scheme =
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    !scheme.is_empty() && is_scheme && crate::host::is_host(host)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn allowed(texts: &[&str]) -> AllowedOrigins {
        AllowedOrigins::parse(texts.iter().copied()).unwrap()
    }

    #[test]
    fn reads_origins_and_nothing_else() {
        for (text, expect) in [
            ("https://console.example", true),
            ("http://localhost:5173", true),
            ("http://[::1]:5173", true),
            ("*", true),
            ("", true),
            ("console.example", false),
            ("https://console.example/", false),
            ("https://console.example/path", false),
            ("https://*.example", false),
            ("://console.example", false),
            ("null", false),
        ] {
            assert_eq!(AllowedOrigins::parse([text].into_iter()).is_ok(), expect, "{text:?}");
        }
    }

    #[test]
    fn knows_whose_pages_may_use_the_server() {
        let console = "https://Console.example";
        for (texts, origin, expect) in [
            (&[][..], console, false),
            (&["https://console.example"], console, true),
            (&["https://console.example"], "https://console.example:8443", false),
            (&["https://console.example"], "http://console.example", false),
            (&["https://console.example"], "https://console.example.evil", false),
            (&["https://console.example"], "null", false),
            (&["*"], "https://anything.example", true),
            (&["*"], "null", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, origin.parse().unwrap());
            let found = allowed(texts).origin_of(&headers);
            assert_eq!(found.is_some(), expect, "{texts:?} {origin}");
        }
        assert!(!allowed(&["*"]).names(console), "a star names nobody");
    }

    #[test]
    fn answers_preflights_of_allowed_origins_alone() {
        let origins = allowed(&["https://a"]);
        let ask = |method: &str, origin: &str, asks: Option<&str>, names: &str| {
            let mut request = Request::builder().method(method).header("origin", origin);
            if let Some(asks) = asks {
                request = request.header("access-control-request-method", asks);
            }
            let request = request.header("access-control-request-headers", names).body(()).unwrap();
            let response = origins.preflight(&request)?;
            let names = response.headers().get("access-control-allow-headers").cloned();
            Some(names.map_or(String::new(), |names| names.to_str().unwrap().to_owned()))
        };
        let names = "authorization, if-match";
        let long = "a".repeat(REQUESTED_BYTES_MAX + 1);
        for (method, origin, asks, names, expect) in [
            ("OPTIONS", "https://a", Some("PUT"), names, Some(names)),
            ("OPTIONS", "https://a", Some("PUT"), "a\"b", Some("")),
            ("OPTIONS", "https://a", Some("PUT"), &long, Some("")),
            ("OPTIONS", "https://b", Some("PUT"), names, None),
            ("OPTIONS", "https://a", None, names, None),
            ("PUT", "https://a", Some("PUT"), names, None),
        ] {
            let found = ask(method, origin, asks, names);
            assert_eq!(found.as_deref(), expect, "{method} {origin} {asks:?}");
        }
    }
}
