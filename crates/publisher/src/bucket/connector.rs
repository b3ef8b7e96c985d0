use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use muster_client::{Socket, Timeouts, Transport as _, TransportError, TrustedRoots, read_to_end};
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
        HttpResponseBody, HttpService,
    },
};
use parking_lot::Mutex;

/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The longest pause within an answer.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Sends the requests of a bucket over the connections that commands use, too.
#[derive(Clone, Default)]
pub(super) struct OwnConnections {
    /// The connections to each server.
    sockets: Arc<Mutex<HashMap<String, Arc<Socket>>>>,
}

impl std::fmt::Debug for OwnConnections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnConnections")
    }
}

impl OwnConnections {
    fn socket(&self, origin: &str) -> Result<Arc<Socket>, HttpError> {
        let mut sockets = self.sockets.lock();
        if let Some(socket) = sockets.get(origin) {
            return Ok(socket.clone());
        }
        let socket = Socket::new(origin, Timeouts::default(), &TrustedRoots::System);
        let socket = socket.map_err(|error| HttpError::new(HttpErrorKind::Connect, error))?;
        let socket = Arc::new(socket);
        sockets.insert(origin.to_owned(), socket.clone());
        Ok(socket)
    }
}

impl HttpConnector for OwnConnections {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for OwnConnections {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (mut head, body) = request.into_parts();
        let uri = head.uri.clone();
        let scheme = uri.scheme_str().unwrap_or("https");
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let socket = self.socket(&format!("{scheme}://{authority}"))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = path.parse();
        head.uri = path.map_err(|error| HttpError::new(HttpErrorKind::Request, error))?;
        let body = body.collect().await?.to_bytes();
        let sent = socket.send(http::Request::from_parts(head, body)).await;
        let (head, body) = sent.map_err(fault)?.into_parts();
        let bytes = read_to_end(body, ANSWER_BYTES_MAX, PAUSE_MAX, socket.place()).await;
        let body = HttpResponseBody::from(bytes.map_err(fault)?);
        Ok(http::Response::from_parts(head, body))
    }
}

fn fault(error: TransportError) -> HttpError {
    let kind = match &error {
        TransportError::Refused { .. } | TransportError::Unreachable { .. } => {
            HttpErrorKind::Connect
        }
        TransportError::Timeout { .. } => HttpErrorKind::Timeout,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}
