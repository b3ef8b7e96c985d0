use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use memchr::{memchr3, memmem};
use muster_wire::ErrorKind;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch::Receiver,
};

use super::{
    Phase,
    connection::Connection,
    head::{Head, HeadFault},
};
use crate::{
    Front, ServerLimits, Tls,
    connections::{ConnectionOrder, ConnectionWatch},
    front::{RequestGuard, RequestLimits},
    response_body::InFlightRequest,
    upgrade::Upgraded,
};

/// How an HTTP/2 connection begins (RFC 9113, 3.4). No HTTP/1 method that we know begins so.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// The first byte of a connection within TLS (RFC 8446, 5.1). No request begins so.
const TLS_HANDSHAKE: u8 = 22;

/// The largest buffer for answers that is kept while a connection waits.
const KEPT_BYTES_MAX: usize = 4 * 1024;

/// Everything that serving one connection takes, made once.
///
/// Requests of HTTP/1.1 are read here one by one. A plain one is answered from memory; any other
/// is lent to the HTTP library, which costs more than all the rest of an answer from memory.
pub(super) struct ConnectionServer {
    pub(super) limits: Arc<ServerLimits>,
    front: Arc<Front>,
    bounds: Arc<RequestLimits>,
    phase: Receiver<Phase>,
    tls: Option<Tls>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

/// What comes next on a connection of HTTP/1.1.
enum Next {
    /// More of the head must come.
    Wait,
    /// A plain request of so many bytes, answered.
    Answered(usize, InFlightRequest),
    /// A request of so many bytes for the library.
    Lend(u64),
    /// Its target has a character there that should have been percent-encoded.
    Encode(usize),
    /// No request.
    Refuse(ErrorKind),
}

impl ConnectionServer {
    pub(super) fn new(
        front: Arc<Front>,
        limits: Arc<ServerLimits>,
        phase: Receiver<Phase>,
        tls: Option<Tls>,
    ) -> Self {
        let mut http1 = http1::Builder::new();
        // Times are the watch's business: a timer per request costs more than the request's head.
        http1.header_read_timeout(None).half_close(false);
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
        Self { limits, front, bounds, phase, tls, http1, http2 }
    }

    /// Whether connections speak TLS.
    pub(super) const fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves one connection to its end.
    pub(super) async fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        watch: &Arc<ConnectionWatch>,
    ) {
        watch.wake_this_task().await;
        let Some(tls) = &self.tls else {
            return self.speak(self.connection(stream, watch), peer).await;
        };
        // One that says nothing is idle; from its first byte on it has the time of a head.
        let mut first = [0];
        let Ok(Ok(1)) = watch.unless_ordered(stream.peek(&mut first)).await else { return };
        watch.received();
        if first != [TLS_HANDSHAKE] {
            return self.connection(stream, watch).refuse(ErrorKind::TlsRequired).await;
        }
        if let Ok(Ok((stream, speaks_http2))) = watch.unless_ordered(tls.accept(stream)).await {
            watch.end_head();
            let connection = self.connection(stream, watch);
            match speaks_http2 {
                true => Box::pin(self.speak_http2(connection, self.guard(watch, peer))).await,
                false => self.speak(connection, peer).await,
            }
        }
    }

