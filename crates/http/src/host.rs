//! The host that a request names, and what may be begun with it.

use std::{borrow::Cow, net::IpAddr};

use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};
use muster_wire::{ErrorKind, Problem};

use crate::AllowedOrigins;

/// Protects a server without keys from foreign web pages in a local browser: they must not reach
/// the registry under their own host name (DNS rebinding), and through a loopback name they must
/// change nothing and make the server do no more than show a document, unless the settings name
/// their origin: a page could open streams or ask for everything, as often as it likes.
///
/// # Errors
/// `host_refused` or `origin_refused`.
pub(crate) fn check_neighbour<B>(
    request: &Request<B>,
    (host, loopback): (&str, bool),
    origins: &AllowedOrigins,
) -> Result<(), Problem> {
    let (method, headers) = (request.method(), request.headers());
    if !loopback {
        return Err(Problem::new(ErrorKind::HostRefused { host: host.to_owned() }));
    }
    let reads =
        (method == Method::GET || method == Method::HEAD) && !headers.contains_key(header::UPGRADE);
    if reads && (is_simple(request.uri()) || is_opened_by_a_person(headers)) {
        return Ok(());
    }
    // A browser names no origin where a page shows what it reads, as an image.
    let crosses =
        headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    if reads && crosses && !headers.contains_key(header::ORIGIN) {
        let origin = "another site".to_owned();
        return Err(Problem::new(ErrorKind::OriginRefused { origin }));
    }
    let mut foreign = headers.get_all(header::ORIGIN).iter().filter(|origin| {
        let is_own = |origin| is_own_origin(origin, host) || origins.names(origin);
        !origin.to_str().is_ok_and(is_own)
    });
    match foreign.next() {
        None => Ok(()),
        Some(origin) => Err(refused(origin)),
    }
}

/// Refuses a WebSocket to pages of other origins: browsers let every page open one anywhere and read
/// all that comes, whatever CORS says (RFC 6455, 10.2). A page may that the settings allow, but not
/// with a session of the console. `base` is what URLs of this server begin with.
///
/// # Errors
/// `origin_refused`.
pub(crate) fn check_opener(
    headers: &HeaderMap,
    base: &str,
    (origins, in_session): (&AllowedOrigins, bool),
) -> Result<(), Problem> {
    let own = origin_of(base);
    let mut sent = headers.get_all(header::ORIGIN).iter();
    let foreign = sent.find(|origin| {
        let is_own = own.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
        !is_own && (in_session || !origins.allow(origin))
    });
    foreign.map_or(Ok(()), |origin| Err(refused(origin)))
}

fn refused(origin: &HeaderValue) -> Problem {
    let origin = String::from_utf8_lossy(origin.as_bytes()).into_owned();
    Problem::new(ErrorKind::OriginRefused { origin })
}

/// Whether reading it costs about as much as a document: not the whole registry, and no query, which
/// could ask for as much.
fn is_simple(uri: &Uri) -> bool {
    let path = uri.path().trim_end_matches('/');
    uri.query().is_none() && (path == "/api" || path.starts_with("/api/")) && path != "/api/export"
}

/// Whether a person followed a link: then the page that it was on can't go on by itself
/// (Fetch Metadata Request Headers, 2.1, 2.2 and 2.4).
fn is_opened_by_a_person(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
        && is("sec-fetch-user", "?1")
}

/// The host and port that a request names: from the URI in HTTP/2 and in requests to a proxy, else
/// from `Host`.
///
/// # Errors
/// HTTP/1.1 requires exactly one Host (RFC 9112, 3.2); here HTTP/1.0 does too. If URI and `Host`
/// differ, a proxy may have decided by the other one.
pub(crate) fn host_of<'a>(
    version: Version,
    uri: &'a Uri,
    headers: &'a HeaderMap,
) -> Result<&'a str, Problem> {
    let wrong = |what: &str| {
        Problem::new(ErrorKind::HeaderError {
            name: "Host".to_owned(),
            error_detail: what.to_owned(),
        })
        .subject(uri.path())
    };
    let mut hosts = headers.get_all(header::HOST).iter();
    let first = hosts.next();
    if hosts.next().is_some() {
        return Err(wrong("it is there twice"));
    }
    if let Some(authority) = uri.authority() {
        // RFC 9113, 8.3.1; of HTTP/1.1 the target alone counts (RFC 9112, 3.2.2).
        let differs =
            first.is_some_and(|host| !is_same(uri, host.as_bytes(), authority.as_str().as_bytes()));
        return match authority.as_str() {
            _ if differs => Err(wrong("it isn't the authority that the request names")),
            host if is_host(host) => Ok(host),
            _ => Err(wrong("it is no host")),
        };
    }
    match first.map(|host| host.to_str()) {
        Some(Ok(host)) if is_host(host) => Ok(host),
        Some(_) => Err(wrong("it is no host")),
        None if version == Version::HTTP_2 => Err(wrong("the request names no authority")),
        None => Err(wrong("it is missing")),
    }
}

