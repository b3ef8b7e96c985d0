//! The server of `model_server`, which tests use too.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

#[path = "answers.rs"]
mod answers;

pub use answers::{Dialect, FAULTS, ModelFault};

type Body = BoxBody<Bytes, std::io::Error>;

/// A server of models on this computer.
pub struct ModelServer {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<ServerState>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct ServerState {
    fault: Mutex<Option<ModelFault>>,
    requests: AtomicUsize,
    probes: AtomicUsize,
    connections: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
    key: Mutex<Option<String>>,
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The path and query.
    pub target: String,
    /// The headers, as lines.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Value,
}

impl ModelServer {
    /// Listens on an address.
    pub async fn listen(address: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let (address, state) = (listener.local_addr()?, Arc::new(ServerState::default()));
        let task = tokio::spawn(accept(listener, state.clone()));
        Ok(Self { address, state, task })
    }

    /// Waits until it ends.
    pub async fn ended(self) {
        let _ = self.task.await;
    }

    /// Ends it.
    pub fn stop(&self) {
        self.task.abort();
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes it fail, or work again.
    pub fn set_fault(&self, fault: Option<ModelFault>) {
        *lock(&self.state.fault) = fault;
    }

    /// Accepts only this key from now on.
    pub fn set_key(&self, key: &str) {
        *lock(&self.state.key) = Some(key.to_owned());
    }

    /// The requests so far, without probes.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::Relaxed)
    }

    /// The probes so far.
    pub fn probes(&self) -> usize {
        self.state.probes.load(Ordering::Relaxed)
    }

    /// Open connections.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// The last request.
    pub fn last(&self) -> Option<Seen> {
        lock(&self.state.seen).last().cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, state: Arc<ServerState>) {
    let mut running = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while running.try_join_next().is_some() {}
        let state = state.clone();
        running.spawn(async move {
            state.connections.fetch_add(1, Ordering::Relaxed);
            let answering = state.clone();
            let answer = service_fn(move |request| answer(answering.clone(), request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            state.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn answer(
    state: Arc<ServerState>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if let Some(name) = target.strip_prefix("/fault/") {
        let fault = FAULTS.iter().find(|(known, _)| *known == name).map(|(_, fault)| *fault);
        *lock(&state.fault) = fault;
        return Ok(json_answer(200, &json!({ "fault": fault.map(|_| name) })));
    }
    let headers = head.headers.iter().map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let headers: Vec<_> = headers.collect();
    let is_call = head.method == http::Method::POST;
    if is_call { &state.requests } else { &state.probes }.fetch_add(1, Ordering::Relaxed);
    let dialect = Dialect::of_path(&target);
    let model = answers::model_of(&target, &body);
    let is_streamed = target.contains("stream") || body["stream"] == json!(true);
    let mut fault = *lock(&state.fault);
    // A model may be told to fail by its name.
    if let Some((_, named)) = FAULTS.iter().find(|(name, _)| model == format!("fail-{name}")) {
        fault = Some(*named);
    }
    if let Some(key) = lock(&state.key).as_ref()
        && !headers.iter().any(|(_, value)| value.contains(key.as_str()))
    {
        fault = Some(ModelFault::BadKey);
    }
    lock(&state.seen).push(Seen { target, headers, body: body.clone() });
    if let Some(fault) = fault
        && let Some(failed) = failed(fault, dialect, is_call && is_streamed).await
    {
        return Ok(failed);
    }
    if !is_call {
        return Ok(json_answer(200, &dialect.models()));
    }
    let said = format!("{model} heard: {}", answers::last_text(&body));
    Ok(match is_streamed {
        true => streamed(dialect.stream(&model, &said), dialect, fault),
        false => json_answer(200, &dialect.whole(&model, &said, &body)),
    })
}

/// The answer of a server that fails; none if it fails later, in the stream.
async fn failed(fault: ModelFault, dialect: Dialect, streamed: bool) -> Option<Response<Body>> {
    match fault {
        ModelFault::Hang => {
            std::future::pending::<()>().await;
            None
        }
        ModelFault::Html => Some(page(200, "<html><body>Welcome</body></html>")),
        ModelFault::Maintenance => Some(page(503, "<html>down for maintenance</html>")),
        ModelFault::BadGateway => Some(page(502, "<html><h1>502 Bad Gateway</h1></html>")),
        ModelFault::WrongJson => Some(json_answer(200, &json!({ "unexpected": true }))),
        ModelFault::CutOff if !streamed => Some(broken(b"{\"half\":")),
        ModelFault::CutOff | ModelFault::ErrorInStream => None,
        fault => {
            let (status, body) = dialect.error(fault);
            let mut answer = json_answer(status, &body);
            if matches!(fault, ModelFault::RateLimited | ModelFault::Overloaded) {
                answer.headers_mut().insert("retry-after", http::HeaderValue::from_static("2"));
            }
            Some(answer)
        }
    }
}

fn page(status: u16, text: &'static str) -> Response<Body> {
    let body = Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {});
    let mut answer = Response::new(body.boxed());
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("text/html"));
    answer
}

fn json_answer(status: u16, value: &Value) -> Response<Body> {
    let body = Full::new(Bytes::from(value.to_string())).map_err(|never| match never {});
    let mut answer = Response::new(body.boxed());
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    answer
}

/// An answer that breaks in the middle.
fn broken(begin: &'static [u8]) -> Response<Body> {
    streamed_bytes(vec![Bytes::from_static(begin)], true)
}

fn streamed(frames: Vec<Vec<u8>>, dialect: Dialect, fault: Option<ModelFault>) -> Response<Body> {
    let mut frames: Vec<Bytes> = frames.into_iter().map(Bytes::from).collect();
    match fault {
        Some(ModelFault::CutOff) => {
            frames.truncate(2);
            streamed_bytes(frames, true)
        }
        Some(ModelFault::ErrorInStream) => {
            frames.truncate(2);
            frames.push(Bytes::from(dialect.error_in_stream()));
            streamed_bytes(frames, false)
        }
        _ => streamed_bytes(frames, false),
    }
}

fn streamed_bytes(frames: Vec<Bytes>, breaks: bool) -> Response<Body> {
    let (sender, receiver) = mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(1);
    tokio::spawn(async move {
        for frame in frames {
            if sender.send(Ok(Frame::data(frame))).await.is_err() {
                return;
            }
        }
        if breaks {
            let _ = sender.send(Err(std::io::Error::other("cut off"))).await;
        }
    });
    let mut answer = Response::new(Frames(receiver).boxed());
    let kind = http::HeaderValue::from_static("text/event-stream");
    answer.headers_mut().insert("content-type", kind);
    answer
}

struct Frames(mpsc::Receiver<Result<Frame<Bytes>, std::io::Error>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(context)
    }
}

/// Waits until something holds, for at most ten seconds.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        // sleeps: the condition is asked again every ten milliseconds
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(holds(), "{what}");
}
