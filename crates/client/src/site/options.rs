use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::Duration};

use muster_seal::note::Verifier;
use muster_words::Moment;
use serde_json::Value;

use super::Snapshot;

/// How a site is read.
#[derive(Clone)]
pub struct SiteOptions {
    /// How long what was read counts as fresh.
    pub cache_ttl: Duration,
    /// For how long after that an old answer is given at once, while the source is read in the
    /// background. None by default: who asks waits for the source.
    pub stale_while_revalidate: Duration,
    /// How often the source is tried, all in all.
    pub max_retries: u32,
    /// The time for one try. An answer never takes longer than this times the tries.
    pub timeout: Duration,
    /// The public key that must have signed the manifest, or must have signed the key that did.
    /// Without one, digests are checked and signatures aren't.
    pub key: Option<Verifier>,
    /// The channel that the manifest must name.
    pub channel: Option<String>,
    /// A folder that keeps what was read, for the next run.
    pub disk: Option<PathBuf>,
    /// A snapshot in the program.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Documents by path, for when nothing else is left.
    pub fallback_data: BTreeMap<String, Value>,
    /// Whether to ask the source at all.
    pub use_registry: bool,
    /// Whether to answer from older things, or degraded, where the source can't be read. If not,
    /// that is an error.
    pub fallback_enabled: bool,
    /// The most bytes of documents in memory.
    pub cache_bytes_max: usize,
    /// The time, for when a manifest expires.
    pub now: Arc<dyn Fn() -> Moment + Send + Sync>,
}

impl Default for SiteOptions {
    fn default() -> Self {
        Self {
            cache_ttl: Duration::from_secs(300),
            stale_while_revalidate: Duration::ZERO,
            max_retries: 3,
            timeout: Duration::from_secs(10),
            key: None,
            channel: None,
            disk: None,
            snapshot: None,
            fallback_data: BTreeMap::new(),
            use_registry: true,
            fallback_enabled: true,
            cache_bytes_max: CACHE_BYTES,
            now: Arc::new(system_time),
        }
    }
}

/// The default for documents in memory, in bytes: a thousand times the example.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

impl SiteOptions {
    /// Options from the environment, where an application's prefix begins the names:
    /// `<PREFIX>_REGISTRY_CACHE_TTL`, `<PREFIX>_REGISTRY_MAX_RETRIES` and
    /// `<PREFIX>_REGISTRY_TIMEOUT` in seconds, `USE_REGISTRY` and `REGISTRY_FALLBACK_ENABLED`. The
    /// address is the application's: `<PREFIX>_REGISTRY_URL`. What can't be read stays the default.
    #[must_use]
    pub fn from_environment(prefix: &str, variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut options = Self::default();
        let number = |name: &str| -> Option<f64> {
            let text = variable(&format!("{prefix}_REGISTRY_{name}"))?;
            text.trim().parse().ok().filter(|number: &f64| (0.0..1e9).contains(number))
        };
        let is_true = |name: &str| {
            let text = variable(name).unwrap_or_default().trim().to_lowercase();
            !matches!(text.as_str(), "false" | "0" | "no" | "off")
        };
        if let Some(seconds) = number("CACHE_TTL") {
            options.cache_ttl = Duration::from_secs_f64(seconds);
        }
        if let Some(seconds) = number("TIMEOUT") {
            options.timeout = Duration::from_secs_f64(seconds);
        }
        let tries = variable(&format!("{prefix}_REGISTRY_MAX_RETRIES"));
        if let Some(tries) = tries.and_then(|text| text.trim().parse().ok()) {
            options.max_retries = tries;
        }
        options.use_registry = is_true("USE_REGISTRY");
        options.fallback_enabled = is_true("REGISTRY_FALLBACK_ENABLED");
        options
    }
}

impl fmt::Debug for SiteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SiteOptions");
        shown.field("cache_ttl", &self.cache_ttl).field("max_retries", &self.max_retries);
        shown.field("timeout", &self.timeout).field("key", &self.key).finish_non_exhaustive()
    }
}

fn system_time() -> Moment {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::SystemTime::UNIX_EPOCH);
    Moment::after_epoch(since.unwrap_or_default())
}
