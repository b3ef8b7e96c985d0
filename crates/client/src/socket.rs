mod sender;

use std::{
    fmt, io,
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};

use self::sender::{FullRequest, Origin, Sender};
use crate::{
    IncomingBody, Transport, TransportError, TrustedRoots,
    tls::{Tls, TlsFault, TrustError, speaks_http2},
};

/// The maximum number of idle connections. A command never uses more; an application that does pays
/// for another handshake.
const IDLE_MAX: usize = 32;

/// The timeouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the headers of an answer. A write waits for its turn and the disk, and a verification
    /// reads the ledger; the timeout is longer than either should take.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), answer: Duration::from_secs(60) }
    }
}

/// The address of a server: `http://host[:port]` or `https://host[:port]`, optionally with a base
/// path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    scheme: Scheme,
    authority: String,
    host: String,
    target: String,
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// An address without user and password (RFC 3986, 3.2.1), which may be secrets.
#[must_use]
pub fn without_userinfo(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => address.to_owned(),
    }
}

/// Why a server can't be addressed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The text isn't `http://host[:port][/path]`, nor `https://`.
    #[error("{0:?} isn't the address of a server; use the form http://127.0.0.1:8080")]
    Form(String),
    /// Whom to trust can't be found out.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let form = || AddressError::Form(without_userinfo(text).chars().take(200).collect());
        let written = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: http::Uri = written.parse().map_err(|_| form())?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(form()),
        };
        let authority = uri.authority().ok_or_else(form)?;
        if uri.query().is_some() || authority.as_str().contains('@') {
            return Err(form());
        }
        let port = match authority.as_str().strip_prefix(authority.host()).unwrap_or_default() {
            "" => scheme.port(),
            port => port.trim_start_matches(':').parse::<u16>().map_err(|_| form())?,
        };
        Ok(Self {
            scheme,
            authority: authority.to_string(),
            host: authority.host().to_owned(),
            target: format!("{}:{port}", authority.host()),
            path: base_path(uri.path()).to_owned(),
        })
    }
}

/// The base path of a server's addresses. `/api` at its end isn't part of it: people copy the
/// address of the API.
fn base_path(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.strip_suffix("/api").unwrap_or(path).trim_end_matches('/')
}

impl Address {
    fn under(&self, scheme: Scheme) -> String {
        format!("{}://{}{}", scheme.name(), self.authority, self.path)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.under(self.scheme))
    }
}

/// A transport over HTTP, within TLS for https, which keeps connections open between requests. Within
/// TLS it speaks HTTP/2 where the server does, otherwise HTTP/1.1.
pub struct Socket {
    address: Address,
    tls: Option<Tls>,
    place: String,
    origin: Origin,
    timeouts: Timeouts,
    idle: Mutex<Vec<Sender>>,
}

