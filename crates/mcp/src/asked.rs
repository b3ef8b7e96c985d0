use std::sync::Arc;

use muster_client::Client;

use crate::confirmation::Confirmations;

/// A question to a tool: who asks, and with what it is answered.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Sends requests with the permissions of whoever asks.
    pub client: Client,
    /// The key's id, or what stands for callers without a key.
    pub who: Arc<str>,
    pub confirmations: Arc<Confirmations>,
    /// Whether the registry checks the key again when a stream of changes is opened again. Within a
    /// server only requests are checked, so a stream that ended, as that of a revoked key does,
    /// mustn't be opened again.
    pub may_reopen: bool,
}
