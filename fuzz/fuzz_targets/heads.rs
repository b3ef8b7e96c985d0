//! Heads of plain requests: whatever is answered without the HTTP library must be the same request
//! to the library, of the same length. Else a client and a proxy could be told different things.
#![no_main]

use http::{HeaderValue, Uri};
use httparse::{Request, Status};
use libfuzzer_sys::fuzz_target;

/// What the library takes at most.
const HEADERS_MAX: usize = 100;

/// Headers that change nothing about an answer.
const IDLE: [&str; 6] =
    ["accept", "accept-language", "cache-control", "connection", "pragma", "user-agent"];

/// The values of a header, with the space around them taken off.
fn values<'a>(request: &Request<'_, 'a>, name: &str) -> Vec<&'a [u8]> {
    let named = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    named.map(|header| header.value.trim_ascii()).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let Some(plain) = muster_http::plain_head(bytes) else { return };
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    assert_eq!(request.parse(bytes), Ok(Status::Complete(plain.length)));
    assert_eq!((request.method, request.version), (Some("GET"), Some(1)));
    assert_eq!(request.path, Some(plain.path));
    let uri: Uri = plain.path.parse().expect("a path is a target");
    assert_eq!((uri.path(), uri.query(), uri.authority()), (plain.path, None, None));
    assert_eq!(values(&request, "host"), [plain.host.as_bytes()]);
    assert_eq!(values(&request, "if-none-match"), Vec::from_iter(plain.known));
    let encoding = plain.encoding.map(str::as_bytes);
    assert_eq!(values(&request, "accept-encoding"), Vec::from_iter(encoding));
    for value in values(&request, "connection") {
        assert!(value.eq_ignore_ascii_case(b"keep-alive"));
    }
    let known = ["host", "if-none-match", "accept-encoding"];
    for header in request.headers.iter() {
        let is_known = known.iter().chain(&IDLE).any(|name| header.name.eq_ignore_ascii_case(name));
        assert!(is_known, "{} is heeded by the library", header.name);
        assert!(HeaderValue::from_bytes(header.value).is_ok());
    }
});
