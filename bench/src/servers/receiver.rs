//! A receiver of webhooks in this process: answers 204, and notes what came and when.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header::HeaderValue,
    server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use memchr::memmem;
use tokio::sync::oneshot;

use crate::{Outcome, servers::muster::GROUP};

/// An event that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// The number of its document.
    pub number: u64,
    /// The position of its change.
    pub sequence: u64,
    pub at: Instant,
}

/// What came.
#[derive(Debug, Default)]
struct Arrivals {
    all: Vec<Arrival>,
    bytes: usize,
    /// The first thing that was no signed event.
    fault: Option<String>,
}

/// The receiver, on a thread of its own until it goes.
pub(crate) struct Receiver {
    pub address: SocketAddr,
    arrivals: Arc<Mutex<Arrivals>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Listens on an address of its own.
    pub(crate) fn start() -> Outcome<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let arrivals = Arc::<Mutex<Arrivals>>::default();
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let noted = arrivals.clone();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    _ = accept(listener, noted) => {}
                }
            });
        });
        Ok(Self { address, arrivals, stop: Some(stop), thread: Some(thread) })
    }

    fn arrivals(&self) -> MutexGuard<'_, Arrivals> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many events came since the last time, and takes them with the bytes of one.
    pub(crate) fn take(&self, count: usize, patience: Duration) -> Outcome<(Vec<Arrival>, usize)> {
        let until = Instant::now() + patience;
        loop {
            let mut arrivals = self.arrivals();
            if let Some(fault) = &arrivals.fault {
                return Err(format!("the receiver got {fault}").into());
            }
            let found = arrivals.all.len();
            if found >= count {
                let taken = std::mem::take(&mut *arrivals);
                return Ok((taken.all, taken.bytes.checked_div(found).unwrap_or_default()));
            }
            drop(arrivals);
            if Instant::now() > until {
                return Err(format!("{found} of {count} events came within {patience:?}").into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, arrivals: Arc<Mutex<Arrivals>>) -> Outcome {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let arrivals = arrivals.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| receive(request, &arrivals));
            // A sender that leaves is no fault.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn receive(
    request: Request<Incoming>,
    arrivals: &Mutex<Arrivals>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    if request.method() == Method::OPTIONS {
        // It doesn't speak of consent, and takes what comes.
        let mut response = Response::new(Empty::new());
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return Ok(response);
    }
    let signature = request.headers().get("webhook-signature").map(HeaderValue::as_bytes);
    let is_signed = signature.is_some_and(|signature| signature.starts_with(b"v1,"));
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let at = Instant::now();
    let body = body.unwrap_or_default();
    let read = number_after(&body, format!("\"{GROUP}/entries/d").as_bytes())
        .zip(number_after(&body, b"\"sequence\":\""));
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let mut arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
    match read.filter(|_| is_signed) {
        Some((number, sequence)) => {
            arrivals.all.push(Arrival { number, sequence, at });
            arrivals.bytes += body.len();
        }
        None => {
            let start = body.get(..body.len().min(300)).unwrap_or_default();
            arrivals.fault = Some(String::from_utf8_lossy(start).into_owned());
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
    }
    Ok(response)
}

/// The number that stands after some bytes.
fn number_after(body: &[u8], before: &[u8]) -> Option<u64> {
    let rest = &body[memmem::find(body, before)? + before.len()..];
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_numbers_of_an_event() {
        let body =
            format!(r#"{{"sequence":"00000000000000000042","subject":"{GROUP}/entries/d7"}}"#);
        let name = format!("\"{GROUP}/entries/d");
        for (before, expect) in
            [(name.as_str(), Some(7)), ("\"sequence\":\"", Some(42)), ("\"time\":\"", None)]
        {
            assert_eq!(number_after(body.as_bytes(), before.as_bytes()), expect, "{before}");
        }
    }
}
