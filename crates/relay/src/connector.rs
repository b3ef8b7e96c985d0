//! Connects to an address that a document names, after it has been checked. It uses no proxy.

use std::{net::SocketAddr, sync::Arc};

use muster_guard::addresses::{AddressFilter, AddressRefused, Destination, Host};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{decision::TryFailure, http_sender::Resolve};

/// A connection, within TLS or not.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// Connects to addresses that documents name.
pub struct Connector {
    filter: AddressFilter,
    tls: Arc<ClientConfig>,
    /// The same without the name of a protocol (ALPN): those of queues have none, and a server may
    /// refuse one that it doesn't speak.
    nameless_tls: Arc<ClientConfig>,
    resolver: Arc<dyn Resolve>,
}

impl Connector {
    /// Connections to the addresses that a filter permits.
    #[must_use]
    pub fn new(filter: AddressFilter, tls: Arc<ClientConfig>, resolver: Arc<dyn Resolve>) -> Self {
        let mut nameless = (*tls).clone();
        nameless.alpn_protocols.clear();
        Self { filter, tls, nameless_tls: Arc::new(nameless), resolver }
    }

    /// Parses and checks a URL of HTTP.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn http(&self, url: &str) -> Result<Destination, AddressRefused> {
        self.filter.check_url(url)
    }

    /// Parses and checks the URL of a WebSocket.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn websocket(&self, url: &str) -> Result<Destination, AddressRefused> {
        self.filter.check_websocket_url(url)
    }

    /// Parses and checks the URL of a NATS server.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn nats(&self, url: &str) -> Result<Destination, AddressRefused> {
        self.filter.check_nats_url(url)
    }

    /// Parses and checks the URL of a Kafka cluster: each broker that it names.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn kafka(&self, url: &str) -> Result<Vec<Destination>, AddressRefused> {
        self.filter.check_kafka_url(url)
    }

    /// Checks a server that another one names. It may name any, also one of our own network.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn named(
        &self,
        host: &str,
        port: i32,
        is_encrypted: bool,
    ) -> Result<Destination, AddressRefused> {
        self.filter.check_host(host, port, is_encrypted)
    }

    /// The permitted addresses of a destination. One that isn't permitted among them refuses all,
    /// because nobody names a mixture by accident.
    ///
    /// # Errors
    /// There are none, or one of them is refused.
    pub async fn addresses(
        &self,
        destination: &Destination,
    ) -> Result<Vec<SocketAddr>, TryFailure> {
        let found = match &destination.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => self.resolver.addresses(name).await,
        };
        if found.is_empty() {
            return Err(TryFailure::Unresolved);
        }
        for address in &found {
            self.filter.check(destination, *address).map_err(TryFailure::Refused)?;
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address, destination.port)).collect())
    }

    /// A connection to the first of these addresses that takes one.
    ///
    /// # Errors
    /// None of them does.
    pub async fn connect(
        &self,
        addresses: &[SocketAddr],
    ) -> Result<(SocketAddr, TcpStream), TryFailure> {
        for address in addresses {
            if let Ok(stream) = TcpStream::connect(address).await {
                stream.set_nodelay(true).map_err(|_| TryFailure::Broken)?;
                return Ok((*address, stream));
            }
        }
        Err(TryFailure::Unreachable)
    }

    /// Goes on within TLS as a client of HTTP, with a certificate for the destination's host.
    ///
    /// # Errors
    /// The handshake fails.
    pub async fn secure(
        &self,
        destination: &Destination,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, TryFailure> {
        handshake(&self.tls, destination, stream).await
    }

    /// The same for another protocol than HTTP.
    ///
    /// # Errors
    /// The handshake fails.
    pub async fn secure_nameless(
        &self,
        destination: &Destination,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, TryFailure> {
        handshake(&self.nameless_tls, destination, stream).await
    }
}

async fn handshake(
    tls: &Arc<ClientConfig>,
    destination: &Destination,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, TryFailure> {
    let host = destination.host.to_string();
    let host = host.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(|_| TryFailure::Tls)?;
    let connector = TlsConnector::from(tls.clone());
    connector.connect(name, stream).await.map_err(|_| TryFailure::Tls)
}
