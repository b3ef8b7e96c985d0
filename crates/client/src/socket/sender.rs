use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::HOST};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

/// A request whose body is in memory.
pub(super) type FullRequest = Request<Full<Bytes>>;

/// How much of one answer of HTTP/2 the server may send ahead of its reader.
const STREAM_BYTES: u32 = 512 * 1024;

/// How much of all answers on one connection of HTTP/2: streams that nobody reads for a while must
/// not hold up the others.
const CONNECTION_BYTES: u32 = 64 * 1024 * 1024;

/// A connection as requests see it. HTTP/1.1 sends one at a time, HTTP/2 many at once.
pub(super) enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    /// Begins HTTP/1.1 or HTTP/2 on a connection.
    pub(super) async fn begin<S>(stream: S, speaks_http2: bool) -> hyper::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = TokioIo::new(stream);
        // Either ends with its connection; what went wrong reaches whoever waits for the answer.
        if speaks_http2 {
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .initial_stream_window_size(STREAM_BYTES)
                .initial_connection_window_size(CONNECTION_BYTES)
                // A network that is gone says nothing; these notice.
                .keep_alive_interval(Duration::from_secs(30))
                .keep_alive_timeout(Duration::from_secs(20))
                .handshake(stream)
                .await?;
            tokio::spawn(connection);
            return Ok(Self::Http2(sender));
        }
        let (sender, connection) = http1::handshake(stream).await?;
        tokio::spawn(connection);
        Ok(Self::Http1(sender))
    }

    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(sender) => sender.is_closed(),
        }
    }

    /// Whether a request can be sent now.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_ready(),
            Self::Http2(sender) => sender.is_ready(),
        }
    }

    /// The same connection for another request at the same time, where it takes that.
    pub(super) fn shared(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender) => Some(Self::Http2(sender.clone())),
        }
    }

    pub(super) async fn send(
        &mut self,
        request: FullRequest,
        origin: &Origin,
    ) -> Result<Response<Incoming>, TrySendError<FullRequest>> {
        let request = self.named(request, origin);
        match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2(sender) => sender.try_send_request(request).await,
        }
    }

    /// The request with the server's name where this protocol has it: in the header `Host` or in
    /// the address (RFC 9113, 8.3.1).
    fn named(&self, mut request: FullRequest, origin: &Origin) -> FullRequest {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        match self {
            Self::Http1(_) => {
                (parts.scheme, parts.authority) = (None, None);
                request.headers_mut().insert(HOST, origin.host.clone());
            }
            Self::Http2(_) => {
                (parts.scheme, parts.authority) =
                    (Some(origin.scheme.clone()), Some(origin.authority.clone()));
                request.headers_mut().remove(HOST);
            }
        }
        // A path with a server, or without both, is always an address.
        *request.uri_mut() = http::Uri::from_parts(parts).unwrap_or_default();
        request
    }
}

/// How requests name their server.
pub(super) struct Origin {
    pub(super) scheme: http::uri::Scheme,
    pub(super) authority: http::uri::Authority,
    pub(super) host: HeaderValue,
}