/// Whether `Host` names the authority of a URI. The scheme's default port may be missing in either
/// (RFC 9110, 4.2.3).
fn is_same(uri: &Uri, host: &[u8], authority: &[u8]) -> bool {
    let own_port = match uri.scheme_str() {
        Some("http") => b":80".as_slice(),
        Some("https") => b":443",
        _ => b"",
    };
    let (host, authority) = (
        host.strip_suffix(own_port).unwrap_or(host),
        authority.strip_suffix(own_port).unwrap_or(authority),
    );
    host.eq_ignore_ascii_case(authority)
}

/// Whether the text can stand between `http://` and a path without changing what follows.
pub(crate) fn is_host(text: &str) -> bool {
    let bytes = text.bytes().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    });
    bytes && !text.is_empty() && text.len() <= 255
}

/// Whether a host is a loopback name: one that no name server can redirect.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = without_port(host);
    if let Some(six) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return six.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    }
    let local = name.eq_ignore_ascii_case("localhost")
        || name.len() > 10 && name[name.len() - 10..].eq_ignore_ascii_case(".localhost");
    local || name.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4() && address.is_loopback())
}

fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(colon) if host[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()) => {
            // The colons of a bare IPv6 address aren't a port's.
            if host.starts_with('[') && !host[..colon].ends_with(']') {
                host
            } else {
                &host[..colon]
            }
        }
        _ => host,
    }
}

/// Whether an `Origin` (RFC 6454) is this server's own.
pub(crate) fn is_own_origin(origin: &str, host: &str) -> bool {
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
}

/// The first origin of a request that isn't this server's own, nor one that `allowed` names. `base`
/// is what URLs of this server begin with.
#[must_use]
pub fn foreign_origin<'a>(
    headers: &'a HeaderMap,
    base: &str,
    allowed: &AllowedOrigins,
) -> Option<Cow<'a, str>> {
    let own = origin_of(base);
    let mut sent = headers.get_all(header::ORIGIN).iter().map(|origin| origin.as_bytes());
    let foreign = sent.find(|origin| {
        let is_known = |origin| own.eq_ignore_ascii_case(origin) || allowed.names(origin);
        !std::str::from_utf8(origin).is_ok_and(is_known)
    });
    foreign.map(String::from_utf8_lossy)
}

