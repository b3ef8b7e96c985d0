//! A receiver of webhooks that records everything and misbehaves as it is told.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use muster_words::json::{self, Value};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What the receiver does with a request.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Answers with a status and no body.
    Status(u16),
    /// Answers with a status and a header.
    Header(u16, &'static str, String),
    /// Answers with a status and a body.
    Answer(u16, String),
    /// Takes the request and never answers.
    Stall,
    /// Answers one byte of the head at a time, slowly.
    Slowly,
    /// Answers 200 and gigabytes.
    Endless(u16),
    /// Answers something that isn't HTTP.
    Garbage,
    /// Closes in the middle of the head.
    CutHead,
    /// Closes in the middle of the body.
    CutBody,
    /// Closes without a word.
    Close,
    /// Answers with a head of megabytes.
    HugeHead,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Got {
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Got {
    pub fn event(&self) -> Value {
        json::parse(&self.body).unwrap()
    }

    pub fn text(&self, name: &str) -> String {
        self.event().get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

#[derive(Default)]
struct State {
    got: Mutex<Vec<Got>>,
    manners: Mutex<VecDeque<Manner>>,
    places: Mutex<BTreeMap<String, Manner>>,
    usual: Mutex<Option<Manner>>,
    open: Mutex<(usize, usize)>,
    pause: Mutex<Duration>,
    asked: AtomicUsize,
}

pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { address, state, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/in", self.address)
    }

    /// The next requests are answered like this, one after another; then as usual.
    pub fn next(&self, manners: impl IntoIterator<Item = Manner>) {
        self.state.manners.lock().extend(manners);
    }

    /// Requests whose first line begins like this are answered so, after what was said for the next.
    pub fn at(&self, line: &str, manner: Manner) {
        self.state.places.lock().insert(line.to_owned(), manner);
    }

    pub fn usually(&self, manner: Manner) {
        *self.state.usual.lock() = Some(manner);
    }

    /// Each request takes this long.
    pub fn takes(&self, time: Duration) {
        *self.state.pause.lock() = time;
    }

    pub fn got(&self) -> Vec<Got> {
        self.state.got.lock().clone()
    }

    /// How often it was asked for its consent.
    pub fn asked(&self) -> usize {
        self.state.asked.load(Ordering::Relaxed)
    }

    /// The most requests that ever ran at once.
    pub fn most_at_once(&self) -> usize {
        self.state.open.lock().1
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    while let Some(got) = read(&mut stream).await {
        if got.line.starts_with("OPTIONS ") {
            state.asked.fetch_add(1, Ordering::Relaxed);
            let manner = state.places.lock().get("OPTIONS").cloned();
            if !answer(&mut stream, manner.unwrap_or(Manner::Status(405))).await {
                return;
            }
            continue;
        }
        {
            let mut open = state.open.lock();
            open.0 += 1;
            open.1 = open.1.max(open.0);
        }
        let line = got.line.clone();
        state.got.lock().push(got);
        let pause = *state.pause.lock();
        // sleeps: the time that the request takes.
        tokio::time::sleep(pause).await;
        let manner = state.manners.lock().pop_front();
        let manner = manner.or_else(|| {
            let places = state.places.lock();
            let mut at = places.iter().filter(|(start, _)| line.starts_with(start.as_str()));
            // The longest one.
            at.next_back().map(|(_, manner)| manner.clone())
        });
        let manner = manner.or_else(|| state.usual.lock().clone()).unwrap_or(Manner::Status(204));
        let goes_on = answer(&mut stream, manner).await;
        state.open.lock().0 -= 1;
        if !goes_on {
            return;
        }
    }
}

/// Answers a request; returns whether the connection goes on.
async fn answer(stream: &mut TcpStream, manner: Manner) -> bool {
    match manner {
        Manner::Status(status) => {
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
            let head = if status == 204 { "HTTP/1.1 204 X\r\n\r\n".to_owned() } else { head };
            stream.write_all(head.as_bytes()).await.is_ok()
        }
        Manner::Header(status, name, value) => {
            let head =
                format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n{name}: {value}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.is_ok()
        }
        Manner::Answer(status, body) => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(head.as_bytes()).await.is_ok()
        }
        Manner::Stall => std::future::pending().await,
        Manner::Slowly => {
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".iter().cycle() {
                if stream.write_all(&[*byte]).await.is_err() {
                    break;
                }
                // sleeps: it is slow.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            false
        }
        Manner::Endless(status) => {
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: 10000000000\r\n\r\n");
            let mut is_open = stream.write_all(head.as_bytes()).await.is_ok();
            while is_open {
                is_open = stream.write_all(&[b'x'; 65_536]).await.is_ok();
            }
            false
        }
        Manner::Garbage => {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\x00\xff\r\n\r\n").await;
            false
        }
        Manner::CutHead => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Le").await;
            false
        }
        Manner::CutBody => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234").await;
            false
        }
        Manner::Close => false,
        Manner::HugeHead => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await;
            for _ in 0..64 {
                if stream.write_all(&[b'x'; 65_536]).await.is_err() {
                    break;
                }
            }
            false
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = bytes[end..].to_vec();
    while body.len() < length {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => body.extend_from_slice(&chunk[..count]),
        }
    }
    Some(Got { line, headers, body })
}
