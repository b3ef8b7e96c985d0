//! Reads the head of a request with `httparse`, as the HTTP library will read it again.
//!
//! The library is handed one request at a time, so this decides where a request ends. A length
//! that two readers could read differently is refused: it could carry a second request past a
//! proxy ("smuggling", RFC 9112, 11.2).

use std::mem::MaybeUninit;

use http::Uri;
use httparse::{Error, Header, Request, Status};
use memchr::memmem;
use muster_wire::ErrorKind;
use muster_words::limits::HEADER_BYTES_MAX;

use crate::front::PlainHead;

/// The most headers of a request; the library takes no more.
const HEADERS_MAX: usize = 100;

/// Short headers that only the library, the front or a route heeds.
const OTHERS: [&str; 5] = ["expect", "upgrade", "origin", "cookie", "if-match"];

/// The largest length of a body that the library can count.
const LENGTH_MAX: u64 = u64::MAX / 2;

/// A whole head at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// Bytes of the head.
    pub length: usize,
    /// Bytes of the body; all that follow where it comes in chunks, because a connection ends
    /// after such a request.
    pub body: u64,
    /// What follows the method.
    pub target: &'a str,
    /// What a document depends on, if the request is a plain one.
    pub plain: Option<PlainHead<'a>>,
}

/// Why there is no head that can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadFault {
    /// It isn't HTTP/1.
    Malformed,
    /// It has more headers than are taken, or more bytes.
    TooLarge,
    /// It gives the length of the body twice, or unclearly.
    UnclearLength,
}

impl From<HeadFault> for ErrorKind {
    fn from(fault: HeadFault) -> Self {
        let detail = match fault {
            HeadFault::TooLarge => {
                return ErrorKind::HeadersTooLarge { limit: HEADER_BYTES_MAX };
            }
            HeadFault::Malformed => "The request is not well-formed HTTP",
            HeadFault::UnclearLength => {
                "The request gives the length of its body twice, or unclearly"
            }
        };
        ErrorKind::BadRequest { error_detail: detail.to_owned() }
    }
}

impl<'a> Head<'a> {
    /// The head at the beginning of these bytes; none: more must come. So many of them were `seen`
    /// before, and had no end.
    pub(super) fn parse(bytes: &'a [u8], seen: usize) -> Result<Option<Self>, HeadFault> {
        let ends = |end| memmem::find(&bytes[seen.saturating_sub(3)..], end).is_some();
        if seen > 0 && !ends(b"\n\r\n") && !ends(b"\n\n") {
            return Ok(None);
        }
        let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut request = Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(bytes, &mut headers) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(Error::TooManyHeaders) => return Err(HeadFault::TooLarge),
            Err(_) => return Err(HeadFault::Malformed),
        };
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Err(HeadFault::Malformed);
        };
        let is_newest = request.version == Some(1);
        let fields = Fields::read(request.headers, is_newest)?;
        let plain = (is_newest && method == "GET").then(|| fields.plain(target)).flatten();
        Ok(Some(Self { length, body: fields.body, target, plain }))
    }

    /// Bytes of the request.
    pub(super) const fn size(&self) -> u64 {
        self.body.saturating_add(self.length as u64)
    }

    /// Whether the library can read the target.
    pub(super) fn is_target_valid(&self) -> bool {
        self.plain.is_some() || self.target.parse::<Uri>().is_ok()
    }
}

/// The headers of a request that say how it is answered, or how long it is.
struct Fields<'a> {
    body: u64,
    host: Option<&'a [u8]>,
    known: Option<&'a [u8]>,
    accept: Option<&'a [u8]>,
    encoding: Option<&'a [u8]>,
    authorization: Option<&'a [u8]>,
    request_id: Option<&'a [u8]>,
    /// Some header is there that only the library or a route heeds.
    is_other: bool,
}

