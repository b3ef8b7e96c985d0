//! Deliveries to NATS JetStream: a message for each event, which a stream has stored before the
//! delivery counts as made. A stream drops a repeated message by its id.

mod connection;
mod credentials;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use muster_guard::secret_references::SecretList;
use muster_words::Digest;

use self::{connection::NatsConnection, credentials::NatsCredentials};
use crate::{
    changes::DocumentChange,
    connector::Connector,
    decision::{TryFailure, TryOutcome},
    idle::IdleConnections,
    target::{NatsTarget, RelayTarget},
};

/// How long an idle connection is kept. Servers end those that answer no ping after some minutes.
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);

/// The secret isn't what a server of NATS takes.
const UNREADABLE: TryFailure =
    TryFailure::Credentials { expected: "a file .creds, a seed, user:password or a token" };

/// A message for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsMessage {
    subject: String,
    id: String,
    body: Bytes,
}

impl NatsMessage {
    /// The message about a change. Its subject is the target's, the type of the document's group and
    /// what happened: `muster.providers.updated`.
    pub(crate) fn new(target: &NatsTarget, change: &DocumentChange, id: &str, body: Bytes) -> Self {
        let groups = change.resource.group_ids().map(|(groups, _)| groups.as_str());
        let subject =
            format!("{}.{}.{}", target.subject, groups.unwrap_or_default(), change.kind.name());
        Self { subject, id: id.to_owned(), body }
    }
}

/// Sends messages to NATS servers, and keeps connections for the next ones.
pub struct NatsSender {
    idle: IdleConnections<Place, NatsConnection>,
}

impl Default for NatsSender {
    fn default() -> Self {
        Self { idle: IdleConnections::new(IDLE_TIME_MAX) }
    }
}

/// A server, and whom it takes us for.
type Place = (String, Option<Digest>);

impl NatsSender {
    /// Sends a message, and waits until a stream has stored it.
    pub(crate) async fn deliver(
        &self,
        parts: (&Connector, &SecretList, [u8; 32]),
        (target, nats): (&RelayTarget, &NatsTarget),
        message: &NatsMessage,
    ) -> TryOutcome {
        let sending = self.send(parts, nats, message);
        match tokio::time::timeout(target.deadline, sending).await {
            Ok(Ok(())) => TryOutcome::Taken,
            Ok(Err(failure)) => TryOutcome::Failed(failure),
            Err(_) => {
                // What kept connections lead to may be silent as well, and a new one may not be.
                self.idle.end(|(url, _)| *url == nats.url);
                TryOutcome::Failed(TryFailure::Timeout)
            }
        }
    }

    async fn send(
        &self,
        (connector, secrets, random): (&Connector, &SecretList, [u8; 32]),
        nats: &NatsTarget,
        message: &NatsMessage,
    ) -> Result<(), TryFailure> {
        let destination = connector.nats(&nats.url).map_err(TryFailure::Refused)?;
        // A name may lead to another address by now.
        let addresses = connector.addresses(&destination).await?;
        let secret = nats.credentials.as_ref();
        let secret = secret.map(|name| secrets.resolve(name, &destination.host)).transpose();
        let secret = secret.map_err(TryFailure::Secret)?;
        let digest = secret.as_ref().map(|secret| Digest::of(secret.expose().as_bytes()));
        let place = (nats.url.clone(), digest);
        while let Some(mut connection) = self.idle.take(&place) {
            match connection.publish(message).await {
                // The server may have ended it meanwhile. What was stored isn't stored again.
                Err(_) if connection.is_ended() => {}
                sent => return self.keep(place, connection, sent),
            }
        }
        let credentials = secret
            .map(|secret| NatsCredentials::read(secret.expose()).ok_or(UNREADABLE))
            .transpose()?;
        let route = (connector, &destination, &addresses[..]);
        let mut connection = NatsConnection::open(route, credentials.as_ref(), random).await?;
        let sent = connection.publish(message).await;
        self.keep(place, connection, sent)
    }

    /// Keeps a connection on which everything was answered.
    fn keep(
        &self,
        place: Place,
        connection: NatsConnection,
        sent: Result<(), TryFailure>,
    ) -> Result<(), TryFailure> {
        if sent.is_ok() {
            self.idle.keep(place, connection);
        }
        sent
    }
}
