//! Many connections.

use std::time::Duration;

use tokio::net::TcpStream;

use crate::harness::{Client, PATIENCE, Running, short};

const GET: &str = "GET /api/document HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn serves_beside_a_thousand_idle_connections() {
    let server = Running::start(short()).await;
    let mut silent = Vec::new();
    for _ in 0..500 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    let mut idle = Vec::new();
    for _ in 0..400 {
        let mut client = server.connect().await;
        client.send(GET).await;
        assert_eq!(client.answer().await.status, 200);
        idle.push(client);
    }
    server.wait_for_connections(900).await;
    assert_eq!(server.ask(GET).await.status, 200);
    for client in &mut idle {
        client.send(GET).await;
        assert_eq!(client.answer().await.status, 200);
    }
    drop((silent, idle));
    server.wait_for_connections(0).await;
}

#[tokio::test]
async fn makes_room_for_newcomers_by_ending_the_longest_idle() {
    let limits = muster_http::ServerLimits { connections_max: 20, ..short() };
    let server = Running::start(limits).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(server.connect().await);
    }
    server.wait_for_connections(20).await;
    for _ in 0..40 {
        assert_eq!(server.ask(GET).await.status, 200);
    }
    assert!(server.count("muster_connections ").unwrap() <= 21);
    assert_eq!(silent[0].rest().await, "");
}

#[tokio::test]
async fn says_that_it_is_busy_where_no_connection_is_idle() {
    let limits = muster_http::ServerLimits { connections_max: 3, ..short() };
    let server = Running::start(limits).await;
    let mut waiting: Vec<Client> = Vec::new();
    for _ in 0..3 {
        let mut client = server.connect().await;
        client.send("GET /api/waits HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        tokio::time::timeout(PATIENCE, server.reached.notified()).await.unwrap();
        waiting.push(client);
    }
    if crate::TLS {
        // To say it would take a greeting, which costs more than to serve.
        assert!(server.try_connect().await.is_err());
    } else {
        let answer = server.connect().await.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "server_busy"));
    }
    for _ in 0..3 {
        server.release.notify_one();
    }
    for client in &mut waiting {
        assert_eq!(client.answer().await.text(), "released");
    }
    assert_eq!(server.ask(GET).await.status, 200);
}

#[tokio::test]
async fn ends_connections_whose_client_does_not_read() {
    let limits = muster_http::ServerLimits { stall_time: Duration::from_millis(60), ..short() };
    let server = Running::start(limits).await;
    let mut client = server.connect().await;
    // Enough answers to fill the buffers of both ends, and nobody reads them.
    let many = "GET /api/long HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(4_000);
    client.send_what_it_takes(many).await;
    server.wait_for_connections(0).await;
}

#[tokio::test]
async fn holds_no_more_large_answers_than_fit_its_memory() {
    let server = Running::start(short()).await;
    let ask = |method: &str| format!("{method} /api/huge HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut slow = server.connect().await;
    slow.send(ask("GET")).await;
    slow.read_until("content-length: 314572800").await;
    let answer = server.ask(ask("GET")).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "server_busy"));
    let head = {
        let mut client = server.connect().await;
        client.send(ask("HEAD")).await;
        client.answer_to("HEAD").await
    };
    assert_eq!((head.status, head.header("content-length")), (200, Some("314572800")));
    // What has been done is answered in any case.
    let mut done = server.connect().await;
    done.send(ask("POST")).await;
    done.read_until("content-length: 314572800").await;
    drop((slow, done));
    server.wait_for_connections(0).await;
    let mut next = server.connect().await;
    next.send(ask("GET")).await;
    next.read_until("content-length: 314572800").await;
}
