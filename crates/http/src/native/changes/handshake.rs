use axum::response::Response;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use muster_wire::{ErrorKind, Problem};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// What a key is hashed with (RFC 6455, 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Bytes of a key (RFC 6455, 4.1).
const KEY_BYTES: usize = 16;

/// The only version (RFC 6455, 4.4).
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// The subprotocol of JSON events (CloudEvents, WebSockets Protocol Binding 1.0.2, 2.3).
const CLOUDEVENTS: &str = "cloudevents.json";

/// A request to go on as a WebSocket (RFC 6455, 4.2.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Handshake {
    accept: String,
    /// Whether the client asks for events as CloudEvents binds them, which they are anyway.
    names_cloudevents: bool,
}

impl Handshake {
    /// Reads the headers of a request that asks for it.
    ///
    /// # Errors
    /// `header_error`: one of them is missing or wrong.
    pub fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        if !has_token(headers, &header::CONNECTION, "upgrade") {
            return Err(wrong("Connection", "it doesn't name Upgrade"));
        }
        if headers.get(header::SEC_WEBSOCKET_VERSION) != Some(&VERSION) {
            let problem = wrong("Sec-WebSocket-Version", "only version 13 is spoken here");
            return Err(problem.header(header::SEC_WEBSOCKET_VERSION, VERSION));
        }
        let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
        let key = keys.next().filter(|_| keys.next().is_none()).map(HeaderValue::as_bytes);
        let is_key = |key: &&[u8]| STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == KEY_BYTES);
        let Some(key) = key.filter(is_key) else {
            return Err(wrong("Sec-WebSocket-Key", "it isn't one key of 16 bytes in base64"));
        };
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat());
        let names_cloudevents = has_token(headers, &header::SEC_WEBSOCKET_PROTOCOL, CLOUDEVENTS);
        Ok(Self { accept: STANDARD.encode(digest), names_cloudevents })
    }

    /// The answer that agrees (RFC 6455, 4.2.2).
    pub fn answer(self) -> Response {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = HeaderValue::try_from(self.accept) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        if self.names_cloudevents {
            let protocol = HeaderValue::from_static(CLOUDEVENTS);
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        response
    }
}

/// Whether a header lists a token.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lists = headers.get_all(name).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|found| found.trim().eq_ignore_ascii_case(token))
}

/// The answer to a request that has a key for a handshake, but doesn't ask for one.
pub(super) fn without_upgrade() -> Problem {
    wrong("Upgrade", "a WebSocket needs it, HTTP/1.1 and no body; a proxy may have left it out")
}

fn wrong(name: &str, detail: &str) -> Problem {
    let (name, error_detail) = (name.to_owned(), detail.to_owned());
    Problem::new(ErrorKind::HeaderError { name, error_detail }).subject("/changes")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    const HEADERS: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    /// The usual headers, with some replaced; an empty one is left out.
    fn headers(changed: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in HEADERS.iter().chain(changed) {
            headers.insert(*name, value.parse().unwrap());
        }
        for (name, _) in changed.iter().filter(|(_, value)| value.is_empty()) {
            headers.remove(*name);
        }
        headers
    }

    #[test]
    fn agrees_as_the_example_of_the_specification_does() {
        for (protocols, expect) in [
            ("", None),
            ("chat", None),
            ("cloudevents.json", Some("cloudevents.json")),
            ("cloudevents.avro, cloudevents.json", Some("cloudevents.json")),
        ] {
            let sent = headers(&[("sec-websocket-protocol", protocols)]);
            let answer = Handshake::read(&sent).unwrap().answer();
            assert_eq!(answer.status(), 101);
            let header = |name| answer.headers().get(name).map(|value| value.to_str().unwrap());
            assert_eq!(header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
            assert_eq!(header("sec-websocket-protocol"), expect);
        }
    }

    #[test]
    fn refuses_what_is_missing_or_wrong_and_names_it() {
        for (changed, expect) in [
            (("connection", ""), "Connection"),
            (("connection", "close"), "Connection"),
            (("sec-websocket-version", ""), "Sec-WebSocket-Version"),
            (("sec-websocket-version", "8"), "Sec-WebSocket-Version"),
            (("sec-websocket-key", ""), "Sec-WebSocket-Key"),
            (("sec-websocket-key", "c2hvcnQ="), "Sec-WebSocket-Key"),
            (("sec-websocket-key", "?"), "Sec-WebSocket-Key"),
        ] {
            let refused = Handshake::read(&headers(&[changed])).unwrap_err();
            assert!(refused.title().contains(expect), "{changed:?} {}", refused.title());
        }
        let mut twice = headers(&[]);
        twice.append("sec-websocket-key", HEADERS[3].1.parse().unwrap());
        assert!(Handshake::read(&twice).is_err());
    }
}
