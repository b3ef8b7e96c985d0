use http::{HeaderMap, header};
use muster_http::AllowedOrigins;

/// The origin of a request that comes from a web page elsewhere. Such a page could otherwise speak
/// with a server that only its visitor reaches (MCP, "Security Warning" of the Streamable HTTP
/// transport). `base` is what URLs of this server begin with.
pub(super) fn foreign(headers: &HeaderMap, base: &str, allowed: &AllowedOrigins) -> Option<String> {
    let own = origin_of(base);
    let mut sent = headers.get_all(header::ORIGIN).iter().map(|origin| origin.as_bytes());
    let foreign = sent.find(|origin| {
        let is_known = |origin| own.eq_ignore_ascii_case(origin) || allowed.names(origin);
        !std::str::from_utf8(origin).is_ok_and(is_known)
    });
    foreign.map(|origin| String::from_utf8_lossy(origin).into_owned())
}

/// The origin that a URL begins with.
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[host..].find('/').map_or(url.len(), |path| host + path);
    &url[..end]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn finds_pages_that_are_elsewhere() {
        let allowed = AllowedOrigins::parse(["https://console.example"].into_iter()).unwrap();
        for (origins, expect) in [
            (&[][..], None),
            (&["http://127.0.0.1:8080"], None),
            (&["HTTP://127.0.0.1:8080"], None),
            (&["https://console.example"], None),
            (&["https://127.0.0.1:8080"], Some("https://127.0.0.1:8080")),
            (&["http://127.0.0.1"], Some("http://127.0.0.1")),
            (&["http://evil.example"], Some("http://evil.example")),
            (&["null"], Some("null")),
            (&["http://127.0.0.1:8080", "http://evil.example"], Some("http://evil.example")),
        ] {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(header::ORIGIN, origin.parse().unwrap());
            }
            for base in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/below"] {
                let found = foreign(&headers, base, &allowed);
                assert_eq!(found.as_deref(), expect, "{origins:?} {base}");
            }
        }
    }
}
