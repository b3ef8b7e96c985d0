//! Heads that come slowly, in halves, too large, malformed, or with two lengths.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use crate::harness::{Running, short};

#[tokio::test]
async fn refuses_malformed_heads_with_a_code_and_ends_the_connection() {
    let server = Running::start(short()).await;
    let many_headers =
        format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "a: b\r\n".repeat(200));
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(70_000));
    for (bytes, status, code) in [
        ("nonsense\r\n\r\n", 400, "bad_request"),
        ("GET / HTTP/1.1\r\nHost localhost\r\n\r\n", 400, "bad_request"),
        ("GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400, "bad_request"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n a: folded\r\n\r\n", 400, "bad_request"),
        ("GET / HTTP/1.1\r\nHost: local\0host\r\n\r\n", 400, "bad_request"),
        ("GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 400, "bad_request"),
        (
            "PUT /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            400,
            "bad_request",
        ),
        (
            "PUT /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1x\r\n\r\n",
            400,
            "bad_request",
        ),
        (
            "PUT /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            400,
            "bad_request",
        ),
        (
            "PUT /api/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
            400,
            "bad_request",
        ),
        (
            "PUT /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: +1\r\n\r\na",
            400,
            "bad_request",
        ),
        (
            "PUT /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1, 1\r\n\r\na",
            400,
            "bad_request",
        ),
        (
            "PUT /api/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, x\r\n\r\n",
            400,
            "bad_request",
        ),
        (&many_headers, 431, "headers_too_large"),
        (&long_path, 431, "headers_too_large"),
    ] {
        let mut client = server.connect().await;
        client.send_what_it_takes(bytes).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{bytes:.80}");
        assert_eq!(client.rest().await, "", "{bytes:.80}");
    }
}

#[tokio::test]
async fn refuses_headers_above_the_limit_however_they_arrive() {
    let server = Running::start(short()).await;
    let mut client = server.connect().await;
    client.send("GET /api/document HTTP/1.1\r\nHost: localhost\r\n").await;
    for number in 0..70 {
        client.send_what_it_takes(format!("x-{number}: {}\r\n", "a".repeat(1000))).await;
    }
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.code().as_str()), (431, "headers_too_large"));
    // A little below the limit they are taken.
    let large = "a".repeat(60_000);
    let answer = server
        .ask(format!("GET /api/document HTTP/1.1\r\nHost: localhost\r\nx: {large}\r\n\r\n"))
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn refuses_a_length_given_twice_and_ends_the_connection() {
    let server = Running::start(short()).await;
    let smuggled = "GET /api/who HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for lengths in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
    ] {
        let mut client = server.connect().await;
        client
            .send(format!(
                "PUT /api/echo HTTP/1.1\r\nHost: localhost\r\n{lengths}\r\n0\r\n\r\n{smuggled}"
            ))
            .await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"), "{lengths}");
        assert_eq!(answer.header("connection"), Some("close"), "{lengths}");
        assert_eq!(client.rest().await, "", "what was smuggled is not answered: {lengths}");
    }
}

#[tokio::test]
async fn overlooks_nothing_that_follows_a_length_behind_much_space() {
    let server = Running::start(short()).await;
    for padding in [" ".repeat(60), "0".repeat(60)] {
        let mut client = server.connect().await;
        let first = format!(
            "PUT /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length:{padding}3\r\n\r\nabc"
        );
        let second = "PUT /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\
            Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        client.send(format!("{first}{second}")).await;
        // The length is 3 to every reader (RFC 9110, 5.5 and 8.6), and the next request is seen.
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.text()), (200, "abc"), "{padding}");
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_request"), "{padding}");
        assert_eq!(client.rest().await, "", "{padding}");
    }
}

#[tokio::test]
async fn refuses_codings_that_it_would_not_undo() {
    let server = Running::start(short()).await;
    for (headers, status) in [
        ("Transfer-Encoding: chunked\r\n", 200),
        ("Transfer-Encoding: Chunked \r\n", 200),
        ("Transfer-Encoding: gzip, chunked\r\n", 415),
        ("Transfer-Encoding: identity, chunked\r\n", 415),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 415),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 415),
        ("Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n", 415),
        ("Transfer-Encoding: chunked\r\nContent-Encoding: identity\r\n", 200),
        (
            "Transfer-Encoding: chunked\r\nContent-Encoding: identity\r\n\
             Content-Encoding: br\r\n",
            415,
        ),
    ] {
        let body = "3\r\nabc\r\n0\r\n\r\n";
        let more = "GET /api/who HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let mut client = server.connect().await;
        client
            .send(format!("PUT /api/echo HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{body}{more}"))
            .await;
        assert_eq!(client.answer().await.status, status, "{headers}");
        assert_eq!(client.rest().await, "", "{headers}");
    }
}

#[tokio::test]
async fn ends_a_connection_after_a_body_in_chunks() {
    let server = Running::start(short()).await;
    let mut client = server.connect().await;
    client
        .send(
            "PUT /api/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
             3\r\nabc\r\n0\r\n\r\nGET /api/who HTTP/1.1\r\nHost: localhost\r\n\r\n",
        )
        .await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.text()), (200, "abc"));
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn ends_heads_that_come_too_slowly_with_408() {
    let limits = muster_http::ServerLimits { head_time: Duration::from_millis(60), ..short() };
    let server = Running::start(limits).await;
    for half in ["G", "P", "PRI * HTT", "GET /api/docu", "GET / HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut client = server.connect().await;
        client.send(half).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (408, "too_slow"), "{half:?}");
        assert_eq!(client.rest().await, "", "{half:?}");
    }
    // One that drips a byte now and then gets no longer than one that stalls.
    let mut client = server.connect().await;
    let mut sent = 0;
    for byte in "GET /api/document HTTP/1.1\r\n".bytes().cycle().take(10_000) {
        let written = client.stream.write_all(&[byte]).await;
        if written.is_err() || client.stream.flush().await.is_err() {
            break;
        }
        sent += 1;
        // sleeps: slowness itself is what is tested
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(sent < 1_000, "{sent} bytes were taken");
    server.wait_for_connections(0).await;
}

#[tokio::test]
async fn ends_idle_connections_but_not_those_that_ask_again() {
    let limits = muster_http::ServerLimits { idle_time: Duration::from_millis(60), ..short() };
    let server = Running::start(limits).await;
    let mut silent = server.connect().await;
    assert_eq!(silent.rest().await, "");
    let mut client = server.connect().await;
    for _ in 0..3 {
        client.send("GET /api/document HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!(client.answer().await.status, 200);
    }
    assert_eq!(client.rest().await, "");
    server.wait_for_connections(0).await;
}

#[tokio::test]
async fn answers_requests_that_were_sent_without_waiting_in_their_order() {
    let server = Running::start(short()).await;
    let mut client = server.connect().await;
    let get = "GET /api/document HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let put = "PUT /api/echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi";
    client.send([get, put, get].concat()).await;
    for expect in ["{\"a\": 1}", "hi", "{\"a\": 1}"] {
        assert_eq!(client.answer().await.text(), expect);
    }
}
