use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Empty;
use hyper::{
    body::Incoming,
    client::conn::http1,
    upgrade::{self, Upgraded},
};
use hyper_util::rt::TokioIo;
use muster_guard::addresses::Destination;
use ring::digest;
use serde::Deserialize;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::SocketMessage;
use crate::{
    connector::{ByteStream, Connector},
    decision::{TryFailure, shown},
};

/// The longest message of a receiver, in bytes: an answer has some hundred.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// The longest head of an answer to the handshake, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What both sides put behind a key (RFC 6455, 1.3).
const ACCEPTED: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The protocol of the messages (CloudEvents, WebSockets binding).
const PROTOCOL: &str = "cloudevents.json";

/// A WebSocket on which one event after the other is sent and answered.
pub(super) struct SocketConnection {
    socket: WebSocketStream<TokioIo<Upgraded>>,
    is_ended: bool,
}

/// What a receiver answers to an event.
#[derive(Deserialize)]
struct SocketAnswer {
    /// The id of an event that it has.
    ack: Option<String>,
    /// The id of an event that it doesn't take.
    nack: Option<String>,
    reason: Option<String>,
    /// Whether it may take it later.
    retry: Option<bool>,
}

impl SocketConnection {
    /// Connects and opens a WebSocket.
    ///
    /// # Errors
    /// See [`TryFailure`].
    pub async fn open(
        (connector, destination, addresses): (&Connector, &Destination, &[SocketAddr]),
        headers: &HeaderMap,
        random: [u8; 32],
    ) -> Result<Self, TryFailure> {
        let (_, stream) = connector.connect(addresses).await?;
        let stream: Box<dyn ByteStream> = match destination.is_encrypted {
            true => Box::new(connector.secure(destination, stream).await?),
            false => Box::new(stream),
        };
        let key = STANDARD.encode(&random[..16]);
        let request = request(destination, headers, &key)?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX);
        let opened = builder.handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = opened.map_err(|_| TryFailure::Broken)?;
        tokio::spawn(async move {
            // Whoever sends learns of its end.
            let _ = connection.with_upgrades().await;
        });
        let answer = sender.send_request(request).await.map_err(|_| TryFailure::Broken)?;
        check(&answer, &key)?;
        let upgraded = upgrade::on(answer).await.map_err(|_| TryFailure::Broken)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let stream = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await;
        Ok(Self { socket, is_ended: false })
    }

    /// Whether nothing can be sent on it any more.
    pub const fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Sends an event, and waits until the receiver has answered with its id.
    ///
    /// # Errors
    /// See [`TryFailure`].
    pub async fn send(&mut self, message: &SocketMessage) -> Result<(), TryFailure> {
        let text = String::from_utf8(message.body.to_vec()).map_err(|_| TryFailure::Broken)?;
        if self.socket.send(Message::text(text)).await.is_err() {
            self.is_ended = true;
            return Err(TryFailure::Broken);
        }
        loop {
            let text = match self.socket.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => {
                    self.is_ended = true;
                    return Err(closed(frame.as_ref()));
                }
                // A ping is answered with what is read or written next.
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => {
                    self.is_ended = true;
                    return Err(TryFailure::Broken);
                }
            };
            // Whatever else it says isn't for us.
            let Ok(answer) = serde_json::from_str::<SocketAnswer>(text.as_str()) else { continue };
            if answer.ack.as_deref() == Some(message.id.as_str()) {
                return Ok(());
            }
            if answer.nack.as_deref() == Some(message.id.as_str()) {
                let reason = shown(answer.reason.as_deref().unwrap_or("it doesn't take the event"));
                return Err(match answer.retry {
                    Some(false) => TryFailure::Unacceptable(reason),
                    _ => TryFailure::Answer(reason),
                });
            }
        }
    }
}

/// What the end of a connection says about the event that was sent last.
fn closed(frame: Option<&CloseFrame>) -> TryFailure {
    match frame {
        Some(CloseFrame { code: CloseCode::Size, .. }) => TryFailure::TooLarge { bytes_max: None },
        Some(CloseFrame { code, reason }) if !reason.is_empty() => {
            let code = u16::from(*code);
            TryFailure::Answer(format!("it ended the connection ({code}): {}", shown(reason)))
        }
        _ => TryFailure::Broken,
    }
}

fn request(
    destination: &Destination,
    headers: &HeaderMap,
    key: &str,
) -> Result<Request<Empty<Bytes>>, TryFailure> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = destination.path.parse().map_err(|_| TryFailure::Unresolved)?;
    *request.headers_mut() = headers.clone();
    for (name, value) in [
        (header::HOST, destination.authority().as_str()),
        (header::UPGRADE, "websocket"),
        (header::CONNECTION, "Upgrade"),
        (header::SEC_WEBSOCKET_VERSION, "13"),
        (header::SEC_WEBSOCKET_KEY, key),
        (header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL),
    ] {
        let value = HeaderValue::from_str(value).map_err(|_| TryFailure::Unresolved)?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

/// Whether the answer opens a WebSocket, and for us (RFC 6455, 4.1). A receiver may know no protocols,
/// which the library's own handshake refuses.
fn check(answer: &Response<Incoming>, key: &str) -> Result<(), TryFailure> {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        let text = format!("it answers {} and opens no WebSocket", answer.status().as_u16());
        return Err(TryFailure::Answer(text));
    }
    let value = |name: HeaderName| {
        let mut found = answer.headers().get_all(name).iter();
        found.next().filter(|_| found.next().is_none()).and_then(|value| value.to_str().ok())
    };
    let accepted =
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{ACCEPTED}").as_bytes());
    let accepted = STANDARD.encode(accepted);
    let upgrade = value(header::UPGRADE);
    let is_upgraded = upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let is_ours = value(header::SEC_WEBSOCKET_ACCEPT) == Some(accepted.as_str());
    // It may not choose another protocol, nor an extension.
    let chosen = value(header::SEC_WEBSOCKET_PROTOCOL);
    let has_protocol = chosen.is_none_or(|chosen| chosen == PROTOCOL);
    let has_none = !answer.headers().contains_key(header::SEC_WEBSOCKET_EXTENSIONS);
    match is_upgraded && is_ours && has_protocol && has_none {
        true => Ok(()),
        false => Err(TryFailure::Broken),
    }
}
