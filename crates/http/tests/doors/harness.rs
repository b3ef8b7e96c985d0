//! A server with a few routes, and a client that sends bytes as they are, in clear text or within
//! TLS: whatever holds of a connection holds of both.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Router,
    routing::{any, get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use muster_guard::Role;
use muster_http::{
    Body, Caller, Certificate, FastRead, FastRequest, Front, FullResponse, Gatekeeper, IntoProblem,
    Phase, Principal, Server, ServerLimits, Tls, health, metrics::Metrics, read_body,
};
use muster_wire::{ErrorKind, Problem};
use muster_words::Position;
use rustls::RootCertStore;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Longer than anything here may take: a test that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// More than half of what answers may hold together.
pub const HUGE_BYTES: usize = 300 * 1024 * 1024;

/// Lets everybody in while it is open; else whoever has the key.
pub struct Gate {
    pub open: AtomicBool,
}

impl Gatekeeper for Gate {
    fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    fn admit(
        &self,
        authorization: Option<&[u8]>,
        _peer: SocketAddr,
    ) -> Result<Arc<Principal>, Problem> {
        let principal = Arc::new(Principal::new("someone", Role::Admin));
        if self.is_open() {
            return Ok(principal);
        }
        match authorization {
            None => Err(ErrorKind::KeyRequired.into()),
            Some(b"Bearer right") => Ok(principal),
            Some(_) => Err(ErrorKind::KeyUnknown.into()),
        }
    }

    fn keys_changed_at(&self) -> Position {
        Position(u64::from(self.is_open()))
    }

    fn is_valid(&self, _principal: &Principal) -> bool {
        true
    }
}

/// Answers one document from memory.
struct OneDocument;

impl FastRead for OneDocument {
    fn read(&self, asked: &FastRequest<'_>) -> Option<(Arc<FullResponse>, Position)> {
        match asked.path {
            "/api/panics" => panic!("the secret cause"),
            "/api/document" => {
                let mut headers = HeaderMap::new();
                let base = format!("{}/api/document", asked.base);
                headers.insert("x-self", base.parse().unwrap());
                let body = Bytes::from_static(b"{\"a\": 1}");
                let response = FullResponse::new(StatusCode::OK, headers, body);
                Some((Arc::new(response), Position(41)))
            }
            _ => None,
        }
    }
}

pub struct Running {
    pub address: SocketAddr,
    pub phase: watch::Sender<Phase>,
    pub served: JoinHandle<()>,
    pub metrics: Arc<Metrics>,
    pub front: Arc<Front>,
    pub gate: Arc<Gate>,
    /// Lets one request to `/api/waits` answer.
    pub release: Arc<Notify>,
    /// Told when a request has reached `/api/waits`.
    pub reached: Arc<Notify>,
    pub readiness: Arc<health::Readiness>,
}

/// Limits under which a test needn't wait long.
pub fn short() -> ServerLimits {
    ServerLimits {
        body_bytes_max: 64 * 1024,
        bodies_bytes_max: 1024 * 1024,
        sweep_interval: Duration::from_millis(5),
        ..ServerLimits::default()
    }
}

impl Running {
    pub async fn start(limits: ServerLimits) -> Self {
        let metrics = Arc::new(Metrics::new());
        let gate = Arc::new(Gate { open: AtomicBool::new(true) });
        let (release, reached) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let readiness = health::Readiness::new();
        let vitals = health::HealthState {
            readiness: Arc::clone(&readiness),
            store: Arc::new(|| Box::pin(std::future::pending())),
            store_time: Duration::from_millis(20),
            checks: Vec::new(),
            metrics: Arc::clone(&metrics),
        };
        let router = health::routes(vitals).merge(routes(&release, &reached));
        let front =
            Front::new(router, Arc::clone(&gate) as Arc<dyn Gatekeeper>, Arc::clone(&metrics))
                .with_fast_read(Arc::new(OneDocument))
                .with_position(|| Position(42));
        let mut server = Server::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
        if crate::TLS {
            server = server.with_tls(IDENTITY.tls.clone());
        }
        let address = server.local_address().unwrap();
        let (phase, seen) = watch::channel(Phase::Running);
        let front = Arc::new(front);
        let served = tokio::spawn(server.serve(Arc::clone(&front), seen));
        Self { address, phase, served, metrics, front, gate, release, reached, readiness }
    }

    pub async fn connect(&self) -> Client {
        self.try_connect().await.unwrap()
    }

    pub async fn try_connect(&self) -> io::Result<Client> {
        Ok(Client { stream: self.open(b"http/1.1").await?, read: Vec::new() })
    }

    /// A connection that speaks a protocol.
    pub async fn open(&self, protocol: &[u8]) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(self.address).await?;
        if crate::TLS {
            return Ok(Box::new(IDENTITY.greet(stream, protocol).await?));
        }
        Ok(Box::new(stream))
    }

    /// Sends these bytes over a connection of their own and reads one answer.
    pub async fn ask(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client.answer().await
    }

    /// A number that the server counts.
    pub fn count(&self, line: &str) -> Option<u64> {
        let text = self.metrics.text();
        text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok())
    }

    /// Waits until the server has so many connections.
    pub async fn wait_for_connections(&self, count: u64) {
        let seen = async {
            while self.count("muster_connections ") != Some(count) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| {
            panic!("{:?} connections and not {count}", self.count("muster_connections "))
        });
    }
}

