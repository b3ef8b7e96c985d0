//! Deliveries over a WebSocket that is opened here (RFC 6455): an event is one message, and the
//! delivery counts as made when the receiver has answered with the event's id.

mod connection;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use muster_guard::{addresses::Host, secret_references::SecretList};
use muster_words::Digest;

use self::connection::SocketConnection;
use crate::{
    connector::Connector,
    decision::{TryFailure, TryOutcome},
    idle::IdleConnections,
    target::{RelayTarget, WebSocketTarget},
    webhook::resolved,
};

/// How long an idle connection is kept. Servers commonly ping after 20 seconds, and nobody answers
/// while it is idle.
const IDLE_TIME_MAX: Duration = Duration::from_secs(15);

/// One event on its way over a socket.
pub(crate) struct SocketMessage {
    /// The id of the event, which the receiver answers with.
    pub id: String,
    /// The event as JSON.
    pub body: Bytes,
}

/// Sends events over WebSockets, and keeps connections for the next ones.
pub struct WebSocketSender {
    idle: IdleConnections<Place, SocketConnection>,
}

impl Default for WebSocketSender {
    fn default() -> Self {
        Self { idle: IdleConnections::new(IDLE_TIME_MAX) }
    }
}

/// A receiver, and what it is told in headers.
type Place = (String, Digest);

impl WebSocketSender {
    /// Sends an event, and waits until the receiver has answered.
    pub(crate) async fn deliver(
        &self,
        parts: (&Connector, &SecretList, [u8; 32]),
        (target, socket): (&RelayTarget, &WebSocketTarget),
        message: &SocketMessage,
    ) -> TryOutcome {
        let sending = self.send(parts, socket, message);
        match tokio::time::timeout(target.deadline, sending).await {
            Ok(Ok(())) => TryOutcome::Taken,
            Ok(Err(failure)) => TryOutcome::Failed(failure),
            Err(_) => {
                // What kept connections lead to may be silent as well, and a new one may not be.
                self.idle.end(|(url, _)| *url == socket.url);
                TryOutcome::Failed(TryFailure::Timeout)
            }
        }
    }

    async fn send(
        &self,
        (connector, secrets, random): (&Connector, &SecretList, [u8; 32]),
        socket: &WebSocketTarget,
        message: &SocketMessage,
    ) -> Result<(), TryFailure> {
        let destination = connector.websocket(&socket.url).map_err(TryFailure::Refused)?;
        // A name may lead to another address by now.
        let addresses = connector.addresses(&destination).await?;
        let headers = headers(secrets, socket, &destination.host)?;
        let place = (socket.url.clone(), digest_of(&headers));
        while let Some(mut connection) = self.idle.take(&place) {
            match connection.send(message).await {
                // The receiver may have ended it meanwhile.
                Err(_) if connection.is_ended() => {}
                sent => return self.keep(place, connection, sent),
            }
        }
        let route = (connector, &destination, &addresses[..]);
        let mut connection = SocketConnection::open(route, &headers, random).await?;
        let sent = connection.send(message).await;
        self.keep(place, connection, sent)
    }

    /// Keeps a connection on which everything was answered.
    fn keep(
        &self,
        place: Place,
        connection: SocketConnection,
        sent: Result<(), TryFailure>,
    ) -> Result<(), TryFailure> {
        if !connection.is_ended() {
            self.idle.keep(place, connection);
        }
        sent
    }
}

fn headers(
    secrets: &SecretList,
    socket: &WebSocketTarget,
    host: &Host,
) -> Result<HeaderMap, TryFailure> {
    let mut headers = HeaderMap::new();
    for (name, value) in &socket.headers {
        let value = resolved(secrets, value, host)?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| TryFailure::Key)?;
        let value = HeaderValue::from_str(&value).map_err(|_| TryFailure::Key)?;
        headers.insert(name, value);
    }
    Ok(headers)
}

fn digest_of(headers: &HeaderMap) -> Digest {
    let mut text = Vec::new();
    for (name, value) in headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.push(b':');
        text.extend_from_slice(value.as_bytes());
        text.push(b'\n');
    }
    Digest::of(&text)
}
