use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderMap;
use muster_guard::addresses::Destination;
use ring::digest;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
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
    socket: WebSocketStream<Box<dyn ByteStream>>,
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
        let mut stream: Box<dyn ByteStream> = match destination.is_encrypted {
            true => Box::new(connector.secure(destination, stream).await?),
            false => Box::new(stream),
        };
        let key = STANDARD.encode(&random[..16]);
        let request = request(destination, headers, &key);
        let written = async {
            stream.write_all(&request).await?;
            stream.flush().await
        };
        written.await.map_err(|_| TryFailure::Broken)?;
        let (head, rest) = read_head(&mut *stream).await?;
        check(&head, &key)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let socket =
            WebSocketStream::from_partially_read(stream, rest, Role::Client, Some(config)).await;
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

fn request(destination: &Destination, headers: &HeaderMap, key: &str) -> Vec<u8> {
    let (path, host) = (&destination.path, destination.authority());
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Protocol: {PROTOCOL}\r\n"
    )
    .into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(name.as_str().as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// The head of the answer, and what came behind it.
async fn read_head(stream: &mut dyn ByteStream) -> Result<(String, Vec<u8>), TryFailure> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            let head = String::from_utf8(bytes).map_err(|_| TryFailure::Broken)?;
            return Ok((head, rest));
        }
        let is_read = stream.read_buf(&mut bytes).await.is_ok_and(|length| length > 0);
        if !is_read || bytes.len() > HEAD_BYTES_MAX {
            return Err(TryFailure::Broken);
        }
    }
}

/// Whether the answer opens a WebSocket, and for us (RFC 6455, 4.1).
fn check(head: &str, key: &str) -> Result<(), TryFailure> {
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
    let status = status.and_then(|rest| rest.get(..3)).ok_or(TryFailure::Broken)?;
    if status != "101" {
        let text = format!("it answers {} and opens no WebSocket", shown(status));
        return Err(TryFailure::Answer(text));
    }
    let fields: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let value = |name: &str| {
        let mut found = fields.iter().filter(|(one, _)| one == name);
        found.next().map(|(_, value)| *value).filter(|_| found.next().is_none())
    };
    let accepted =
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{ACCEPTED}").as_bytes());
    let is_upgraded = value("upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let is_ours = value("sec-websocket-accept") == Some(STANDARD.encode(accepted).as_str());
    // It may know no protocols, but it may not choose another one, nor an extension.
    let has_protocol = value("sec-websocket-protocol").is_none_or(|chosen| chosen == PROTOCOL);
    let has_none = value("sec-websocket-extensions").is_none();
    match is_upgraded && is_ours && has_protocol && has_none {
        true => Ok(()),
        false => Err(TryFailure::Broken),
    }
}
