//! A provider of AI in this process, which answers every chat request the same: what gateways are
//! measured in front of.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use crate::Outcome;

const COMPLETION: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1764700000,"model":"tiny","choices":[{"index":0,"message":{"role":"assistant","content":"A registry keeps documents that other systems depend on: each is named, versioned and checked before it is accepted, and delivered to everyone who depends on it. Teams that share schemas, configuration or lists of providers need one, because a change that nobody checked breaks somebody else's program."},"finish_reason":"stop"}],"usage":{"prompt_tokens":210,"completion_tokens":58,"total_tokens":268}}"#;

const MODELS: &str = r#"{"object":"list","data":[{"id":"tiny","object":"model","created":1764700000,"owned_by":"bench"}]}"#;

#[derive(Debug, Default)]
struct Counts {
    /// Questions for the list of models, which probes are.
    lists: AtomicU64,
    connections: AtomicU64,
}

/// The provider, on a thread of its own until it goes.
pub(crate) struct Upstream {
    pub address: SocketAddr,
    counts: Arc<Counts>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Listens on an address of its own.
    pub(crate) fn start() -> Outcome<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let counts = Arc::<Counts>::default();
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let counted = counts.clone();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    _ = accept(listener, counted) => {}
                }
            });
        });
        Ok(Self { address, counts, stop: Some(stop), thread: Some(thread) })
    }

    /// How often it was asked for its models, and the connections that were opened.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        (count(&self.counts.lists), count(&self.counts.connections))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, counts: Arc<Counts>) -> Outcome {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        counts.connections.fetch_add(1, Ordering::Relaxed);
        let counts = counts.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &counts));
            // A client that leaves is no fault.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    counts: &Counts,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = if request.method() == Method::POST { COMPLETION } else { MODELS };
    if request.method() == Method::GET {
        counts.lists.fetch_add(1, Ordering::Relaxed);
    }
    // A body that can't be read is the client's fault, and the answer isn't read either.
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
