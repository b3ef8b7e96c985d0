use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rmcp::transport::streamable_http_server::session::{
    SessionManager as _,
    local::{LocalSessionManager, SessionConfig},
};

use crate::limits::{CONNECTION_IDLE_SECONDS_MAX, CONNECTIONS_MAX, CONNECTIONS_OF_KEY_MAX};

/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(CONNECTION_IDLE_SECONDS_MAX);

/// The connections that earlier versions of the protocol keep between requests, each with the key
/// that opened it.
pub(super) struct KeptConnections {
    connections: Arc<LocalSessionManager>,
    owners: Mutex<HashMap<String, Owner>>,
}

struct Owner {
    who: Arc<str>,
    since: Instant,
}

impl KeptConnections {
    pub(super) fn new() -> Self {
        let mut config = SessionConfig::default();
        config.keep_alive = Some(IDLE);
        let mut connections = LocalSessionManager::default();
        connections.session_config = config;
        Self { connections: Arc::new(connections), owners: Mutex::default() }
    }

    pub(super) fn connections(&self) -> Arc<LocalSessionManager> {
        self.connections.clone()
    }

    /// Whether a connection was opened with this key.
    pub(super) fn is_of(&self, id: &str, who: &str) -> bool {
        self.owners.lock().get(id).is_some_and(|owner| *owner.who == *who)
    }

    /// Whether no further connection is kept.
    pub(super) async fn are_full(&self) -> bool {
        self.connections.sessions.read().await.len() >= CONNECTIONS_MAX
    }

    /// Remembers with which key a connection was opened.
    pub(super) async fn remember(&self, id: &str, who: &Arc<str>) {
        let oldest = {
            let open = self.connections.sessions.read().await;
            let mut owners = self.owners.lock();
            owners.retain(|id, _| open.contains_key(id.as_str()));
            owners.insert(id.to_owned(), Owner { who: who.clone(), since: Instant::now() });
            let own = owners.iter().filter(|(_, owner)| owner.who == *who);
            let oldest = own.clone().min_by_key(|(_, owner)| owner.since).map(|(id, _)| id.clone());
            oldest.filter(|_| own.count() > CONNECTIONS_OF_KEY_MAX)
        };
        if let Some(oldest) = oldest {
            self.forget(&oldest);
            if let Err(error) = self.connections.close_session(&oldest.into()).await {
                tracing::debug!(%error, "an assistant's connection was closed already");
            }
        }
    }

    pub(super) fn forget(&self, id: &str) {
        self.owners.lock().remove(id);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[tokio::test]
    async fn binds_a_connection_to_its_key_and_keeps_a_bounded_number() {
        let kept = KeptConnections::new();
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let mut ids = Vec::new();
        let mut transports = Vec::new();
        for _ in 0..=CONNECTIONS_OF_KEY_MAX {
            let (id, transport) = kept.connections.create_session().await.unwrap();
            transports.push(transport);
            kept.remember(&id, &one).await;
            ids.push(id);
        }
        assert!(!kept.is_of(&ids[0], &one), "the first one has ended");
        assert!(!kept.connections.sessions.read().await.contains_key(&ids[0]));
        assert!(kept.is_of(&ids[1], &one) && !kept.is_of(&ids[1], &other));
        assert!(!kept.is_of("made up", &one));
        kept.forget(&ids[1]);
        assert!(!kept.is_of(&ids[1], &one));
        assert!(!kept.are_full().await);
    }
}
