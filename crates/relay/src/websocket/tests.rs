#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::result_large_err,
    reason = "a test stops at the first surprise"
)]

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
};

use muster_guard::{
    addresses::{AddressFilter, AddressRefused},
    secret_references::SecretSources,
};
use serde_json::{Value, json};
use tungstenite::{
    Message, WebSocket, accept_hdr,
    handshake::server::{Request, Response},
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::*;
use crate::{http_sender::SystemResolver, target::TargetKind, trust};

/// A receiver that serves as many connections as there are scripts. It answers each event with the
/// next text of the script; `ID` in it is the event's id, and `close` ends the connection. It gives
/// the events and what the request had in `authorization`.
fn receiver(scripts: Vec<Vec<&'static str>>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        let mut heard = Vec::new();
        for script in scripts {
            let (stream, _) = listener.accept().unwrap();
            let mut said = String::new();
            let socket = accept_hdr(stream, |request: &Request, mut response: Response| {
                let headers = request.headers();
                said = headers["authorization"].to_str().unwrap().to_owned();
                let protocol = headers["sec-websocket-protocol"].clone();
                response.headers_mut().insert("sec-websocket-protocol", protocol);
                Ok(response)
            })
            .ok()
            .unwrap();
            heard.push(said);
            serve(socket, &script, &mut heard);
        }
        heard
    });
    (address, serving)
}

fn serve(mut socket: WebSocket<TcpStream>, script: &[&str], heard: &mut Vec<String>) {
    for says in script {
        let event = loop {
            match socket.read() {
                Ok(Message::Text(text)) => break text.as_str().to_owned(),
                Ok(_) => {}
                Err(_) => return,
            }
        };
        let parsed: Value = serde_json::from_str(&event).unwrap();
        heard.push(event);
        if *says == "close" {
            let frame = CloseFrame { code: CloseCode::Size, reason: "".into() };
            socket.close(Some(frame)).unwrap();
            while socket.read().is_ok() {}
            return;
        }
        // What isn't an answer comes in between.
        socket.send(Message::Ping(Vec::new().into())).unwrap();
        socket.send(Message::text("hello")).unwrap();
        let id = parsed["id"].as_str().unwrap();
        socket.send(Message::text(says.replace("ID", id))).unwrap();
    }
}

async fn delivered(sender: &WebSocketSender, url: &str, id: &str) -> TryOutcome {
    let filter = AddressFilter::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let connector = Connector::new(filter, trust(None).unwrap(), Arc::new(SystemResolver));
    let sources = SecretSources { variable: Arc::new(|_| Some("Bearer word".to_owned())) };
    let secrets = SecretList::read(&["env:LOGIN 127.0.0.1".to_owned()], sources).unwrap();
    let document = json!({"kind": "websocket", "url": url, "timeout_seconds": 1,
                          "headers": {"authorization": "env:LOGIN"}});
    let target = RelayTarget::read(document).unwrap();
    let TargetKind::WebSocket(socket) = &target.kind else { panic!("{target:?}") };
    let message =
        SocketMessage { id: id.to_owned(), body: Bytes::from(format!("{{\"id\":\"{id}\"}}")) };
    sender.deliver((&connector, &secrets, [7; 32]), (&target, socket), &message).await
}

#[tokio::test]
async fn an_event_is_delivered_when_the_receiver_answers_with_its_id() {
    let says = |text: &str| TryOutcome::Failed(TryFailure::Answer(text.to_owned()));
    for (answer, expect) in [
        ("{\"ack\":\"ID\"}", TryOutcome::Taken),
        ("{\"nack\":\"ID\"}", says("it doesn't take the event")),
        ("{\"nack\":\"ID\",\"reason\":\"a\\u001b[31m\"}", says("a[31m")),
        (
            "{\"nack\":\"ID\",\"reason\":\"no\",\"retry\":false}",
            TryOutcome::Failed(TryFailure::Unacceptable("no".to_owned())),
        ),
        ("{\"ack\":\"other\"}", TryOutcome::Failed(TryFailure::Timeout)),
        ("close", TryOutcome::Failed(TryFailure::TooLarge { bytes_max: None })),
    ] {
        let (address, serving) = receiver(vec![vec![answer, "{}"]]);
        let sender = WebSocketSender::default();
        let outcome = delivered(&sender, &format!("ws://{address}/in?a=b"), "7.0").await;
        assert_eq!(outcome, expect, "{answer}");
        drop(sender);
        assert_eq!(serving.join().unwrap(), ["Bearer word", "{\"id\":\"7.0\"}"]);
    }
}

#[tokio::test]
async fn a_connection_is_used_again_and_replaced_when_the_receiver_has_ended_it() {
    const ACK: &str = "{\"ack\":\"ID\"}";
    let (address, serving) = receiver(vec![vec![ACK, ACK], vec![ACK]]);
    let sender = WebSocketSender::default();
    let url = format!("ws://{address}");
    for id in ["1.0", "2.0", "3.0"] {
        assert_eq!(delivered(&sender, &url, id).await, TryOutcome::Taken, "{id}");
    }
    let heard = serving.join().unwrap();
    let events = ["{\"id\":\"1.0\"}", "{\"id\":\"2.0\"}"];
    assert_eq!(heard, ["Bearer word", events[0], events[1], "Bearer word", "{\"id\":\"3.0\"}"]);
}

#[tokio::test]
async fn what_opens_no_socket_is_no_receiver() {
    use std::io::{Read as _, Write as _};
    let answers = |text: &str| TryOutcome::Failed(TryFailure::Answer(text.to_owned()));
    let broken = TryOutcome::Failed(TryFailure::Broken);
    for (says, expect) in [
        ("HTTP/1.1 200 OK\r\n\r\n", answers("it answers 200 and opens no WebSocket")),
        ("HTTP/1.1 401 Unauthorized\r\n\r\n", answers("it answers 401 and opens no WebSocket")),
        // Of another key, and of none.
        (
            "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
            broken.clone(),
        ),
        ("HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n\r\n", broken.clone()),
        ("220 mail.example\r\n\r\n", broken.clone()),
        ("", broken),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let serving = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = [0; 4096];
            let _ = stream.read(&mut heard).unwrap();
            stream.write_all(says.as_bytes()).unwrap();
        });
        let sender = WebSocketSender::default();
        assert_eq!(delivered(&sender, &url, "1.0").await, expect, "{says}");
        serving.join().unwrap();
    }
    for (url, expect) in [
        ("wss://10.0.0.1/in", AddressRefused::Network),
        ("ws://8.8.8.8/in", AddressRefused::ClearText),
        ("https://8.8.8.8/in", AddressRefused::Scheme("wss", "ws")),
    ] {
        let outcome = delivered(&WebSocketSender::default(), url, "1.0").await;
        assert_eq!(outcome, TryOutcome::Failed(TryFailure::Refused(expect)), "{url}");
    }
}