/// The origin that a URL begins with, as browsers write it: without a path, and without the port that
/// its scheme has anyway (RFC 6454, 6.2).
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[host..].find('/').map_or(url.len(), |path| host + path);
    let (scheme, origin) = (&url[..host], &url[..end]);
    let own_port = if scheme.eq_ignore_ascii_case("https://") { ":443" } else { ":80" };
    origin.strip_suffix(own_port).unwrap_or(origin)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use super::*;

    #[test]
    fn knows_this_computers_own_names() {
        for (host, expect) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("a.localhost:8080", true),
            (".localhost", false),
            ("127.0.0.1", true),
            ("127.0.0.1:8080", true),
            ("127.8.9.1:8080", true),
            ("[::1]", true),
            ("[::1]:8080", true),
            ("::1", false),
            ("[::2]:8080", false),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("notlocalhost", false),
            ("0.0.0.0:8080", false),
            ("192.168.0.7", false),
            ("", false),
            (":8080", false),
        ] {
            assert_eq!(is_loopback(host), expect, "{host:?}");
        }
    }

    #[test]
    fn takes_a_host_that_is_the_authority_with_or_without_its_own_port() {
        for (target, host, expect) in [
            ("http://h/", "h", true),
            ("http://h:80/", "h", true),
            ("http://h/", "H:80", true),
            ("https://h:443/", "h", true),
            ("http://[::1]:80/", "[::1]", true),
            ("http://h:8080/", "h:8080", true),
            ("http://h:8080/", "h", false),
            ("http://h:443/", "h", false),
            ("https://h:80/", "h", false),
            ("http://h:80/", "h:8080", false),
            ("http://h/", "i:80", false),
        ] {
            let uri: Uri = target.parse().unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            let found = host_of(Version::HTTP_11, &uri, &headers);
            assert_eq!(found.is_ok(), expect, "{target} {host}");
        }
    }

    #[test]
    fn lets_only_known_pages_open_a_websocket() {
        let allowed = AllowedOrigins::parse(["https://console.example"].into_iter()).unwrap();
        let local = "http://127.0.0.1:8080";
        // A proxy speaks TLS and passes requests on under another name.
        let proxied = "https://registry.example/below";
        for (base, origin, in_session, expect) in [
            (local, None, false, true),
            (local, Some("http://127.0.0.1:8080"), true, true),
            (local, Some("https://127.0.0.1:8080"), false, false),
            (local, Some("http://evil.example"), false, false),
            (local, Some("https://console.example"), false, true),
            (local, Some("https://console.example"), true, false),
            (local, Some("https://registry.example"), true, false),
            (proxied, Some("https://registry.example"), true, true),
            (proxied, Some("http://registry.example"), true, false),
            (proxied, Some("http://127.0.0.1:8080"), false, false),
            (proxied, Some("https://registry.example.evil"), false, false),
            (proxied, Some("null"), false, false),
        ] {
            let origin = origin.map(|origin| (header::ORIGIN, HeaderValue::from_static(origin)));
            let headers = HeaderMap::from_iter(origin);
            let found = check_opener(&headers, base, (&allowed, in_session));
            assert_eq!(found.is_ok(), expect, "{headers:?} {base} {in_session}");
        }
    }

    #[test]
    fn finds_pages_that_are_elsewhere() {
        let allowed = AllowedOrigins::parse(["https://console.example"].into_iter()).unwrap();
        for (base, origins, expect) in [
            ("http://127.0.0.1:8080", &[][..], None),
            ("http://127.0.0.1:8080", &["http://127.0.0.1:8080"], None),
            ("http://127.0.0.1:8080", &["HTTP://127.0.0.1:8080"], None),
            ("http://127.0.0.1:8080", &["https://console.example"], None),
            ("http://127.0.0.1:8080/below", &["http://127.0.0.1:8080"], None),
            ("https://a.example/below/it", &["https://a.example"], None),
            ("https://a.example:443/below", &["https://a.example"], None),
            ("http://a.example:80", &["http://a.example"], None),
            ("https://a.example:80", &["https://a.example"], Some("https://a.example")),
            ("http://a.example:443", &["http://a.example"], Some("http://a.example")),
            ("http://127.0.0.1:8080", &["https://127.0.0.1:8080"], Some("https://127.0.0.1:8080")),
            ("http://127.0.0.1:8080", &["http://127.0.0.1"], Some("http://127.0.0.1")),
            ("http://127.0.0.1:8080/below", &["http://evil.example"], Some("http://evil.example")),
            ("http://127.0.0.1:8080", &["null"], Some("null")),
            ("http://a", &["http://a", "http://evil.example"], Some("http://evil.example")),
        ] {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(header::ORIGIN, origin.parse().unwrap());
            }
            let found = foreign_origin(&headers, base, &allowed);
            assert_eq!(found.as_deref(), expect, "{origins:?} {base}");
        }
    }

    #[test]
    fn tells_its_own_pages_from_foreign_ones() {
        for (origin, host, expect) in [
            ("http://localhost:8080", "localhost:8080", true),
            ("https://localhost:8080", "localhost:8080", true),
            ("http://LocalHost:8080", "localhost:8080", true),
            ("http://localhost:3000", "localhost:8080", false),
            ("http://localhost", "localhost:8080", false),
            ("https://evil.example", "localhost:8080", false),
            ("null", "localhost:8080", false),
            ("file://", "localhost:8080", false),
            ("", "localhost:8080", false),
        ] {
            assert_eq!(is_own_origin(origin, host), expect, "{origin:?}");
        }
    }
}
