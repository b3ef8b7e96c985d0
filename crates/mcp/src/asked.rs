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
}
