//! Plain requests: GETs below `/api` that bring nothing but a few harmless headers. As long as a
//! connection sends no others, they are answered from memory without the HTTP library, whose maps
//! of headers cost more than all the rest of such an answer.
//!
//! What is read here is the narrowest form of HTTP/1.1 (RFC 9112) that clients use. Whatever is
//! otherwise, if only by a header that isn't known here or a head that isn't there whole, is left
//! to the library with everything behind it: nothing is refused, guessed or repaired here.

use std::{
    future::{Future as _, poll_fn},
    io,
    pin::{Pin, pin},
    task::Poll,
};

use memchr::memchr;
use muster_wire::{ErrorKind, Problem};
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite as _},
    net::TcpStream,
};

use super::{
    socket::refusal_bytes,
    watch::{ConnectionOrder, ConnectionWatch},
};
use crate::front::{PlainHead, RequestGuard};

/// The longest head that is read here; clients that send no more than these headers stay far below.
const HEAD_BYTES_MAX: usize = 4 * 1024;

/// The most headers that the library takes; it is the library's to refuse more.
const HEADERS_MAX: usize = 100;

/// How a connection left.
pub(super) enum PlainEnd {
    /// It is over.
    Ended,
    /// What was read and isn't answered; the library goes on.
    Unread(Vec<u8>),
}

/// Answers plain requests until another one comes, or the connection ends.
pub(super) async fn serve_plain(
    stream: &mut TcpStream,
    watch: &ConnectionWatch,
    request_guard: &mut RequestGuard,
) -> PlainEnd {
    let (mut unread, mut out) = (Vec::new(), Vec::new());
    loop {
        if !has_read(stream, watch, &mut unread).await {
            return PlainEnd::Ended;
        }
        let mut answered = 0;
        while answered < unread.len() {
            let head = parse(&unread[answered..]);
            let in_flight =
                head.as_ref().and_then(|head| request_guard.answer_plainly(head, &mut out));
            let (Some(head), Some(in_flight)) = (head, in_flight) else {
                unread.drain(..answered);
                return PlainEnd::Unread(unread);
            };
            answered += head.length;
            let is_sent = send(stream, watch, &out).await;
            drop(in_flight);
            if !is_sent {
                return PlainEnd::Ended;
            }
            out.clear();
        }
        unread.clear();
        // A connection that idles costs little.
        out.shrink_to(HEAD_BYTES_MAX);
    }
}

/// Waits for bytes and reads what is there. No: the connection is over.
async fn has_read(stream: &mut TcpStream, watch: &ConnectionWatch, unread: &mut Vec<u8>) -> bool {
    unread.reserve(HEAD_BYTES_MAX);
    let mut reading = pin!(stream.read_buf(unread));
    let ended = poll_fn(|context| {
        let order = watch.take_order();
        if order != ConnectionOrder::None {
            return Poll::Ready(Err(order));
        }
        reading.as_mut().poll(context).map(Ok)
    })
    .await;
    match ended {
        Ok(Ok(length)) if length > 0 => {
            watch.received();
            true
        }
        Err(ConnectionOrder::RefuseSlowHead) => {
            // Nobody is there to hear an error of this.
            let _ = stream.try_write(&refusal_bytes(&Problem::new(ErrorKind::TooSlow)));
            false
        }
        _ => false,
    }
}

/// Sends an answer whole. It is in flight: where the server stops, it still gets its time.
async fn send(stream: &mut TcpStream, watch: &ConnectionWatch, bytes: &[u8]) -> bool {
    let mut sent = 0;
    let result: io::Result<()> = poll_fn(|context| {
        while sent < bytes.len() {
            match Pin::new(&mut *stream).poll_write(context, &bytes[sent..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(length)) => {
                    watch.write_moves(length);
                    sent += length;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    watch.write_waits();
                    match watch.take_order() {
                        ConnectionOrder::None => {}
                        // Taken again when this answer is out.
                        ConnectionOrder::Drain => watch.give_back(ConnectionOrder::Drain),
                        _ => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                    }
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    })
    .await;
    result.is_ok()
}

/// What [`parse`] reads, for the fuzz target that compares it with what the library reads.
#[cfg(feature = "fuzzing")]
#[must_use]
pub fn plain_head(bytes: &[u8]) -> Option<PlainHead<'_>> {
    parse(bytes)
}

/// The head of a plain request at the beginning of these bytes, if one is there whole.
fn parse(bytes: &[u8]) -> Option<PlainHead<'_>> {
    let target = bytes.strip_prefix(b"GET ")?;
    let end = target.iter().position(|byte| !is_of_path(*byte))?;
    let path = std::str::from_utf8(&target[..end]).ok()?;
    if !path.starts_with("/api/") {
        return None;
    }
    let mut rest = target[end..].strip_prefix(b" HTTP/1.1\r\n")?;
    let (mut host, mut known, mut encoding) = (None, None, None);
    for _ in 0..=HEADERS_MAX {
        if let Some(behind) = rest.strip_prefix(b"\r\n") {
            let length = bytes.len() - behind.len();
            return Some(PlainHead { path, host: host?, known, encoding, length });
        }
        let (line, behind) = rest.split_at(memchr(b'\r', rest)?);
        rest = behind.strip_prefix(b"\r\n")?;
        let (name, value) = field(line)?;
        let is_second = match Field::of(name)? {
            Field::Host => host.replace(value).is_some(),
            Field::IfNoneMatch => known.replace(value.as_bytes()).is_some(),
            Field::AcceptEncoding => encoding.replace(value).is_some(),
            Field::Connection => !value.eq_ignore_ascii_case("keep-alive"),
            Field::Idle => false,
        };
        if is_second {
            return None;
        }
    }
    None
}

/// What needs no decoding and can't end a path (RFC 3986, 3.3).
const fn is_of_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~' | b':' | b'@')
}