impl Socket {
    /// A transport to the server at an address such as `http://127.0.0.1:8080`. It connects with
    /// the first request.
    ///
    /// # Errors
    /// The text isn't such an address, or the trusted certificates can't be read.
    pub fn new(
        address: &str,
        timeouts: Timeouts,
        roots: &TrustedRoots,
    ) -> Result<Self, AddressError> {
        let parsed: Address = address.parse()?;
        let form = || AddressError::Form(without_userinfo(address));
        let origin = Origin {
            scheme: parsed.scheme.name().parse().map_err(|_| form())?,
            authority: parsed.authority.parse().map_err(|_| form())?,
            host: HeaderValue::from_str(&parsed.authority).map_err(|_| form())?,
        };
        let place = parsed.to_string();
        let tls = match parsed.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(Tls::new(&parsed.host, roots)?),
        };
        Ok(Self { address: parsed, tls, place, origin, timeouts, idle: Mutex::default() })
    }

    /// A connection that takes a request now, if there is one; closed ones are dropped.
    fn kept(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|connection| !connection.is_closed());
        let free = idle.iter().rposition(Sender::is_ready)?;
        idle[free].shared().or_else(|| Some(idle.swap_remove(free)))
    }

    /// Keeps a connection. One of HTTP/1.1 isn't idle while its answer is being read; of HTTP/2 one
    /// is enough.
    fn keep(&self, connection: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let is_kept =
            connection.shared().is_some() && idle.iter().any(|kept| kept.shared().is_some());
        if idle.len() < IDLE_MAX && !is_kept && !connection.is_closed() {
            idle.push(connection);
        }
    }

    async fn connect(&self) -> Result<Sender, TransportError> {
        let place = || self.place.clone();
        let stream = timeout(self.timeouts.connect, TcpStream::connect(&self.address.target))
            .await
            .map_err(|_| TransportError::Timeout { place: place(), after: self.timeouts.connect })?
            .map_err(|error| match error.kind() {
                io::ErrorKind::ConnectionRefused => TransportError::Refused { place: place() },
                _ => TransportError::Unreachable { place: place(), cause: error.to_string() },
            })?;
        // Otherwise a small request may wait for the acknowledgement of the previous one.
        stream.set_nodelay(true).map_err(|error| self.broken(&error))?;
        let begun = match &self.tls {
            None => Sender::begin(stream, false).await,
            Some(tls) => {
                let after = self.timeouts.connect;
                let greeted = timeout(after, tls.greet(stream)).await;
                let greeted =
                    greeted.map_err(|_| TransportError::Timeout { place: place(), after })?;
                let stream = greeted.map_err(|fault| self.refused(fault))?;
                let speaks_http2 = speaks_http2(&stream);
                Sender::begin(stream, speaks_http2).await
            }
        };
        begun.map_err(|error| self.broken(&error))
    }

    fn refused(&self, fault: TlsFault) -> TransportError {
        let place = self.place.clone();
        match fault {
            TlsFault::ClearText => {
                TransportError::OtherScheme { place, other: self.address.under(Scheme::Http) }
            }
            fault => TransportError::Tls { place, fault },
        }
    }

    fn broken(&self, error: &dyn std::error::Error) -> TransportError {
        let mut causes = vec![error.to_string()];
        let mut source = error.source();
        while let Some(error) = source {
            causes.push(error.to_string());
            source = error.source();
        }
        TransportError::Broken { place: self.place.clone(), cause: causes.join(": ") }
    }

    fn addressed(&self, request: Request<Bytes>) -> Result<FullRequest, TransportError> {
        let (mut head, body) = request.into_parts();
        let below = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri =
            format!("{}{below}", self.address.path).parse().map_err(|error| self.broken(&error))?;
        Ok(Request::from_parts(head, Full::new(body)))
    }

    /// The answer; its connection is kept for the next request.
    fn answered(
        &self,
        connection: Sender,
        response: Response<hyper::body::Incoming>,
    ) -> Response<IncomingBody> {
        self.keep(connection);
        boxed(response, &self.place)
    }

    async fn send_on(
        &self,
        connection: &mut Sender,
        request: FullRequest,
    ) -> Result<Response<hyper::body::Incoming>, Unanswered> {
        match timeout(self.timeouts.answer, connection.send(request, &self.origin)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(mut error)) => Err(Unanswered {
                unsent: error.take_message(),
                is_strange: error.error().is_parse() && self.tls.is_none(),
                error: self.broken(error.error()),
            }),
            Err(_) => {
                let (place, after) = (self.place.clone(), self.timeouts.answer);
                let error = TransportError::Timeout { place, after };
                Err(Unanswered { error, unsent: None, is_strange: false })
            }
        }
    }
}

/// A request that got no answer.
struct Unanswered {
    error: TransportError,
    /// The request, if nothing of it was sent.
    unsent: Option<FullRequest>,
    /// What came isn't HTTP.
    is_strange: bool,
}

#[async_trait]
impl Transport for Socket {
    async fn send(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<IncomingBody>, TransportError> {
        let mut request = self.addressed(request)?;
        // The server may have just closed an idle connection. A request that wasn't sent, or that
        // is safe to repeat, is sent again on a new one.
        while let Some(mut connection) = self.kept() {
            let again = request.method().is_safe().then(|| request.clone());
            match self.send_on(&mut connection, request).await {
                Ok(response) => return Ok(self.answered(connection, response)),
                Err(Unanswered { error: error @ TransportError::Timeout { .. }, .. }) => {
                    return Err(error);
                }
                Err(Unanswered { error, unsent, .. }) => request = unsent.or(again).ok_or(error)?,
            }
        }
        let mut connection = self.connect().await?;
        match self.send_on(&mut connection, request).await {
            Ok(response) => Ok(self.answered(connection, response)),
            // What isn't HTTP may be TLS, which says in its own way that it wasn't understood.
            Err(Unanswered { is_strange: true, .. }) => {
                let (place, other) = (self.place.clone(), self.address.under(Scheme::Https));
                Err(TransportError::OtherScheme { place, other })
            }
            Err(unanswered) => Err(unanswered.error),
        }
    }

    fn place(&self) -> &str {
        &self.place
    }
}

fn boxed(response: Response<hyper::body::Incoming>, place: &str) -> Response<IncomingBody> {
    let place = place.to_owned();
    response.map(|body| {
        body.map_err(move |error| TransportError::Broken {
            place: place.clone(),
            cause: error.to_string(),
        })
        .boxed_unsync()
    })
}

#[cfg(test)]
mod tests;
