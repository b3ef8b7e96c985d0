use http::{HeaderMap, HeaderName, HeaderValue, header};

/// What a page may load and send: its own style, script and pictures, requests to its own server,
/// and nothing in a frame. No style or script within a page (Content Security Policy, level 3).
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Forms must name their origin, and no other site is told which document somebody looks at.
const REFERRER: HeaderValue = HeaderValue::from_static("same-origin");

/// No other page may hold on to a window of the console.
const OPENER: HeaderValue = HeaderValue::from_static("same-origin");

/// What a browser must not do with a page.
pub fn protect(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::REFERRER_POLICY, REFERRER);
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), OPENER);
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), OPENER);
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("cookie, accept"));
}
