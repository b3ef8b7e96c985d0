//! Compresses answers of the API if the client accepts it.

use std::{io::Write, time::Duration};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body as _;
use muster_registry::LongWork;
use muster_wire::{ErrorKind, Problem, etag::with_encoding};

use crate::{Body, respond};

/// A smaller answer fits into one packet with its headers, so compression saves nothing.
const BYTES_MIN: u64 = 1024;

/// Level 4 of 9: it saves nearly as much as the default, in a third of the time.
const LEVEL: u32 = 4;

/// The largest body that is compressed. A larger one is sent as it is, because compressing it would
/// hold a second copy in memory.
const COMPRESSED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// From this size on, compressing takes long enough to delay other work on the thread.
const COMPRESS_ASIDE_BYTES: usize = 128 * 1024;

/// Whether a client accepts gzip, by `Accept-Encoding` with its weights (RFC 9110, 12.5.3).
#[must_use]
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    takes_gzip(values.filter_map(|value| value.to_str().ok()))
}

/// Whether these values of `Accept-Encoding` accept gzip.
pub(crate) fn takes_gzip<'a>(values: impl Iterator<Item = &'a str>) -> bool {
    let mut gzip = None;
    let mut any = None;
    for value in values {
        for member in value.split(',') {
            let (name, weight) = coding_weight(member);
            if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                gzip = Some(weight);
            } else if name == "*" {
                any = Some(weight);
            }
        }
    }
    gzip.or(any).unwrap_or(false)
}

/// A coding's name, and whether its weight is above zero.
fn coding_weight(member: &str) -> (&str, bool) {
    let mut parts = member.split(';');
    let name = parts.next().unwrap_or_default().trim();
    let weight = parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let above_zero = weight.is_none_or(|weight| {
        weight.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
            && weight.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    });
    (name, above_zero)
}

/// Marks a response that isn't text but becomes smaller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compressible;

/// Whether compression is worthwhile: the answer is long enough, is text, and isn't compressed yet.
#[must_use]
pub fn is_worth_it(response: &Response<Body>) -> bool {
    let headers = response.headers();
    let status = response.status();
    status != StatusCode::PARTIAL_CONTENT
        && status != StatusCode::NOT_MODIFIED
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !headers.contains_key(header::CONTENT_RANGE)
        && length(response).is_some_and(|length| length >= BYTES_MIN)
        && (headers.get(header::CONTENT_TYPE).is_some_and(is_text)
            || response.extensions().get::<Compressible>().is_some())
}

/// The length of a body; for HEAD, the length that an answer to GET would have.
pub(crate) fn length(response: &Response<Body>) -> Option<u64> {
    let said = response.headers().get(header::CONTENT_LENGTH);
    let said = said.and_then(|length| length.to_str().ok()?.parse().ok());
    said.or_else(|| response.body().size_hint().exact())
}

fn is_text(kind: &HeaderValue) -> bool {
    let Ok(kind) = kind.to_str() else { return false };
    let kind = kind.split(';').next().unwrap_or_default().trim();
    // Events are sent at once and must not be held back for compression.
    kind != "text/event-stream"
        && (kind.starts_with("text/")
            || kind.ends_with("json")
            || kind.ends_with("xml")
            || kind.ends_with("yaml")
            || kind == "application/javascript"
            || kind.starts_with("application/openmetrics-text"))
}

/// Compresses; None if the result isn't smaller.
#[must_use]
pub fn gzip(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::new(LEVEL));
    encoder.write_all(plain).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < plain.len()).then(|| compressed.into())
}

/// Marks an answer as compressed. Its entity tag includes the encoding, because a strong tag
/// identifies bytes (RFC 9110, 8.8.3.3).
pub fn mark_compressed(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::ACCEPT_RANGES);
    if let Some(tag) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok())
        && let Some(tag) = with_encoding(tag, "gzip")
        && let Ok(tag) = HeaderValue::from_str(&tag)
    {
        headers.insert(header::ETAG, tag);
    }
}

