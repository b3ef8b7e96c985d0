//! HTTP/2 by prior knowledge or ALPN, HTTP/1.0, and preambles in pieces.

use std::time::Duration;

use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use muster_http::ServerLimits;
use tokio::time::timeout;

use crate::harness::{PATIENCE, Running, short};

type Sender = hyper::client::conn::http2::SendRequest<axum::body::Body>;

pub async fn http2(server: &Running) -> Sender {
    shaped(server, |http2| http2).await
}

fn request(method: &str, path: &str, body: Vec<u8>) -> Request<axum::body::Body> {
    let builder = Request::builder().method(method).uri(format!("http://localhost:8080{path}"));
    builder.body(body.into()).unwrap()
}

#[tokio::test]
async fn speaks_http2_with_many_requests_at_once() {
    let server = Running::start(short()).await;
    let mut sender = http2(&server).await;
    let mut waiting = Vec::new();
    for number in 0..50 {
        let path = if number % 2 == 0 { "/api/document" } else { "/api/who" };
        waiting.push(sender.send_request(request("GET", path, Vec::new())));
    }
    for answer in waiting {
        let answer = timeout(PATIENCE, answer).await.unwrap().unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().contains_key("muster-position"));
    }
    let answer =
        sender.send_request(request("PUT", "/api/echo", vec![b'x'; 50_000])).await.unwrap();
    let body = muster_http::read_body(axum::body::Body::new(answer.into_body())).await.unwrap();
    assert_eq!(body.len(), 50_000);
}

#[tokio::test]
async fn holds_http2_to_the_same_limits() {
    let server = Running::start(short()).await;
    let mut sender = http2(&server).await;
    let answer =
        sender.send_request(request("PUT", "/api/echo", vec![b'x'; 70_000])).await.unwrap();
    assert_eq!(answer.status(), 413);
    let rebound = Request::get("http://evil.example/api/document");
    let answer =
        sender.send_request(rebound.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 421);
    let answer = sender.send_request(request("HEAD", "/api/document", Vec::new())).await.unwrap();
    assert_eq!(answer.headers()["content-length"], "8");
    let mut large = request("GET", "/api/document", Vec::new());
    large.headers_mut().insert("x", "a".repeat(70_000).parse().unwrap());
    assert_eq!(sender.send_request(large).await.unwrap().status(), 431);
    // Only the request is refused, and none of the refusals ends the connection.
    let answer = sender.send_request(request("GET", "/api/document", Vec::new())).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn takes_a_preface_in_pieces() {
    let server = Running::start(short()).await;
    let mut client = server.connect().await;
    for piece in ["P", "RI * HT", "TP/2.0\r\n\r\nSM\r\n\r\n"] {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }
    // An empty SETTINGS frame; the server's own comes back.
    client.send([0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
    let mut frame = [0; 9];
    let read = tokio::io::AsyncReadExt::read_exact(&mut client.stream, &mut frame);
    timeout(PATIENCE, read).await.unwrap().unwrap();
    assert_eq!(frame[3], 4, "{frame:?}");
}

#[tokio::test]
async fn answers_http_1_0_and_ends_the_connection() {
    let server = Running::start(short()).await;
    let mut client = server.connect().await;
    client.send("GET /api/document HTTP/1.0\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    assert_eq!(client.rest().await, "");
}

type Http2Builder = hyper::client::conn::http2::Builder<TokioExecutor>;

/// A connection whose client behaves in its own way.
async fn shaped(
    server: &Running,
    shape: impl FnOnce(&mut Http2Builder) -> &mut Http2Builder,
) -> Sender {
    let stream = server.open(b"h2").await.unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    shape(&mut builder);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn ends_http2_connections_whose_client_makes_no_room_for_answers() {
    let limits = ServerLimits { stall_time: Duration::from_millis(60), ..short() };
    let server = Running::start(limits).await;
    for (path, window) in [
        ("/api/long", 0),
        ("/api/document", 0),
        ("/api/who", 0),
        ("/api/nowhere", 0),
        ("/api/huge", 0),
        ("/api/huge", 1),
    ] {
        let mut sender = shaped(&server, |http2| http2.initial_stream_window_size(window)).await;
        let answer = sender.send_request(request("GET", path, Vec::new())).await.unwrap();
        server.wait_for_connections(0).await;
        drop(answer);
    }
}

#[tokio::test]
async fn bounds_the_small_answers_that_nobody_takes() {
    let limits = ServerLimits { waiting_answers_max: 20, ..short() };
    let server = Running::start(limits).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        let mut sender = shaped(&server, |http2| http2.initial_stream_window_size(0)).await;
        let mut answers = Vec::new();
        for _ in 0..8 {
            let asked = sender.send_request(request("GET", "/api/document", Vec::new()));
            let Ok(answer) = asked.await else { break };
            answers.push(answer);
        }
        held.push((sender, answers));
    }
    // Whoever waits longest goes, long before its time is over.
    server.wait_for_connections(2).await;
    assert_eq!(
        server.ask("GET /api/document HTTP/1.1\r\nHost: localhost\r\n\r\n").await.status,
        200
    );
}

#[tokio::test]
async fn keeps_http2_connections_whose_client_waits_for_us() {
    let limits = ServerLimits { stall_time: Duration::from_millis(20), ..short() };
    let server = Running::start(limits).await;
    let mut sender = http2(&server).await;
    let mut stream =
        sender.send_request(request("GET", "/api/stream", Vec::new())).await.unwrap().into_body();
    let waiting = sender.send_request(request("GET", "/api/waits", Vec::new()));
    timeout(PATIENCE, server.reached.notified()).await.unwrap();
    let first = std::future::poll_fn(|context| {
        http_body::Body::poll_frame(std::pin::Pin::new(&mut stream), context)
    });
    assert!(timeout(PATIENCE, first).await.unwrap().unwrap().is_ok());
    // sleeps: that time alone ends nothing is what is tested
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.release.notify_one();
    assert_eq!(timeout(PATIENCE, waiting).await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn keeps_idle_http2_connections_that_send_pings_until_they_have_idled_long() {
    let head_time = Duration::from_millis(20);
    let limits = ServerLimits { head_time, idle_time: Duration::from_millis(400), ..short() };
    let server = Running::start(limits).await;
    let mut sender = shaped(&server, |http2| {
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_millis(10))
            .keep_alive_while_idle(true)
    })
    .await;
    for _ in 0..3 {
        let answer = sender.send_request(request("GET", "/api/document", Vec::new())).await;
        assert_eq!(answer.unwrap().status(), 200);
        // sleeps: that pings are no head that comes slowly is what is tested
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.wait_for_connections(0).await;
}