fn routes(release: &Arc<Notify>, reached: &Arc<Notify>) -> Router {
    let (release, reached) = (Arc::clone(release), Arc::clone(reached));
    let waits = move || async move {
        reached.notify_one();
        release.notified().await;
        "released"
    };
    Router::new()
        .route("/api/echo", any(echo))
        .route("/api/waits", get(waits))
        .route(
            "/api/who",
            get(|Extension(caller): Extension<Caller>| async move {
                format!("{} {} {}", caller.principal.id, caller.base, caller.request_id)
            }),
        )
        .route("/api/long", get(|| async { ([("etag", "\"7.abc-m\"")], "word ".repeat(1000)) }))
        // Never written to, it takes no memory.
        .route("/api/huge", any(|| async { vec![0_u8; HUGE_BYTES] }))
        .route("/api/breaks", post(|| async { panic!("the secret cause") as () }))
        .route("/api/stream", get(stream))
}

async fn echo(body: axum::body::Body) -> Result<Bytes, IntoProblem> {
    Ok(read_body(body).await?)
}

/// One line, then silence.
async fn stream(Extension(caller): Extension<Caller>) -> axum::response::Response {
    let body = axum::body::Body::new(SingleFrame(Some(Bytes::from_static(b"data: 1\n\n"))));
    let response = Response::new(Body::endless(body, caller.phase));
    response.map(Into::into)
}

struct SingleFrame(Option<Bytes>);

impl http_body::Body for SingleFrame {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        match self.0.take() {
            Some(line) => std::task::Poll::Ready(Some(Ok(http_body::Frame::data(line)))),
            None => std::task::Poll::Pending,
        }
    }
}

/// A connection of either kind.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// The server's certificate, and a client that trusts it.
struct Identity {
    tls: Tls,
    roots: RootCertStore,
}

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let files = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::write(&files[0], pem("CERTIFICATE", pair.cert.der())).unwrap();
    std::fs::write(&files[1], pem("PRIVATE KEY", &pair.signing_key.serialize_der())).unwrap();
    let certificate = Certificate::read(&files[0], &files[1]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    Identity { tls: Tls::new(certificate), roots }
});

/// Bytes in the form of RFC 7468.
fn pem(label: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

impl Identity {
    async fn greet(
        &self,
        stream: TcpStream,
        protocol: &[u8],
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = "localhost".try_into().unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

/// A client that sends whatever it is told.
pub struct Client {
    pub stream: Box<dyn Stream>,
    read: Vec<u8>,
}

impl Client {
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        };
        timeout(PATIENCE, sent).await.unwrap().unwrap();
    }

    /// Sends as much as the server takes before it ends the connection.
    pub async fn send_what_it_takes(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = async {
            self.stream.write_all(bytes.as_ref()).await?;
            self.stream.flush().await
        };
        let _ = timeout(PATIENCE, sent).await.unwrap();
    }

    /// Reads one answer whose length is known, or that ends with the connection.
    pub async fn answer(&mut self) -> Answer {
        self.answer_to("GET").await
    }

    pub async fn answer_to(&mut self, method: &str) -> Answer {
        let end = loop {
            if let Some(end) = find(&self.read, b"\r\n\r\n") {
                break end + 4;
            }
            assert!(self.read_more().await, "no answer but {:?}", self.text());
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let mut answer = Answer::parse(&head);
        let bodiless = method == "HEAD" || matches!(answer.status, 204 | 304);
        if let Some(length) = answer.length(bodiless) {
            while self.read.len() < length {
                assert!(self.read_more().await, "cut off after {head:?}");
            }
            answer.body = self.read.drain(..length).collect();
        }
        answer
    }

    /// Reads until the server ends the connection, and answers what was left.
    pub async fn rest(&mut self) -> String {
        while self.read_more().await {}
        self.text()
    }

    /// Reads until this text is there.
    pub async fn read_until(&mut self, text: &str) {
        while find(&self.read, text.as_bytes()).is_none() {
            assert!(self.read_more().await, "only {:?}", self.text());
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }

    async fn read_more(&mut self) -> bool {
        let mut part = [0; 4096];
        let read = timeout(PATIENCE, self.stream.read(&mut part)).await.unwrap();
        // A reset ends a connection too.
        let count = read.unwrap_or(0);
        self.read.extend_from_slice(&part[..count]);
        count > 0
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

#[derive(Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(head: &str) -> Self {
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap()[9..12].parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self { status, headers, body: Vec::new() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn length(&self, bodiless: bool) -> Option<usize> {
        if bodiless { Some(0) } else { self.header("content-length")?.parse().ok() }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The error's code.
    pub fn code(&self) -> String {
        let body: muster_wire::ErrorBody = serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {self:?}"));
        assert!(body.type_uri.ends_with(&body.reason));
        assert_eq!(body.code, Some(self.status), "{self:?}");
        body.reason
    }
}