/// A header's name and its value, both of printable ASCII.
fn field(line: &[u8]) -> Option<(&[u8], &str)> {
    let (name, value) = line.split_at(memchr(b':', line)?);
    let value = &value[1..];
    let is_plain = value.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let value = std::str::from_utf8(value).ok()?;
    is_plain.then(|| (name, value.trim_matches(' ')))
}

/// Headers that a plain request may have.
enum Field {
    Host,
    IfNoneMatch,
    AcceptEncoding,
    Connection,
    /// One that changes nothing about a document.
    Idle,
}

impl Field {
    fn of(name: &[u8]) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        Some(match name.len() {
            4 if is("host") => Self::Host,
            6 if is("accept") => Self::Idle,
            6 if is("pragma") => Self::Idle,
            10 if is("user-agent") => Self::Idle,
            10 if is("connection") => Self::Connection,
            13 if is("if-none-match") => Self::IfNoneMatch,
            13 if is("cache-control") => Self::Idle,
            15 if is("accept-encoding") => Self::AcceptEncoding,
            15 if is("accept-language") => Self::Idle,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plain_heads_alone() {
        for (bytes, plain) in [
            ("GET /api/a/b HTTP/1.1\r\nHost: x\r\n\r\n", true),
            ("GET /api/a/b HTTP/1.1\r\nhost:x\r\naccept: */*\r\nUser-Agent: c\r\n\r\n", true),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n", true),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, x\r\n\r\n", false),
            ("GET /api/a?b HTTP/1.1\r\nHost: x\r\n\r\n", false),
            ("GET /api/%61 HTTP/1.1\r\nHost: x\r\n\r\n", false),
            ("GET /api/a$details HTTP/1.1\r\nHost: x\r\n\r\n", false),
            ("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", false),
            ("GET http://x/api/a HTTP/1.1\r\nHost: x\r\n\r\n", false),
            ("HEAD /api/a HTTP/1.1\r\nHost: x\r\n\r\n", false),
            ("GET /api/a HTTP/1.0\r\nHost: x\r\n\r\n", false),
            ("GET  /api/a HTTP/1.1\r\nHost: x\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\nHost: x\n\n", false),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\n", false),
            ("GET /api/a HTTP/1.1\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\r\nHost : x\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\r\nHost: x\ny\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\nIf-Match: \"1\"\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\nX-Request-Id: 1\r\n\r\n", false),
            ("GET /api/a HTTP/1.1\r\nHost: x\r\nAccept: \u{e9}\r\n\r\n", false),
            ("\r\nGET /api/a HTTP/1.1\r\nHost: x\r\n\r\n", false),
            ("", false),
        ] {
            let with_more = format!("{bytes}GET /");
            let head = parse(with_more.as_bytes());
            assert_eq!(head.is_some(), plain, "{bytes:?}");
            assert!(head.is_none_or(|head| head.length == bytes.len()), "{bytes:?}");
        }
    }

    #[test]
    fn leaves_more_headers_to_the_library_than_it_takes() {
        for (count, plain) in [(99, true), (100, false), (500, false)] {
            let more = "Accept: a\r\n".repeat(count);
            let bytes = format!("GET /api/a HTTP/1.1\r\nHost: x\r\n{more}\r\n");
            assert_eq!(parse(bytes.as_bytes()).is_some(), plain, "{count}");
        }
    }

    #[test]
    fn reads_what_a_document_depends_on() {
        let bytes = b"GET /api/a:b/@c~d HTTP/1.1\r\nHost: localhost:80\r\n\
            If-None-Match: \"1.00000000-d\" \r\nAccept-Encoding: gzip, br\r\n\r\n";
        let expect = PlainHead {
            path: "/api/a:b/@c~d",
            host: "localhost:80",
            known: Some(b"\"1.00000000-d\""),
            encoding: Some("gzip, br"),
            length: bytes.len(),
        };
        assert_eq!(parse(bytes), Some(expect));
    }
}