    fn connection<S>(&self, stream: S, watch: &Arc<ConnectionWatch>) -> Connection<S>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        Connection::new(stream, Arc::clone(watch), self.limits.header_bytes_max)
    }

    fn guard(&self, watch: &Arc<ConnectionWatch>, peer: SocketAddr) -> RequestGuard {
        let (front, bounds) = (Arc::clone(&self.front), Arc::clone(&self.bounds));
        let scheme = if self.is_secure() { "https" } else { "http" };
        RequestGuard::new(front, bounds, Arc::clone(watch), self.phase.clone(), (peer, scheme))
    }

    /// Serves a connection of HTTP/1.1, unless its first bytes are HTTP/2's.
    async fn speak<S>(&self, mut connection: Connection<S>, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut guard = self.guard(connection.watch(), peer);
        let (mut is_first, mut seen, mut out) = (true, 0, Vec::new());
        loop {
            let unread = connection.unread();
            if is_first && unread.starts_with(PREFACE) {
                return Box::pin(self.speak_http2(connection, guard)).await;
            }
            let next = match is_first && PREFACE.starts_with(unread) {
                true => Next::Wait,
                false => self.next(unread, seen, &guard, &mut out),
            };
            match next {
                Next::Wait => {
                    seen = unread.len();
                    out.shrink_to(KEPT_BYTES_MAX);
                    match connection.has_more().await {
                        Ok(true) => continue,
                        Ok(false) => return,
                        Err(ConnectionOrder::RefuseSlowHead) => {
                            return connection.refuse(ErrorKind::TooSlow).await;
                        }
                        Err(_) => return connection.close().await,
                    }
                }
                Next::Encode(at) => {
                    let by = format!("%{:02X}", unread[at]);
                    connection.replace(at, &by);
                    continue;
                }
                Next::Answered(length, in_flight) => {
                    connection.consume(length);
                    let is_sent = connection.has_sent(&out).await;
                    drop(in_flight);
                    if !is_sent {
                        return;
                    }
                    out.clear();
                }
                Next::Lend(bytes) => {
                    connection.lend(bytes);
                    let answered = Box::pin(self.answer(connection, guard)).await;
                    let Some(back) = answered else { return };
                    (connection, guard) = back;
                }
                Next::Refuse(kind) => return connection.refuse(kind).await,
            }
            (is_first, seen) = (false, 0);
        }
    }

    /// What the bytes begin with that were read; a plain request's answer is written.
    ///
    /// Of what was `seen` before nothing is read again until the head is whole: a head that comes
    /// byte by byte must not cost its length with each.
    fn next(&self, unread: &[u8], seen: usize, guard: &RequestGuard, out: &mut Vec<u8>) -> Next {
        let head = match Head::parse(unread, seen) {
            Ok(head) => head,
            Err(fault) => return Next::Refuse(fault.into()),
        };
        let length = head.as_ref().map_or(unread.len(), |head| head.length);
        if length > self.limits.header_bytes_max {
            return Next::Refuse(HeadFault::TooLarge.into());
        }
        let Some(head) = head else { return Next::Wait };
        if let Some(plain) = &head.plain
            && let Some(in_flight) = guard.answer_plainly(plain, out)
        {
            return Next::Answered(head.length, in_flight);
        }
        if !head.is_target_valid() {
            // Many clients send these as they are (`?filter=count>3`), and the library takes none.
            return match memchr3(b'<', b'>', b'"', head.target.as_bytes()) {
                Some(at) => {
                    let target = memmem::find(unread, head.target.as_bytes()).unwrap_or_default();
                    Next::Encode(target + at)
                }
                None => Next::Refuse(HeadFault::Malformed.into()),
            };
        }
        Next::Lend(head.size())
    }

    /// Lets the library answer requests while they are for it; none: the connection has ended.
    async fn answer<S>(
        &self,
        connection: Connection<S>,
        guard: RequestGuard,
    ) -> Option<(Connection<S>, RequestGuard)>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let watch = Arc::clone(connection.watch());
        watch.received();
        let mut library = self.http1.serve_connection(TokioIo::new(connection), guard);
        let poll = |library: &mut http1::Connection<_, _>, context: &mut Context<'_>| {
            library.poll_without_shutdown(context)
        };
        let has_ended =
            drive(&mut library, &watch, poll, http1::Connection::graceful_shutdown).await?;
        let parts = library.into_parts();
        let mut connection = parts.io.into_inner();
        if let Some(upgraded) = parts.service.take_upgrade().filter(|_| connection.is_used_up()) {
            connection.lend_for_good(&parts.read_buf);
            go_on(connection, upgraded).await;
            return None;
        }
        if has_ended || !connection.is_used_up() {
            connection.close().await;
            return None;
        }
        Some((connection, parts.service))
    }

    /// Lets the library serve a connection of HTTP/2 to its end.
    async fn speak_http2<S>(&self, mut connection: Connection<S>, guard: RequestGuard)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let watch = Arc::clone(connection.watch());
        watch.speak_http2();
        connection.lend(u64::MAX);
        let mut library = self.http2.serve_connection(TokioIo::new(connection), guard);
        let poll = |library: &mut http2::Connection<_, _, _>, context: &mut Context<'_>| {
            Pin::new(library).poll(context)
        };
        drive(&mut library, &watch, poll, http2::Connection::graceful_shutdown).await;
    }
}

/// Serves a connection that speaks another protocol now, to its end.
async fn go_on<S>(mut connection: Connection<S>, upgraded: Upgraded)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let watch = Arc::clone(connection.watch());
    let Upgraded { upgrade, in_flight } = upgraded;
    let is_closed = watch.unless_closed(upgrade.speak(&mut connection)).await.is_none();
    drop(in_flight);
    if !is_closed {
        // The client may still send; its last message must not be lost by a reset.
        watch.linger_at_end();
        connection.close().await;
    }
}

/// Lets the library serve a connection until it has ended (yes) or what comes next isn't for the
/// library (no). None: it is to end at once.
async fn drive<L: Unpin>(
    library: &mut L,
    watch: &ConnectionWatch,
    mut poll: impl FnMut(&mut L, &mut Context<'_>) -> Poll<hyper::Result<()>>,
    finish: impl Fn(Pin<&mut L>),
) -> Option<bool> {
    let mut is_told = false;
    poll_fn(|context| {
        loop {
            if let Poll::Ready(result) = poll(library, context) {
                if let Err(error) = result {
                    tracing::debug!(%error, "a connection ended out of order");
                }
                return Poll::Ready(Some(true));
            }
            match watch.order() {
                // Polled once more, so that a connection without a request ends at once.
                ConnectionOrder::Drain if !is_told => {
                    is_told = true;
                    finish(Pin::new(library));
                }
                // The last answer is out, and the library waits for the next request.
                order if watch.is_idle() => {
                    let is_back = order > ConnectionOrder::Drain || watch.is_asked_back();
                    return if is_back { Poll::Ready(Some(false)) } else { Poll::Pending };
                }
                ConnectionOrder::Close => return Poll::Ready(None),
                _ => return Poll::Pending,
            }
        }
    })
    .await
}
