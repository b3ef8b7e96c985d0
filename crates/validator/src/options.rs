use std::time::Duration;

use tokio::runtime::Handle;

/// How a validator keeps schemas.
#[derive(Clone, Debug)]
pub struct ValidatorOptions {
    /// Whether what was fetched is used again without asking the source. If not, each check asks.
    pub cache_enabled: bool,
    /// How long what was fetched counts as fresh. Shortly before its end the source is asked again in
    /// the background.
    pub cache_ttl: Duration,
    /// For how long after that an old schema is used at once, while the source is asked. None by
    /// default: who checks waits for the source, and uses the old schema where that fails.
    pub stale_while_revalidate: Duration,
    /// The most compiled schemas that are kept.
    pub schemas_max: usize,
    /// The most memory for them in bytes, as it is estimated from their texts.
    pub bytes_max: usize,
    /// The time that a source has for a schema with all that it refers to.
    pub timeout: Duration,
    /// What runs refreshes in the background. Without it, the runtime on which a check is awaited.
    pub runtime: Option<Handle>,
}

/// Which schemas are compiled before they are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precompile {
    /// None: each is compiled when it is first used.
    #[default]
    Nothing,
    /// All that the sources list, as far as there is room.
    All,
    /// These.
    Named(Vec<String>),
}

/// The default for memory, in bytes: a thousand schemas of 6 KB of text each.
const BYTES_DEFAULT: usize = 256 * 1024 * 1024;

impl Default for ValidatorOptions {
    fn default() -> Self {
        Self {
            cache_enabled: true,
            cache_ttl: Duration::from_secs(300),
            stale_while_revalidate: Duration::ZERO,
            schemas_max: 1_000,
            bytes_max: BYTES_DEFAULT,
            timeout: Duration::from_secs(10),
            runtime: None,
        }
    }
}
