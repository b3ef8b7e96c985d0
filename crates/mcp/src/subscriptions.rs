//! Subscriptions to resources: who subscribed is told when a resource or anything in it changes.

use std::{collections::BTreeMap, sync::Arc};

use muster_client::{ChangeStream, Client, ClientError, StreamItem, StreamStart};
use parking_lot::Mutex;
use rmcp::{
    ErrorData, Peer, RoleServer,
    model::ResourceUpdatedNotificationParam,
    service::{SubscriptionContext, SubscriptionSink},
};
use tokio::task::JoinHandle;

use crate::{asked::Asked, limits::SUBSCRIPTIONS_MAX, resources};

/// The resources by address, with the places that they name.
type Watched = Arc<Mutex<BTreeMap<String, String>>>;

/// The subscriptions of one client that keeps a connection.
#[derive(Default)]
pub(crate) struct Subscriptions {
    watched: Watched,
    following: Mutex<Option<JoinHandle<()>>>,
}

impl Subscriptions {
    /// Subscribes to a resource. The answer means that no later change is missed.
    pub(crate) async fn add(
        &self,
        uri: String,
        asked: &Asked,
        peer: Peer<RoleServer>,
    ) -> Result<(), ErrorData> {
        let place = resources::place_of(&uri)?;
        let is_first = {
            let mut watched = self.watched.lock();
            if watched.len() >= SUBSCRIPTIONS_MAX && !watched.contains_key(&uri) {
                return Err(too_many());
            }
            watched.insert(uri.clone(), place);
            !self.is_following()
        };
        if !is_first {
            return Ok(());
        }
        let stream = match open(&asked.client).await {
            Ok(stream) => stream,
            Err(error) => {
                self.watched.lock().remove(&uri);
                return Err(resources::fault(&error));
            }
        };
        let (watched, may_reopen) = (self.watched.clone(), asked.may_reopen());
        let task = tokio::spawn(async move {
            follow(stream, &watched, &Listener::Connection(peer), may_reopen).await;
        });
        if let Some(other) = self.following.lock().replace(task) {
            other.abort();
        }
        Ok(())
    }

    /// Ends a subscription.
    pub(crate) fn remove(&self, uri: &str) {
        let mut watched = self.watched.lock();
        watched.remove(uri);
        if watched.is_empty() {
            self.stop();
        }
    }

    fn is_following(&self) -> bool {
        self.following.lock().as_ref().is_some_and(|task| !task.is_finished())
    }

    fn stop(&self) {
        if let Some(task) = self.following.lock().take() {
            task.abort();
        }
    }
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Tells about changes until the client ends its request, or its key ends.
pub(crate) async fn listen(asked: &Asked, context: &SubscriptionContext) -> Result<(), ErrorData> {
    let uris = context.accepted().resource_subscriptions.clone().unwrap_or_default();
    let mut watched = BTreeMap::new();
    for uri in uris {
        watched.insert(uri.clone(), resources::place_of(&uri)?);
    }
    if watched.is_empty() {
        tokio::select! {
            () = asked.ended() => {}
            () = context.cancelled() => {}
        }
        return Ok(());
    }
    let stream = open(&asked.client).await.map_err(|error| resources::fault(&error))?;
    let watched = Arc::new(Mutex::new(watched));
    let listener = Listener::Request(context.sink().clone());
    // The client was told that it is subscribed before the stream was open, so a change may have come
    // between. Who is told once too often reads once too often; who isn't told never reads.
    let all: Vec<String> = watched.lock().keys().cloned().collect();
    for uri in all {
        listener.tell(uri).await;
    }
    tokio::select! {
        () = follow(stream, &watched, &listener, asked.may_reopen()) => {}
        () = asked.ended() => {}
        () = context.cancelled() => {}
    }
    Ok(())
}

/// The resources of a request that can be subscribed to.
pub(crate) fn acceptable(uris: &[String]) -> Vec<String> {
    let known = uris.iter().filter(|uri| resources::place_of(uri).is_ok());
    known.take(SUBSCRIPTIONS_MAX).cloned().collect()
}

/// A stream that is open: changes that are made from now on are in it.
async fn open(client: &Client) -> Result<ChangeStream, ClientError> {
    let mut stream = client.changes(StreamStart::Now);
    match stream.next_item().await? {
        StreamItem::Lost(error) => Err(error.into()),
        StreamItem::Connected | StreamItem::Change(_) => Ok(stream),
    }
}

/// Who is told.
enum Listener {
    /// Whoever has a connection.
    Connection(Peer<RoleServer>),
    /// Whoever keeps a request open.
    Request(SubscriptionSink),
}

impl Listener {
    /// Says that a resource changed. Answers whether anybody is still there.
    async fn tell(&self, uri: String) -> bool {
        match self {
            Self::Connection(peer) => {
                let changed = ResourceUpdatedNotificationParam::new(uri);
                peer.notify_resource_updated(changed).await.is_ok()
            }
            Self::Request(sink) => sink.notify_resource_updated(uri).await.is_ok(),
        }
    }
}

/// Tells about each change of a watched place, until nobody listens, the registry refuses, or the
/// stream ends and may not be opened again.
async fn follow(
    mut stream: ChangeStream,
    watched: &Watched,
    listener: &Listener,
    may_reopen: bool,
) {
    loop {
        let change = match stream.next_item().await {
            Ok(StreamItem::Change(change)) => change,
            Ok(StreamItem::Lost(_)) if !may_reopen => return,
            Ok(StreamItem::Connected | StreamItem::Lost(_)) => continue,
            Err(error) => {
                tracing::debug!(%error, "a stream of changes for an assistant has ended");
                return;
            }
        };
        let changed: Vec<String> = {
            let watched = watched.lock();
            let subject = &change.event.subject;
            let within = watched.iter().filter(|(_, place)| is_within(subject, place));
            within.map(|(uri, _)| uri.clone()).collect()
        };
        for uri in changed {
            if !listener.tell(uri).await {
                return;
            }
        }
    }
}

/// Whether an entity is a place or in it.
fn is_within(xid: &str, place: &str) -> bool {
    xid.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn too_many() -> ErrorData {
    ErrorData::invalid_request(
        format!(
            "there are {SUBSCRIPTIONS_MAX} subscriptions already; end one, or subscribe to a group"
        ),
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_lies_within_a_place() {
        for (xid, place, expect) in [
            ("/a/b/c/d", "/a/b/c/d", true),
            ("/a/b/c/d/versions/1", "/a/b/c/d", true),
            ("/a/b/c/d", "/a", true),
            ("/a/b/c/d", "", true),
            ("/a/b/c/dd", "/a/b/c/d", false),
            ("/a/b", "/a/b/c/d", false),
            ("/", "", true),
        ] {
            assert_eq!(is_within(xid, place), expect, "{xid} {place}");
        }
    }

    #[test]
    fn accepts_what_is_a_resource() {
        let uris = ["muster://registry/api/a".to_owned(), "file:///etc/passwd".to_owned()];
        assert_eq!(acceptable(&uris), uris[..1]);
    }
}
