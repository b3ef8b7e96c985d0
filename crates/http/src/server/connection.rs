use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use muster_wire::{ErrorKind, Problem};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::head::Head;
use crate::{
    connections::{ConnectionOrder, ConnectionWatch},
    problem::refusal_bytes,
};

/// How much is read at once of heads. One that waits holds no buffer of this size.
const READ_BYTES: usize = 4 * 1024;

/// How much is read, and thrown away, from a client that still sends when its answer is out.
const LINGER_BYTES_MAX: usize = 256 * 1024;

/// A connection's bytes, in clear text or within TLS, with what was read and isn't used yet. The
/// HTTP library is lent it for as long as what comes is for it, or for good where it speaks HTTP/2,
/// and reads no further than a request that it was lent. What moves is noted for the [`ConnectionWatch`].
pub(super) struct Connection<S> {
    stream: S,
    watch: Arc<ConnectionWatch>,
    unread: Vec<u8>,
    /// Bytes that belong to the library's request.
    lent: u64,
    head_bytes_max: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S, watch: Arc<ConnectionWatch>, head_bytes_max: usize) -> Self {
        Self { stream, watch, unread: Vec::new(), lent: 0, head_bytes_max }
    }

    pub(super) fn watch(&self) -> &Arc<ConnectionWatch> {
        &self.watch
    }

    /// What was read and isn't used yet.
    pub(super) fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// Takes away what was used.
    pub(super) fn consume(&mut self, length: usize) {
        self.unread.drain(..length);
    }

    /// Replaces a character of what is unread.
    pub(super) fn replace(&mut self, at: usize, by: &str) {
        self.unread.splice(at..=at, by.bytes());
    }

    /// Lets so many bytes be read by the library.
    pub(super) fn lend(&mut self, bytes: u64) {
        self.lent = bytes;
    }

    /// Lets all that comes be read by another protocol, after what the library had read of it.
    pub(super) fn lend_for_good(&mut self, read: &[u8]) {
        self.unread.splice(..0, read.iter().copied());
        self.lent = u64::MAX;
    }

    /// Whether the library has read all that it was lent.
    pub(super) fn is_used_up(&self) -> bool {
        self.lent == 0
    }

    /// Lends the next request as well, if it is one for the library and its head is here. What a
    /// new connection of the library costs is much of what a small write costs.
    fn lends_next(&mut self) -> bool {
        if self.watch.is_between_requests()
            && let Ok(Some(head)) = Head::parse(&self.unread, 0)
            && head.plain.is_none()
            && head.length <= self.head_bytes_max
            && head.is_target_valid()
        {
            self.lent = head.size();
            self.watch.received();
        }
        self.lent > 0
    }

    /// Waits for more bytes. No: the client ended.
    ///
    /// # Errors
    /// An order ends the connection first.
    pub(super) async fn has_more(&mut self) -> Result<bool, ConnectionOrder> {
        self.watch.is_unordered()?;
        match self.unread.is_empty() {
            true => self.unread.shrink_to(READ_BYTES),
            false => self.watch.received(),
        }
        let filled = poll_fn(|context| match self.poll_fill(context) {
            Poll::Ready(filled) => Poll::Ready(Ok(filled)),
            Poll::Pending => self
                .watch
                .is_unordered()
                .map_or_else(|order| Poll::Ready(Err(order)), |()| Poll::Pending),
        });
        Ok(filled.await?.is_ok_and(|length| length > 0))
    }

    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut part = [const { MaybeUninit::uninit() }; READ_BYTES];
        let mut part = ReadBuf::uninit(&mut part);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        self.unread.extend_from_slice(part.filled());
        Poll::Ready(Ok(part.filled().len()))
    }

    /// Sends all of it. No: the client left, or takes nothing of it. What is sent is in flight: it
    /// still gets its time where the server drains.
    pub(super) async fn has_sent(&mut self, mut bytes: &[u8]) -> bool {
        let sent = poll_fn(|context| match self.poll_send(context, &mut bytes) {
            Poll::Pending if self.watch.order() > ConnectionOrder::Drain => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            polled => polled,
        });
        sent.await.is_ok()
    }

    fn poll_send(&mut self, context: &mut Context<'_>, left: &mut &[u8]) -> Poll<io::Result<()>> {
        while !left.is_empty() {
            let sent = ready!(Pin::new(&mut *self).poll_write(context, left))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *left = &left[sent..];
        }
        Pin::new(self).poll_flush(context)
    }

    /// Says why no request is answered here any more, and ends.
    pub(super) async fn refuse(mut self, kind: ErrorKind) {
        self.watch.linger_at_end();
        if self.has_sent(&refusal_bytes(&Problem::new(kind))).await {
            self.close().await;
        }
    }

    /// Ends in order. Where something may be unread that the client sent, it is waited for:
    /// closing before it is here would reset the connection, and the client might never see its
    /// answer (RFC 9112, 9.6). That is a courtesy, which any order ends.
    pub(super) async fn close(mut self) {
        let watch = Arc::clone(&self.watch);
        watch.begin_closing();
        let ending = async {
            let mut waste = [0; READ_BYTES];
            let mut left = LINGER_BYTES_MAX;
            let mut is_open = self.stream.shutdown().await.is_ok() && watch.lingers();
            while is_open {
                let length = self.stream.read(&mut waste).await.unwrap_or(0);
                left = left.saturating_sub(length);
                is_open = length > 0 && left > 0;
            }
        };
        // However it ends, it has ended.
        let _ = watch.unless_ordered(ending).await;
    }

    fn note(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Pending => self.watch.write_waits(),
            Poll::Ready(Ok(length)) => self.watch.write_moves(*length),
            Poll::Ready(Err(_)) => {}
        }
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lent == 0 {
            // The library looks whether the client has left, or waits for the next request.
            if this.unread.is_empty() && ready!(this.poll_fill(context))? == 0 {
                return Poll::Ready(Ok(()));
            }
            if !this.lends_next() {
                this.watch.ask_back();
                return Poll::Pending;
            }
        }
        let lent = usize::try_from(this.lent).unwrap_or(usize::MAX);
        let fits = lent.min(buffer.remaining()).min(this.unread.len());
        if fits > 0 {
            buffer.put_slice(&this.unread[..fits]);
            this.consume(fits);
            this.lent -= fits as u64;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let mut lent = (&mut this.stream).take(this.lent);
        ready!(Pin::new(&mut lent).poll_read(context, buffer))?;
        this.lent -= (buffer.filled().len() - before) as u64;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Within TLS it is here that a slow client is felt.
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.note(result.map_ok(|()| 0)).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
