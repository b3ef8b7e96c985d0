//! Sends one HTTP request to an address that a document names, and reads the beginning of its
//! answer. It follows nothing, uses no proxy, and connects only to an address that it has checked.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Body as _, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use muster_guard::addresses::{AddressFilter, AddressRefused, Destination, Host};
use rustls::ClientConfig;

use crate::{connector::Connector, decision::TryFailure, idle::IdleConnections};

/// How much of an answer is usually read, in bytes: enough for an error that says what is wrong.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The largest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long an idle connection is kept. Servers commonly end one after a minute.
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The addresses; empty if there are none.
    async fn addresses(&self, name: &str) -> Vec<IpAddr>;
}

/// Asks the system.
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let found = tokio::net::lookup_host((name, 0)).await;
        found.map(|all| all.map(|address| address.ip()).collect()).unwrap_or_default()
    }
}

/// What one request needs.
pub struct Sending<'a> {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: &'a str,
    /// The headers, without those of the connection.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The deadline for everything together.
    pub deadline: Duration,
    /// How much of the answer is read, in bytes; usually [`ANSWER_BYTES_MAX`]. With 0, its body isn't
    /// waited for.
    pub answer_max: usize,
}

/// An answer, with the beginning of its body.
#[derive(Debug)]
pub struct Received {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// Its beginning, as long as the request says.
    pub body: Vec<u8>,
}

type Connection = http1::SendRequest<Full<Bytes>>;
type Place = (bool, Host, SocketAddr);

/// Sends requests to addresses that documents name.
pub struct HttpSender {
    connector: Connector,
    idle: IdleConnections<Place, Connection>,
}

impl HttpSender {
    /// A sender to the addresses that a filter permits.
    #[must_use]
    pub fn new(filter: AddressFilter, tls: Arc<ClientConfig>, resolver: Arc<dyn Resolve>) -> Self {
        let connector = Connector::new(filter, tls, resolver);
        Self { connector, idle: IdleConnections::new(IDLE_TIME_MAX) }
    }

    /// Parses and checks a URL.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn destination(&self, url: &str) -> Result<Destination, AddressRefused> {
        self.connector.http(url)
    }

    /// What connects to the addresses that are permitted.
    #[must_use]
    pub const fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Sends a request.
    ///
    /// # Errors
    /// See [`TryFailure`].
    pub async fn send(&self, sending: Sending<'_>) -> Result<Received, TryFailure> {
        let deadline = sending.deadline;
        let sent = tokio::time::timeout(deadline, self.send_at_leisure(sending)).await;
        sent.unwrap_or(Err(TryFailure::Timeout))
    }

    async fn send_at_leisure(&self, sending: Sending<'_>) -> Result<Received, TryFailure> {
        let destination = self.destination(sending.url).map_err(TryFailure::Refused)?;
        let addresses = self.connector.addresses(&destination).await?;
        let host = HeaderValue::from_str(&destination.authority());
        let host = host.map_err(|_| TryFailure::Unresolved)?;
        let mut request = Request::new(Full::new(sending.body));
        *request.method_mut() = sending.method;
        *request.uri_mut() = destination.path.parse().map_err(|_| TryFailure::Unresolved)?;
        *request.headers_mut() = sending.headers;
        request.headers_mut().insert(header::HOST, host);
        for address in &addresses {
            let place = (destination.is_encrypted, destination.host.clone(), *address);
            while let Some(mut connection) = self.idle.take(&place) {
                if !connection.is_ready() {
                    continue;
                }
                match connection.try_send_request(request).await {
                    Ok(response) => {
                        return self
                            .received(place, (connection, response), sending.answer_max)
                            .await;
                    }
                    Err(mut error) => {
                        // The receiver may have closed it meanwhile, and nothing was sent.
                        request = error.take_message().ok_or(TryFailure::Broken)?;
                    }
                }
            }
        }
        // It is seldom needed, and the handshake of TLS is large.
        let connected = Box::pin(self.connect(&destination, &addresses)).await;
        let (address, mut connection) = connected?;
        let place = (destination.is_encrypted, destination.host.clone(), address);
        let response = connection.send_request(request).await;
        let response = response.map_err(|_| TryFailure::Broken)?;
        self.received(place, (connection, response), sending.answer_max).await
    }

    async fn connect(
        &self,
        destination: &Destination,
        addresses: &[SocketAddr],
    ) -> Result<(SocketAddr, Connection), TryFailure> {
        let (address, stream) = self.connector.connect(addresses).await?;
        let connection = match destination.is_encrypted {
            true => begin(TokioIo::new(self.connector.secure(destination, stream).await?)).await?,
            false => begin(TokioIo::new(stream)).await?,
        };
        Ok((address, connection))
    }

    /// Reads the beginning of the body. A connection is kept only if the whole body was read.
    async fn received(
        &self,
        place: Place,
        (connection, response): (Connection, Response<Incoming>),
        answer_max: usize,
    ) -> Result<Received, TryFailure> {
        let (head, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        let mut is_whole = answer_max > 0 || body.is_end_stream();
        // Such a body has no other end. Many servers, Python's among them, close the connection
        // without the farewell of TLS (RFC 8446, section 6.1). The status was received in spite of it.
        let ends_with_connection = body.size_hint().exact().is_none()
            && !head.headers.contains_key(header::TRANSFER_ENCODING);
        while answer_max > 0
            && let Some(frame) = body.frame().await
        {
            let Ok(frame) = frame else {
                if !ends_with_connection {
                    return Err(TryFailure::Broken);
                }
                is_whole = false;
                break;
            };
            let Ok(data) = frame.into_data() else { continue };
            let room = answer_max - bytes.len();
            bytes.extend_from_slice(&data[..data.len().min(room)]);
            if bytes.len() == answer_max {
                is_whole = false;
                break;
            }
        }
        if is_whole && !connection.is_closed() {
            self.idle.keep(place, connection);
        }
        Ok(Received { status: head.status.as_u16(), headers: head.headers, body: bytes })
    }
}

async fn begin<T>(stream: TokioIo<T>) -> Result<Connection, TryFailure>
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX);
    let (sender, connection) = builder.handshake(stream).await.map_err(|_| TryFailure::Broken)?;
    tokio::spawn(async move {
        // Whoever sends learns of its end.
        let _ = connection.await;
    });
    Ok(sender)
}

#[cfg(test)]
mod tests;
