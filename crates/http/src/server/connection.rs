use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use muster_wire::{ErrorKind, Problem};
use tokio::{io::ReadBuf, net::TcpStream, sync::watch::Receiver};

use super::{
    Phase, ServerLimits,
    plain::{PlainEnd, serve_plain},
    socket::{Socket, refusal_bytes},
    watch::{ConnectionOrder, ConnectionSlot, ConnectionWatch},
};
use crate::{
    Front,
    front::{RequestGuard, RequestLimits},
};

/// How an HTTP/2 connection begins (RFC 9113, 3.4). No HTTP/1 method that we know begins so.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// How seldom the rest of a preface in pieces is looked for at last.
const PEEK_PAUSE_MAX: Duration = Duration::from_millis(500);

/// Everything that serving one connection takes, made once.
pub(super) struct ConnectionServer {
    pub(super) limits: Arc<ServerLimits>,
    front: Arc<Front>,
    bounds: Arc<RequestLimits>,
    phase: Receiver<Phase>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl ConnectionServer {
    pub(super) fn new(
        front: Arc<Front>,
        limits: Arc<ServerLimits>,
        phase: Receiver<Phase>,
    ) -> Self {
        let mut http1 = http1::Builder::new();
        // Times are the watch's business: a timer per request costs more than the request's head.
        http1.header_read_timeout(None).max_header_size(limits.header_bytes_max).half_close(false);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
            .max_concurrent_streams(limits.streams_max)
            // What one connection may have us hold of bodies that nobody reads yet.
            .initial_stream_window_size(256 * 1024)
            .initial_connection_window_size(1024 * 1024)
            .max_send_buf_size(256 * 1024)
            // A client whose network is gone says nothing; these notice.
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20));
        let bounds = Arc::new(RequestLimits::new(&limits));
        Self { limits, front, bounds, phase, http1, http2 }
    }

    /// Serves one connection to its end.
    pub(super) async fn serve(&self, stream: TcpStream, peer: SocketAddr, slot: &ConnectionSlot) {
        let (watch, mut stream) = (slot.watch(), stream);
        let Some(speaks_http2) = first_bytes(&stream, watch).await else { return };
        let mut request_guard = RequestGuard::new(
            Arc::clone(&self.front),
            Arc::clone(&self.bounds),
            Arc::clone(watch),
            self.phase.clone(),
            peer,
        );
        if speaks_http2 {
            watch.speak_http2();
            let io = TokioIo::new(Socket::http2(stream, Arc::clone(watch)));
            drive(self.http2.serve_connection(io, request_guard), watch).await;
            return;
        }
        let unread = match serve_plain(&mut stream, watch, &mut request_guard).await {
            PlainEnd::Ended => return,
            PlainEnd::Unread(bytes) => bytes,
        };
        let io = TokioIo::new(Socket::http1(stream, Arc::clone(watch), unread));
        let ended = drive(self.http1.serve_connection(io, request_guard), watch).await;
        if let Some((connection, ConnectionOrder::RefuseSlowHead)) = ended {
            connection.into_parts().io.into_inner().say(ErrorKind::TooSlow);
        }
    }
}

/// Waits for the first bytes, without taking them, and answers whether they are HTTP/2's. Until
/// they are there a connection costs its socket and this task, and nothing of the HTTP library.
async fn first_bytes(stream: &TcpStream, watch: &ConnectionWatch) -> Option<bool> {
    // Each look costs a system call, and there may be ten thousand such connections.
    let mut pause = Duration::from_millis(5);
    loop {
        let mut first = [0; PREFACE.len()];
        let length = poll_fn(|context| poll_peek(stream, watch, &mut first, context)).await?;
        let first = &first[..length];
        match length {
            0 => return None,
            _ if length == PREFACE.len() || !PREFACE.starts_with(first) => {
                return Some(first == PREFACE);
            }
            // A preface in pieces: look again soon. The sweep ends it where the rest never comes.
            _ => {
                tokio::time::sleep(pause).await;
                pause = (2 * pause).min(PEEK_PAUSE_MAX);
            }
        }
    }
}

fn poll_peek(
    stream: &TcpStream,
    watch: &ConnectionWatch,
    buffer: &mut [u8],
    context: &mut Context<'_>,
) -> Poll<Option<usize>> {
    watch.wake_with(context.waker());
    match watch.take_order() {
        ConnectionOrder::None => {}
        ConnectionOrder::RefuseSlowHead => {
            // Nobody is there to hear an error of this.
            let _ = stream.try_write(&refusal_bytes(&Problem::new(ErrorKind::TooSlow)));
            return Poll::Ready(None);
        }
        ConnectionOrder::Drain | ConnectionOrder::Close => return Poll::Ready(None),
    }
    match stream.poll_peek(context, &mut ReadBuf::new(buffer)) {
        Poll::Ready(Ok(length)) => {
            watch.received();
            Poll::Ready(Some(length))
        }
        Poll::Ready(Err(_)) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    }
}

/// A connection of either protocol.
trait Drivable: Future<Output = hyper::Result<()>> + Unpin {
    fn finish(&mut self);
}

impl Drivable for http1::Connection<TokioIo<Socket>, RequestGuard> {
    fn finish(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

impl Drivable for http2::Connection<TokioIo<Socket>, RequestGuard, TokioExecutor> {
    fn finish(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

/// Drives a connection until it ends, or until an order ends it: then it is given back.
async fn drive<C: Drivable>(
    mut connection: C,
    watch: &ConnectionWatch,
) -> Option<(C, ConnectionOrder)> {
    let mut known = false;
    let order = poll_fn(|context| {
        if !known {
            watch.wake_with(context.waker());
            known = true;
        }
        loop {
            if let Poll::Ready(result) = Pin::new(&mut connection).poll(context) {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended out of order");
                }
                return Poll::Ready(ConnectionOrder::None);
            }
            match watch.take_order() {
                ConnectionOrder::None => return Poll::Pending,
                // Polled once more, so that an idle connection ends at once.
                ConnectionOrder::Drain => {
                    watch.linger_no_longer();
                    connection.finish();
                }
                order => return Poll::Ready(order),
            }
        }
    })
    .await;
    (order != ConnectionOrder::None).then_some((connection, order))
}

/// Tells a newcomer that there is no room. It may have sent its request already: what is here of
/// it is read, because closing with unread bytes would take the answer back.
pub(super) fn refuse(stream: &TcpStream) {
    let problem = Problem::new(ErrorKind::ServerBusy).subject("/");
    let mut waste = [0; 4096];
    let told: io::Result<usize> = stream.try_write(&refusal_bytes(&problem));
    if told.is_ok() {
        let _ = stream.try_read(&mut waste);
    }
}