/// Tells caches that the answer depends on `Accept-Encoding`.
pub fn vary(headers: &mut HeaderMap) {
    let named = headers.get_all(header::VARY).iter().any(|value| {
        let names = value.to_str().unwrap_or_default();
        names.split(',').any(|name| {
            let name = name.trim();
            name == "*" || name.eq_ignore_ascii_case("accept-encoding")
        })
    });
    if !named {
        headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

/// Adds `Vary: Accept-Encoding` where compression depends on it. A 304 needs it too, for the caches
/// that store the response (RFC 9110, 15.4.5).
pub(crate) fn varying(response: Response<Body>) -> Response<Body> {
    let mut response = response;
    let is_kept = response.status() == StatusCode::NOT_MODIFIED;
    if is_kept || is_worth_it(&response) {
        vary(response.headers_mut());
    }
    response
}

/// Marks a response to HEAD as compressed where GET's would be. The body is gone already, so the
/// compressed length isn't known, and the plain length would be wrong (RFC 9110, 8.6).
pub(crate) fn as_if_compressed(response: Response<Body>) -> Response<Body> {
    let mut response = response;
    if compresses(&response) {
        vary(response.headers_mut());
        mark_compressed(response.headers_mut());
    }
    response
}

fn compresses(response: &Response<Body>) -> bool {
    is_worth_it(response) && length(response).is_some_and(|length| length <= COMPRESSED_BYTES_MAX)
}

/// Compresses a response that is worth it.
pub(crate) async fn compress(response: Response<Body>, turns: &LongWork) -> Response<Body> {
    if !compresses(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Some(plain) = gather(body).await else {
        tracing::error!("a route's answer broke off");
        return respond(&Problem::new(ErrorKind::ServerError));
    };
    let compressed = if plain.len() >= COMPRESS_ASIDE_BYTES {
        // Where all turns are taken it is sent as it is: bytes are cheaper than processors then.
        match turns.try_turn() {
            Some(turn) => turn.run(async { gzip(&plain) }).await,
            None => None,
        }
    } else {
        gzip(&plain)
    };
    vary(&mut parts.headers);
    match compressed {
        Some(bytes) => {
            mark_compressed(&mut parts.headers);
            Response::from_parts(parts, Body::Full(bytes))
        }
        None => Response::from_parts(parts, Body::Full(plain)),
    }
}

/// All bytes of a body that is known to be small; None if it breaks off.
async fn gather(body: Body) -> Option<Bytes> {
    // Bounded, because a route may produce its body slowly.
    let reading = crate::read_body(body.into());
    tokio::time::timeout(Duration::from_secs(25), reading).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use std::io::Read;

    use super::*;

    #[test]
    fn reads_accept_encoding_with_its_weights() {
        for (value, expect) in [
            ("gzip", true),
            ("GZIP", true),
            ("deflate, gzip;q=1.0, *;q=0.5", true),
            ("br;q=1.0, gzip;q=0.8, *;q=0.1", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("gzip; q=0.001", true),
            ("*", true),
            ("*;q=0", false),
            ("*, gzip;q=0", false),
            ("identity", false),
            ("br", false),
            ("", false),
            ("gzip;q=x", false),
            ("gzipped", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(accepts_gzip(&headers), expect, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn compresses_long_text_that_is_not_compressed_yet() {
        let long = vec![b'a'; 2048];
        let of = |kind: &'static str, bytes: &[u8]| {
            let mut response = Response::new(Body::from(bytes.to_vec()));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            response
        };
        let mut encoded = of("application/json", &long);
        encoded.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        for (response, expect) in [
            (of("application/json", &long), true),
            (of("application/json; charset=utf-8", &long), true),
            (of("application/cloudevents+json", &long), true),
            (of("text/html", &long), true),
            (of("text/event-stream", &long), false),
            (of("image/png", &long), false),
            (of("application/json", &long[..1023]), false),
            (encoded, false),
        ] {
            assert_eq!(is_worth_it(&response), expect, "{:?}", response.headers());
        }
    }

    #[test]
    fn gives_back_what_it_compressed() {
        let plain = br#"{"name": "value"}"#.repeat(100);
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&*gzip(&plain).unwrap()).read_to_end(&mut read).unwrap();
        assert_eq!(read, plain);
        assert_eq!(gzip(b"x"), None);
    }

    #[test]
    fn names_the_encoding_in_the_entity_tag_and_once_in_vary() {
        for (tag, expect) in [
            (r#""12.ab34cd56-m""#, r#""12.ab34cd56-m-gzip""#),
            (r#"W/"12.ab34cd56-m""#, r#"W/"12.ab34cd56-m-gzip""#),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ETAG, tag.parse().unwrap());
            headers.insert(header::VARY, HeaderValue::from_static("Origin"));
            mark_compressed(&mut headers);
            vary(&mut headers);
            vary(&mut headers);
            assert_eq!(headers[header::ETAG], expect);
            assert_eq!(headers.get_all(header::VARY).iter().count(), 2);
        }
    }
}
