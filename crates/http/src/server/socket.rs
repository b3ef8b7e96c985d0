use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use memchr::memmem;
use muster_wire::{ErrorKind, Problem};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{lengths::LengthCheck, watch::ConnectionWatch};

/// How much is read, and thrown away, from a client that still sends when its answer is out.
const LINGER_BYTES_MAX: usize = 256 * 1024;

/// A connection's socket. It notes what moves for the [`ConnectionWatch`], looks for doubled lengths, gives
/// the HTTP library's own refusals a body, and lingers at the end where it must.
pub(super) struct Socket {
    stream: TcpStream,
    watch: Arc<ConnectionWatch>,
    /// None for HTTP/2, which has no two ways to say a length.
    lengths: Option<LengthCheck>,
    /// A refusal of ours that is on its way out in place of the library's.
    refusal: Vec<u8>,
    refusal_sent: usize,
    shut: bool,
    lingered: usize,
    /// Bytes that were read and have grown past the reader's room: see [`encoded`].
    grown: Vec<u8>,
    grown_read: usize,
    /// Bytes that somebody else read and didn't answer.
    unread: Vec<u8>,
}

impl Socket {
    /// A socket from which some bytes were read already.
    pub(super) fn http1(stream: TcpStream, watch: Arc<ConnectionWatch>, unread: Vec<u8>) -> Self {
        let mut socket = Self::new(stream, watch, Some(LengthCheck::new()));
        socket.unread = unread;
        socket
    }

    pub(super) fn http2(stream: TcpStream, watch: Arc<ConnectionWatch>) -> Self {
        Self::new(stream, watch, None)
    }

    fn new(stream: TcpStream, watch: Arc<ConnectionWatch>, lengths: Option<LengthCheck>) -> Self {
        let (refusal, refusal_sent) = (Vec::new(), 0);
        let (grown, grown_read) = (Vec::new(), 0);
        Self {
            stream,
            watch,
            lengths,
            refusal,
            refusal_sent,
            shut: false,
            lingered: 0,
            grown,
            grown_read,
            unread: Vec::new(),
        }
    }

    /// Says why the connection ends, as far as the client takes it at once.
    pub(super) fn say(&self, kind: ErrorKind) {
        // Nobody is there to hear an error of this.
        let _ = self.stream.try_write(&refusal_bytes(&Problem::new(kind)));
    }

    /// Sends what is left of our refusal.
    fn poll_refusal(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.refusal_sent < self.refusal.len() {
            let rest = &self.refusal[self.refusal_sent..];
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refusal_sent += sent;
        }
        Poll::Ready(Ok(()))
    }

    /// The library refuses a head that it can't read with a status and no body. Recognised by
    /// that, it is replaced by a refusal with a code. Answers whether these bytes were one.
    fn replaces(&mut self, bytes: &[u8]) -> bool {
        if !bytes.starts_with(b"HTTP/1.1 4") || !self.watch.is_between_requests() {
            return false;
        }
        let ours = match &bytes[9..12] {
            b"400" => Problem::new(ErrorKind::BadRequest {
                error_detail: "The request is not well-formed HTTP".to_owned(),
            }),
            b"414" => Problem::new(ErrorKind::HeadersTooLarge { limit: usize::from(u16::MAX - 1) }),
            b"431" => Problem::new(ErrorKind::HeadersTooLarge {
                limit: muster_words::limits::HEADER_BYTES_MAX,
            }),
            _ => return false,
        };
        let bodiless = memmem::find(bytes, b"\r\ncontent-length: 0\r\n").is_some();
        if !bodiless || !bytes.ends_with(b"\r\n\r\n") {
            return false;
        }
        self.refusal = refusal_bytes(&ours);
        self.refusal_sent = 0;
        self.watch.linger_at_end();
        true
    }

    /// Looks at what somebody else read as if it had come just now.
    fn read_unread(&mut self) {
        let Some(lengths) = &mut self.lengths else { return };
        if lengths.finds_two(&self.grown) {
            self.watch.found_doubled_lengths();
        }
        if !lengths.bare_characters().is_empty() {
            self.grown = encoded(&self.grown, lengths.bare_characters());
        }
    }

    /// Hands over what has grown, as far as there is room for it.
    fn read_grown(&mut self, buffer: &mut ReadBuf<'_>) {
        let rest = &self.grown[self.grown_read..];
        let fits = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..fits]);
        self.grown_read += fits;
        if self.grown_read == self.grown.len() {
            self.grown = Vec::new();
            self.grown_read = 0;
        }
    }

    fn note_write(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Pending => self.watch.write_waits(),
            Poll::Ready(Ok(length)) => self.watch.write_moves(*length),
            Poll::Ready(Err(_)) => {}
        }
        result
    }

    /// Reads until the client ends, or has sent more than it deserves; not at all where nothing
    /// was left unread.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut waste = [0; 4096];
        while self.watch.lingers() && self.lingered < LINGER_BYTES_MAX {
            let mut buffer = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.lingered += buffer.filled().len(),
                // The client ended, in order or not: that is what was waited for.
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The bytes with those at some places percent-encoded. Many clients send `<`, `>` and `"` of a
/// query as they are (`?filter=count>3`), and the HTTP library takes no such target.
fn encoded(bytes: &[u8], places: &[usize]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(bytes.len() + 2 * places.len());
    let mut from = 0;
    for &at in places {
        encoded.extend_from_slice(&bytes[from..at]);
        encoded.extend_from_slice(match bytes[at] {
            b'<' => b"%3C",
            b'>' => b"%3E",
            _ => b"%22",
        });
        from = at + 1;
    }
    encoded.extend_from_slice(&bytes[from..]);
    encoded
}

/// A refusal outside of any request, as bytes of HTTP/1.1.
pub(super) fn refusal_bytes(problem: &Problem) -> Vec<u8> {
    let body = problem.to_json();
    let status = problem.status();
    let mut bytes = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&body);
    bytes
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.grown.is_empty() {
            self.read_grown(buffer);
            return Poll::Ready(Ok(()));
        }
        if !self.unread.is_empty() {
            self.grown = std::mem::take(&mut self.unread);
            self.read_unread();
            self.read_grown(buffer);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let fresh = &buffer.filled()[before..];
        if !fresh.is_empty() {
            self.watch.received();
            if self.lengths.as_mut().is_some_and(|lengths| lengths.finds_two(fresh)) {
                self.watch.found_doubled_lengths();
            }
            let bare = self.lengths.as_ref().map(LengthCheck::bare_characters).unwrap_or_default();
            if !bare.is_empty() {
                self.grown = encoded(fresh, bare);
                buffer.set_filled(before);
                self.read_grown(buffer);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.replaces(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note_write(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [bytes] = slices
            && self.replaces(bytes)
        {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note_write(result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_refusal(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch.begin_closing();
        ready!(self.poll_refusal(context))?;
        if !self.shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.shut = true;
        }
        self.poll_linger(context)
    }
}
