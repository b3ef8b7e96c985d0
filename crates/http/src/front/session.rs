//! People who signed in to the console: their requests carry a cookie instead of a key.

use http::{HeaderMap, Method, Request, header};

use super::Front;
use crate::{native::Session, upgrade::asks_for_websocket};

/// The cookie that holds a session's id, where URLs begin with this. Under TLS browsers take a cookie
/// of such a name only from this host itself, within TLS and for all of its paths, so no other host
/// below the same domain can set one (RFC 6265bis, 4.1.3.2). A server that has a path of its own
/// shares its host with others, which the prefix wouldn't keep out.
#[must_use]
pub fn session_cookie(base: &str) -> &'static str {
    match base.strip_prefix("https://").is_some_and(|host| !host.contains('/')) {
        true => "__Host-muster-session",
        false => "muster-session",
    }
}

/// The header that a page's script sends with a change: the session's token.
pub const SESSION_TOKEN: &str = "muster-session-token";

/// Where the pages of the console begin.
pub const CONSOLE: &str = "/console";

impl Front {
    /// The session that a request belongs to. A browser sends the cookie with every request, also
    /// with one that a foreign page began; so the cookie counts only where that can't be:
    ///
    /// - pages of the console, which look at the token themselves before they change something,
    ///   and whose cookie isn't sent from other sites (`SameSite=Strict`);
    /// - reads of the API by the console's own pages, which browsers mark as `same-origin`
    ///   (Fetch Metadata Request Headers, 2.3). A WebSocket that they open has no such mark in some
    ///   browsers; all send the origin with it, which is checked in any case;
    /// - changes by these pages that carry the session's token as well.
    pub(super) fn session<B>(&self, request: &Request<B>, base: &str) -> Option<Session> {
        let sessions = self.sessions.as_ref()?;
        let headers = request.headers();
        let session = sessions.find(session_id(headers, base)?)?;
        let path = request.uri().path();
        if is_page(path) || is_home(path, headers) {
            return Some(session);
        }
        let is_own = match headers.get("sec-fetch-site") {
            Some(site) => site == "same-origin",
            None => asks_for_websocket(headers) && headers.contains_key(header::ORIGIN),
        };
        let reads = request.method() == Method::GET || request.method() == Method::HEAD;
        let has_token =
            || headers.get(SESSION_TOKEN).is_some_and(|token| session.has_token(token.as_bytes()));
        (is_own && (reads || has_token())).then_some(session)
    }
}

/// The id of the session in the cookies of a request to a server whose URLs begin with `base`. Two
/// of them name none: one of them was set by somebody else, such as a page of another host below the
/// same domain.
#[must_use]
pub fn session_id<'a>(headers: &'a HeaderMap, base: &str) -> Option<&'a str> {
    let name = session_cookie(base);
    let mut ids = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='));
    let id = ids.next()?;
    ids.next().is_none().then_some(id)
}

/// Whether a path is one of the console's pages.
pub(super) fn is_page(path: &str) -> bool {
    path.strip_prefix(CONSOLE).is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

/// Whether somebody with a browser asks for the server itself.
pub(super) fn is_home(path: &str, headers: &HeaderMap) -> bool {
    let wants_page =
        |accept: &str| accept.split(',').any(|kind| kind.trim().starts_with("text/html"));
    path == "/"
        && headers
            .get(header::ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(wants_page)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn finds_one_session_in_the_cookies() {
        for (cookies, expect) in [
            (&["muster-session=abc"][..], Some("abc")),
            (&["a=b; muster-session=abc; c=d"], Some("abc")),
            (&["a=b", "muster-session=abc"], Some("abc")),
            (&["muster-session="], Some("")),
            (&["muster-sessions=abc"], None),
            (&["x-muster-session=abc"], None),
            (&["muster-session=abc; muster-session=def"], None),
            (&["muster-session=abc", "muster-session=abc"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(header::COOKIE, cookie.parse().unwrap());
            }
            assert_eq!(session_id(&headers, "http://a"), expect, "{cookies:?}");
        }
    }

    #[test]
    fn takes_a_cookie_under_tls_only_by_the_name_that_other_hosts_cannot_set() {
        let (plain, own) = ("muster-session=abc", "__Host-muster-session=abc");
        for (base, cookie, expect) in [
            ("http://127.0.0.1:8080", plain, true),
            ("http://127.0.0.1:8080", own, false),
            ("https://registry.example", plain, false),
            ("https://registry.example", own, true),
            ("https://registry.example:443", own, true),
            ("https://registry.example/muster", plain, true),
            ("https://registry.example/muster", own, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, cookie.parse().unwrap());
            assert_eq!(session_id(&headers, base).is_some(), expect, "{base} {cookie}");
        }
        let mut both = HeaderMap::new();
        both.insert(header::COOKIE, format!("muster-session=evil; {own}").parse().unwrap());
        assert_eq!(session_id(&both, "https://registry.example"), Some("abc"));
    }

    #[test]
    fn knows_pages_and_who_asks_for_one() {
        for (path, expect) in [
            ("/console", true),
            ("/console/", true),
            ("/console/browse/providers", true),
            ("/consoles", false),
            ("/api/console", false),
            ("/", false),
        ] {
            assert_eq!(is_page(path), expect, "{path}");
        }
        for (path, accept, expect) in [
            ("/", "text/html,application/xhtml+xml,*/*;q=0.8", true),
            ("/", "application/json, text/html;q=0.5", true),
            ("/", "*/*", false),
            ("/", "application/json", false),
            ("/api", "text/html", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(is_home(path, &headers), expect, "{path} {accept}");
        }
    }
}
