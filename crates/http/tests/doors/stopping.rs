//! How the server stops.

use std::time::Duration;

use muster_http::Phase;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    harness::{PATIENCE, Running, short},
    protocols::http2,
};

const WAITS: &str = "GET /api/waits HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn ends_idle_connections_and_streams_at_once_and_finishes_what_is_in_flight() {
    let server = Running::start(short()).await;
    let mut silent = server.connect().await;
    let mut idle = server.connect().await;
    idle.send("GET /api/document HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    let mut stream = server.connect().await;
    stream.send("GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    stream.read_until("data: 1").await;
    let mut sender = http2(&server).await;
    sender.ready().await.unwrap();
    let mut busy = server.connect().await;
    busy.send(WAITS).await;
    timeout(PATIENCE, server.reached.notified()).await.unwrap();

    server.phase.send(Phase::Draining).unwrap();
    assert_eq!(silent.rest().await, "");
    assert_eq!(idle.rest().await, "");
    assert!(stream.rest().await.ends_with("0\r\n\r\n"), "the stream ends in order");
    server.wait_for_connections(1).await;
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody new is let in");
    assert!(!server.served.is_finished());

    server.release.notify_one();
    assert_eq!(busy.answer().await.text(), "released");
    assert_eq!(busy.rest().await, "");
    timeout(PATIENCE, server.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn gives_up_on_what_is_in_flight_when_its_time_is_over() {
    let limits = muster_http::ServerLimits { drain_grace: Duration::from_millis(50), ..short() };
    let server = Running::start(limits).await;
    let mut busy = server.connect().await;
    busy.send(WAITS).await;
    timeout(PATIENCE, server.reached.notified()).await.unwrap();
    server.phase.send(Phase::Draining).unwrap();
    timeout(PATIENCE, server.served).await.unwrap().unwrap();
    assert_eq!(busy.rest().await, "");
}

#[tokio::test]
async fn ends_everything_at_the_second_signal() {
    let server = Running::start(short()).await;
    let mut busy = server.connect().await;
    busy.send(WAITS).await;
    timeout(PATIENCE, server.reached.notified()).await.unwrap();
    server.phase.send(Phase::Draining).unwrap();
    server.wait_for_connections(1).await;
    server.phase.send(Phase::Stopping).unwrap();
    timeout(PATIENCE, server.served).await.unwrap().unwrap();
    assert_eq!(busy.rest().await, "");
}

#[tokio::test]
async fn waits_for_nobody_out_of_courtesy() {
    let server = Running::start(short()).await;
    let mut refused = server.connect().await;
    refused.send("PUT /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n").await;
    assert_eq!(refused.answer().await.status, 404);
    // The server lingers now: the client might still send its body.
    server.wait_for_connections(1).await;
    server.phase.send(Phase::Draining).unwrap();
    timeout(Duration::from_secs(2), server.served).await.unwrap().unwrap();
}