impl<'a> Fields<'a> {
    fn read(headers: &[Header<'a>], is_newest: bool) -> Result<Self, HeadFault> {
        let mut fields = Self {
            body: 0,
            host: None,
            known: None,
            accept: None,
            encoding: None,
            authorization: None,
            request_id: None,
            is_other: false,
        };
        let (mut length, mut coding) = (None, None);
        for Header { name, value } in headers {
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            // Every header is here that the library, the front or the table of documents heeds
            // when it answers a GET. All others change nothing about a document.
            let kept = match name.len() {
                4 if is("host") => &mut fields.host,
                6 if is("accept") => &mut fields.accept,
                13 if is("if-none-match") => &mut fields.known,
                13 if is("authorization") => &mut fields.authorization,
                15 if is("accept-encoding") => &mut fields.encoding,
                12 if is("x-request-id") => &mut fields.request_id,
                14 if is("content-length") => {
                    if length.replace(*value).is_some() {
                        return Err(HeadFault::UnclearLength);
                    }
                    fields.is_other = true;
                    continue;
                }
                17 if is("transfer-encoding") => {
                    // The last one counts; a route refuses those that are listed before it.
                    coding = Some(*value);
                    continue;
                }
                10 if is("connection") => {
                    fields.is_other |= !value.eq_ignore_ascii_case(b"keep-alive");
                    continue;
                }
                6..=8 if OTHERS.into_iter().any(is) => {
                    fields.is_other = true;
                    continue;
                }
                _ => continue,
            };
            fields.is_other |= kept.replace(value).is_some();
        }
        fields.body = match (length, coding) {
            (None, None) => 0,
            (Some(length), None) => digits(length).ok_or(HeadFault::UnclearLength)?,
            (None, Some(coding)) if is_newest && ends_chunked(coding) => u64::MAX,
            _ => return Err(HeadFault::UnclearLength),
        };
        fields.is_other |= coding.is_some();
        Ok(fields)
    }

    /// The head as a plain one, if it is: a document is asked for by its name, and nothing
    /// changes what it looks like but what is kept here.
    fn plain(&self, target: &'a str) -> Option<PlainHead<'a>> {
        let is_known = ["/api/", "/confluent/schemas/ids/", "/schemas/ids/"]
            .iter()
            .any(|start| target.starts_with(start));
        if self.is_other || !is_known || !target.bytes().all(is_of_path) {
            return None;
        }
        let text = |value: &'a [u8]| value.is_ascii().then(|| std::str::from_utf8(value).ok());
        Some(PlainHead {
            path: target,
            host: text(self.host?)??,
            accept: self.accept,
            known: self.known,
            encoding: match self.encoding {
                Some(encoding) => Some(text(encoding)??),
                None => None,
            },
            authorization: self.authorization,
            request_id: match self.request_id {
                Some(id) => Some(text(id)??),
                None => None,
            },
        })
    }
}

/// A length in digits. The library takes a sign for an error as well, but not a second length.
fn digits(text: &[u8]) -> Option<u64> {
    let is_plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(text).ok().filter(|_| is_plain)?.parse().ok()?;
    (number <= LENGTH_MAX).then_some(number)
}

/// Whether a body in these codings tells its own end (RFC 9112, 6.3).
fn ends_chunked(codings: &[u8]) -> bool {
    let last = codings.rsplit(|byte| *byte == b',').next().unwrap_or_default();
    last.trim_ascii().eq_ignore_ascii_case(b"chunked")
}

/// What needs no decoding and can't end a path (RFC 3986, 3.3).
const fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~' | b':' | b'@')
}

/// The lengths of the head at the beginning of some bytes and of its body, and the head as a plain
/// one; none: no request. For the fuzz target that compares it with what the library reads.
#[cfg(feature = "fuzzing")]
#[must_use]
pub fn read_head(bytes: &[u8]) -> Option<(usize, u64, Option<PlainHead<'_>>)> {
    let head = Head::parse(bytes, 0).ok()?.filter(Head::is_target_valid)?;
    Some((head.length, head.body, head.plain))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use super::{HeadFault::*, *};

    #[test]
    fn finds_where_a_request_ends_or_why_that_cannot_be_known() {
        for (headers, expect) in [
            ("", Ok(0)),
            ("Content-Length: 3\r\n", Ok(3)),
            ("Content-Length:      003 \r\n", Ok(3)),
            ("Transfer-Encoding: gzip, Chunked\r\n", Ok(u64::MAX)),
            ("X-Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", Ok(u64::MAX)),
            ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", Err(UnclearLength)),
            ("transfer-encoding: chunked\r\nCONTENT-LENGTH: 3\r\n", Err(UnclearLength)),
            ("Content-Length: 3\r\nContent-Length: 3\r\n", Err(UnclearLength)),
            ("Content-Length: x\r\n", Err(UnclearLength)),
            ("Content-Length: +3\r\n", Err(UnclearLength)),
            ("Content-Length: 3, 3\r\n", Err(UnclearLength)),
            ("Content-Length:\r\n", Err(UnclearLength)),
            ("Content-Length: 18446744073709551615\r\n", Err(UnclearLength)),
            ("Transfer-Encoding: chunked, x\r\n", Err(UnclearLength)),
            ("Content-Length : 3\r\n", Err(Malformed)),
            ("A: b\r\n c\r\n", Err(Malformed)),
        ] {
            let bytes = format!("PUT /a HTTP/1.1\r\nHost: a\r\n{headers}\r\nrest");
            let found = Head::parse(bytes.as_bytes(), 0).map(|head| head.unwrap().body);
            assert_eq!(found, expect, "{headers:?}");
        }
        let old = b"PUT / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(Head::parse(old, 0), Err(UnclearLength));
        for (count, expect) in [(99, Ok(())), (100, Err(TooLarge))] {
            let bytes =
                format!("GET /api/a HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(count));
            assert_eq!(Head::parse(bytes.as_bytes(), 0).map(|_| ()), expect, "{count}");
        }
    }

    #[test]
    fn takes_heads_for_plain_that_the_library_would_answer_alike() {
        for (line, headers, expect) in [
            ("GET /api/a/b HTTP/1.1", "", true),
            ("GET /api/a HTTP/1.1", "accept: */*\r\nUser-Agent: c\r\nX-Forwarded-For: d\r\n", true),
            ("GET /api/a HTTP/1.1", "Traceparent: 1\r\nSec-Fetch-Mode: cors\r\nTE: gzip\r\n", true),
            ("GET /api/a HTTP/1.1", "Authorization: Bearer x\r\nX-Request-Id: 1\r\n", true),
            ("GET /api/a HTTP/1.1", "Connection: Keep-Alive\r\nAccept: \u{e9}\r\n", true),
            ("GET /api/a HTTP/1.1", "Connection: close\r\n", false),
            ("GET /api/a HTTP/1.1", "Connection: keep-alive, x\r\n", false),
            ("GET /api/a HTTP/1.1", "Host: x\r\n", false),
            ("GET /api/a HTTP/1.1", "Authorization: a\r\nAuthorization: b\r\n", false),
            ("GET /api/a HTTP/1.1", "If-Match: \"1\"\r\n", false),
            ("GET /api/a HTTP/1.1", "Upgrade: h2c\r\n", false),
            ("GET /api/a HTTP/1.1", "Expect: 100-continue\r\n", false),
            ("GET /api/a HTTP/1.1", "Content-Length: 0\r\n", false),
            ("GET /api/a HTTP/1.1", "Transfer-Encoding: chunked\r\n", false),
            ("GET /api/a HTTP/1.1", "Accept-Encoding: \u{e9}\r\n", false),
            ("GET /api/a?b HTTP/1.1", "", false),
            ("GET /api/%61 HTTP/1.1", "", false),
            ("GET /api/a$details HTTP/1.1", "", false),
            ("GET /health/live HTTP/1.1", "", false),
            ("GET http://x/api/a HTTP/1.1", "", false),
            ("HEAD /api/a HTTP/1.1", "", false),
            ("GET /api/a HTTP/1.0", "", false),
        ] {
            let bytes = format!("{line}\r\nHost: x\r\n{headers}\r\n");
            let head = Head::parse(bytes.as_bytes(), 0).unwrap().unwrap();
            assert_eq!(head.length, bytes.len(), "{bytes:?}");
            assert_eq!(head.plain.is_some(), expect, "{bytes:?}");
        }
    }
}
