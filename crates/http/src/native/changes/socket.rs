use std::{pin::pin, time::Duration};

use async_trait::async_trait;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{sync::watch::Receiver, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        error::ProtocolError,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{
    form::{Messages, SocketPiece},
    watcher::Watcher,
};
use crate::{
    Phase,
    upgrade::{Duplex, Upgrade},
};

/// The longest message of a client, in bytes. It has nothing to say; the longest that it needs is
/// the payload of a ping or a close, 125 bytes.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// How many bytes of events are gathered before they are written: a few events.
const WRITE_BYTES: usize = 8 * 1024;

/// The time for a last word and its answer. A client whose key was revoked gets no more than that.
const GOODBYE_TIME: Duration = Duration::from_secs(1);

type Socket<'a> = WebSocketStream<&'a mut dyn Duplex>;

/// A watcher that is told by messages of a WebSocket.
pub(super) struct ChangeSocket {
    pub watcher: Watcher,
    pub phase: Receiver<Phase>,
}

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SocketEnd {
    /// The client said so.
    Asked,
    /// The client is gone.
    Gone,
    /// The server stops.
    Stopping,
    /// The client's key isn't valid any more, or its session is over.
    Unauthorized,
    /// The client sent something, which nobody reads.
    Unwanted,
    /// What the client sent breaks the protocol, or isn't text where it should be.
    Malformed(CloseCode),
    /// The client sent too much.
    TooLarge,
    /// The ledger can't be read.
    Failed,
}

impl SocketEnd {
    /// The last word (RFC 6455, 7.4.1); none where nothing more can be said.
    fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Asked | Self::Gone => return None,
            Self::Stopping => (CloseCode::Away, "the server stops"),
            Self::Unauthorized => (CloseCode::Policy, "the key or session isn't valid any more"),
            Self::Unwanted => (CloseCode::Unsupported, "nothing is read here"),
            Self::Malformed(code) => (code, "the frame isn't well-formed"),
            Self::TooLarge => (CloseCode::Size, "the frame is too large"),
            Self::Failed => (CloseCode::Error, "the ledger can't be read"),
        };
        Some(CloseFrame { code, reason: reason.into() })
    }
}

#[async_trait]
impl Upgrade for ChangeSocket {
    async fn speak(mut self: Box<Self>, stream: &mut dyn Duplex) {
        let config = WebSocketConfig::default()
            .read_buffer_size(MESSAGE_BYTES_MAX)
            .write_buffer_size(WRITE_BYTES)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let mut socket = Socket::from_raw_socket(stream, Role::Server, Some(config)).await;
        let end = self.tell(&mut socket).await;
        drop(self);
        if end != SocketEnd::Gone {
            // Who doesn't take it in time has been told enough.
            let _ = timeout(GOODBYE_TIME, part(&mut socket, end.frame())).await;
        }
    }
}

impl ChangeSocket {
    /// Tells of events until something ends it.
    async fn tell(&mut self, socket: &mut Socket<'_>) -> SocketEnd {
        let Self { watcher, phase } = self;
        // If the sender was dropped, the server has stopped as well.
        let mut stopping = pin!(phase.wait_for(|phase| *phase != Phase::Running));
        loop {
            let piece = {
                let mut next = pin!(watcher.next_piece::<Messages>());
                // What the client sends doesn't begin the wait anew.
                loop {
                    tokio::select! {
                        _ = &mut stopping => return SocketEnd::Stopping,
                        piece = &mut next => break piece,
                        end = hear(socket) => {
                            if let Some(end) = end {
                                return end;
                            }
                        }
                    }
                }
            };
            let piece = match piece {
                Some(Ok(piece)) => piece,
                Some(Err(_)) => return SocketEnd::Failed,
                None => return SocketEnd::Unauthorized,
            };
            tokio::select! {
                _ = &mut stopping => return SocketEnd::Stopping,
                () = watcher.pass().ended() => return SocketEnd::Unauthorized,
                sent = send(socket, piece) => {
                    if sent.is_err() {
                        return SocketEnd::Gone;
                    }
                }
            }
        }
    }
}

async fn send(socket: &mut Socket<'_>, piece: SocketPiece) -> Result<(), Error> {
    match piece {
        SocketPiece::Silence(id) => socket.feed(Message::Ping(id.into())).await?,
        SocketPiece::Events(texts) => {
            for text in texts {
                socket.feed(Message::text(text)).await?;
            }
        }
    }
    socket.flush().await
}

/// Hears one message, and what it ends, if anything. Who asks for an answer takes it before more is
/// heard: otherwise the answers would fill the memory.
async fn hear(socket: &mut Socket<'_>) -> Option<SocketEnd> {
    let end = end_of(socket.next().await);
    match end {
        None => socket.flush().await.err().map(|_| SocketEnd::Gone),
        end => end,
    }
}

/// What a client's message ends, if anything. Pings are answered by the library.
fn end_of(heard: Option<Result<Message, Error>>) -> Option<SocketEnd> {
    Some(match heard {
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return None,
        Some(Ok(Message::Close(_))) => SocketEnd::Asked,
        Some(Ok(Message::Text(_) | Message::Binary(_))) => SocketEnd::Unwanted,
        Some(Err(Error::Capacity(_))) => SocketEnd::TooLarge,
        Some(Err(Error::Utf8(_))) => SocketEnd::Malformed(CloseCode::Invalid),
        Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => SocketEnd::Gone,
        Some(Err(Error::Protocol(_))) => SocketEnd::Malformed(CloseCode::Protocol),
        Some(Err(_)) | None => SocketEnd::Gone,
    })
}

/// Says the last word, or answers the client's, and waits for what the client answers.
async fn part(socket: &mut Socket<'_>, frame: Option<CloseFrame>) -> Result<(), Error> {
    match frame {
        Some(frame) => socket.close(Some(frame)).await?,
        // The library has the answer ready.
        None => socket.flush().await?,
    }
    while let Some(heard) = socket.next().await {
        heard?;
    }
    Ok(())
}
