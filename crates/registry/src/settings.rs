use std::sync::Arc;

use muster_catalog::View;
use muster_guard::secret_references::SecretList;
use muster_ledger::CommandId;
use muster_model::Foundation;
use muster_schema::Violation;
use muster_words::{Id, Moment, Xid};

use crate::CheckpointFile;

/// The source of moments and command ids. The program passes the real one; a test passes its own,
/// so that a seed replays a history.
#[derive(Clone)]
pub struct Clock {
    /// Returns the current time.
    pub now: Arc<dyn Fn() -> Moment + Send + Sync>,
    /// Returns a new, unique command id.
    pub command_id: Arc<dyn Fn() -> CommandId + Send + Sync>,
}

/// The content of a new ledger's first entry.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// The registry's id.
    pub registry: Id,
    /// Who created it.
    pub actor: String,
}

/// Settings for opening a registry.
#[derive(Clone)]
pub struct RegistrySettings {
    /// The built-in model below the user's model.
    pub foundation: Foundation,
    /// How to begin an empty ledger; without it, an empty ledger is an error.
    pub genesis: Option<Genesis>,
    /// Moments and command ids.
    pub clock: Clock,
    /// The file for signed checkpoints; none if nothing is signed.
    pub checkpoint: Option<Arc<CheckpointFile>>,
    /// The size of the cache of contents, in bytes.
    pub cache_bytes: u64,
    /// The secrets that everybody who may write a document may name in it.
    pub secrets: Arc<SecretList>,
    /// What else documents must pass that the server acts on.
    pub checks: Vec<Arc<dyn DocumentCheck>>,
}

/// Checks documents that the server acts on, beside what their model, schemas and rules ask for.
/// So a document that nothing could act on is refused when it is put.
pub trait DocumentCheck: Send + Sync {
    /// Checks a document that a command writes. The view is from before the command.
    ///
    /// # Errors
    /// The document can't be acted on.
    fn check(&self, view: &View, resource: &Xid, document: &[u8]) -> Result<(), DocumentRefused>;
}

/// Why a document can't be acted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentRefused {
    /// It is wrong in these places.
    Wrong(Vec<Violation>),
    /// Another document has the name that only one can have.
    NameTaken(Xid),
}

/// The default size of the cache of contents, in bytes.
pub const CACHE_BYTES: u64 = 256 * 1024 * 1024;

impl RegistrySettings {
    /// Settings with the default cache and no checkpoint file.
    #[must_use]
    pub fn new(foundation: Foundation, clock: Clock) -> Self {
        Self {
            foundation,
            genesis: None,
            clock,
            checkpoint: None,
            cache_bytes: CACHE_BYTES,
            secrets: Arc::default(),
            checks: Vec::new(),
        }
    }
}
