use std::sync::Arc;

use muster_ledger::CommandId;
use muster_model::Foundation;
use muster_words::{Id, Moment};

use crate::CheckpointFile;

/// Where moments and command ids come from: the program gives the real ones, a test its own, so
/// that a seed replays a history.
#[derive(Clone)]
pub struct Clock {
    /// What time it is.
    pub now: Arc<dyn Fn() -> Moment + Send + Sync>,
    /// A command id that was never given before.
    pub command_id: Arc<dyn Fn() -> CommandId + Send + Sync>,
}

/// What a new ledger's first entry says.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// The registry's id.
    pub registry: Id,
    /// Who opened it.
    pub actor: String,
}

/// How a registry is opened.
#[derive(Clone)]
pub struct RegistrySettings {
    /// What lies under the user's model.
    pub foundation: Foundation,
    /// For an empty ledger; without it, an empty ledger is refused.
    pub genesis: Option<Genesis>,
    /// Moments and command ids.
    pub clock: Clock,
    /// Where the newest signed checkpoint is kept, beside the database; none: nowhere.
    pub checkpoint: Option<Arc<CheckpointFile>>,
    /// Bytes of contents that are kept in memory.
    pub cache_bytes: u64,
}

/// Bytes of contents that are kept in memory where nobody says otherwise.
pub const CACHE_BYTES: u64 = 256 * 1024 * 1024;

impl RegistrySettings {
    /// Settings with the usual cache and no checkpoint file.
    #[must_use]
    pub fn new(foundation: Foundation, clock: Clock) -> Self {
        Self { foundation, genesis: None, clock, checkpoint: None, cache_bytes: CACHE_BYTES }
    }
}
