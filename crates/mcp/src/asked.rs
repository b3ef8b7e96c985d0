use std::sync::Arc;

use muster_client::Client;
use muster_http::native::AccessGrant;

use crate::confirmation::Confirmations;

/// A question to a tool: who asks, and with what it is answered.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Sends requests with the permissions of whoever asks.
    pub client: Client,
    /// The key's id, or what stands for callers without a key.
    pub who: Arc<str>,
    pub confirmations: Arc<Confirmations>,
    /// Holds as long as the key of whoever asks, within a server; none where the registry is asked
    /// by requests, and checks the key itself.
    pub grant: Option<Arc<AccessGrant>>,
}

impl Asked {
    /// Waits until the key of whoever asks has ended, where that isn't found out otherwise.
    pub(crate) async fn ended(&self) {
        match &self.grant {
            Some(grant) => grant.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Whether a stream of changes that was lost may be opened again. Within a server only requests
    /// are checked, so a stream that ended, as that of a revoked key does, mustn't be.
    pub(crate) const fn may_reopen(&self) -> bool {
        self.grant.is_none()
    }
}
