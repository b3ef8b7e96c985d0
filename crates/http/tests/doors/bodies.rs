//! Bodies that are too large, too slow, cut off, compressed, or too many.

use std::time::Duration;

use crate::harness::{Running, short};

const LIMIT: usize = 64 * 1024;

fn put(headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("PUT /api/echo HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[tokio::test]
async fn takes_bodies_up_to_the_limit_and_no_byte_more() {
    let server = Running::start(short()).await;
    for (size, expect) in [(0, 200), (1, 200), (LIMIT, 200), (LIMIT + 1, 413), (LIMIT * 4, 413)] {
        let body = vec![b'x'; size];
        let mut client = server.connect().await;
        client.send_what_it_takes(put(&format!("Content-Length: {size}\r\n"), &body)).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, expect, "{size} with Content-Length");
        let mut chunked = format!("{size:x}\r\n").into_bytes();
        chunked.extend_from_slice(&body);
        chunked.extend_from_slice(if size == 0 { b"\r\n" } else { b"\r\n0\r\n\r\n" });
        let mut client = server.connect().await;
        client.send_what_it_takes(put("Transfer-Encoding: chunked\r\n", &chunked)).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, expect, "{size} in chunks");
        if expect == 413 {
            assert_eq!(answer.code(), "body_too_large");
        } else {
            assert_eq!(answer.body.len(), size);
        }
    }
}

#[tokio::test]
async fn refuses_an_announced_length_before_the_body_is_sent() {
    let server = Running::start(short()).await;
    let mut client = server.connect().await;
    client.send(put("Content-Length: 99999999999\r\nExpect: 100-continue\r\n", b"")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn asks_for_a_body_that_waits_to_be_asked_for() {
    let server = Running::start(short()).await;
    let mut client = server.connect().await;
    client.send(put("Content-Length: 2\r\nExpect: 100-continue\r\n", b"")).await;
    client.read_until("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("ok").await;
    client.read_until("\r\n\r\nok").await;
}

#[tokio::test]
async fn ends_bodies_that_come_too_slowly_with_408() {
    let limits = muster_http::ServerLimits {
        body_window: Duration::from_millis(50),
        body_window_bytes_min: 100,
        ..short()
    };
    let server = Running::start(limits).await;
    for (headers, begin) in [
        ("Content-Length: 10000\r\n", "begin"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nbegin\r\n"),
    ] {
        let mut client = server.connect().await;
        client.send(put(headers, begin.as_bytes())).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (408, "too_slow"), "{headers}");
    }
    server.wait_for_connections(0).await;
}

#[tokio::test]
async fn drops_requests_whose_body_is_cut_off() {
    let server = Running::start(short()).await;
    let mut client = server.connect().await;
    client.send(put("Content-Length: 10\r\n", b"half")).await;
    tokio::io::AsyncWriteExt::shutdown(&mut client.stream).await.unwrap();
    let rest = client.rest().await;
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400"), "{rest}");
    server.wait_for_connections(0).await;
}

#[tokio::test]
async fn refuses_compressed_bodies() {
    let server = Running::start(short()).await;
    let answer = server.ask(put("Content-Length: 2\r\nContent-Encoding: gzip\r\n", b"xx")).await;
    assert_eq!((answer.status, answer.code().as_str()), (415, "unsupported_encoding"));
    let answer =
        server.ask(put("Content-Length: 2\r\nContent-Encoding: identity\r\n", b"xx")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn holds_no_more_of_all_bodies_than_it_may_and_gives_it_back() {
    let limits = muster_http::ServerLimits { bodies_bytes_max: 100_000, ..short() };
    let server = Running::start(limits).await;
    // Each is within its own limit; three at once are not.
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = server.connect().await;
        client.send(put("Content-Length: 50001\r\n", &[b'x'; 50_000])).await;
        clients.push(client);
    }
    let mut refused = 0;
    for client in &mut clients {
        client.send_what_it_takes("x").await;
        let answer = client.answer().await;
        if answer.status == 503 {
            assert_eq!(answer.code(), "busy");
            assert_eq!(answer.header("retry-after"), Some("1"));
            refused += 1;
        }
    }
    assert!((1..=2).contains(&refused), "{refused} of 3 were refused");
    drop(clients);
    server.wait_for_connections(0).await;
    for _ in 0..5 {
        let answer = server.ask(put("Content-Length: 60000\r\n", &[b'x'; 60_000])).await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn lets_a_client_that_still_sends_read_why_it_was_refused() {
    let server = Running::start(short()).await;
    let body = vec![b'x'; 60_000];
    for (path, status, code) in
        [("/nowhere", 404, "api_not_found"), ("/api/long", 405, "action_not_supported")]
    {
        let head =
            format!("PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n");
        let mut client = server.connect().await;
        client.send(head).await;
        // Sent in parts, so that the answer is out before the body's end is in.
        for part in body.chunks(10_000) {
            client.send_what_it_takes(part).await;
            tokio::task::yield_now().await;
        }
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
    }
    server.wait_for_connections(0).await;
}
