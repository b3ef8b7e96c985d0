//! Finds providers in a configuration file and in the environment, and keeps what is live equal to
//! what they say.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use muster_words::Digest;
use parking_lot::Mutex;
use tokio::task::AbortHandle;

use crate::{
    Declaration, DeclarationOutcome, ProviderName, ProviderRegistry, ProviderSource, ReportLine,
};

mod environment;
mod file;
mod foreign;

pub use environment::providers_in_environment;
pub use file::providers_in_file;

/// The largest configuration file, in bytes. Thousands of providers fit.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The most lines of a report that are kept for whoever asks later.
const WARNINGS_MAX: usize = 1_000;

/// Where to look.
#[derive(Clone, Default)]
pub struct DiscoveryOptions {
    /// The configuration file: TOML, YAML or JSON, by its name's end.
    pub config_path: Option<PathBuf>,
    /// A copy of the environment, for `${NAME}` in base URLs and for finding providers.
    pub environment: BTreeMap<String, String>,
    /// Whether providers are found in the environment.
    pub finds_in_environment: bool,
    /// Types whose variables others use too, and that should be found in spite of it.
    pub opt_in: Vec<String>,
}

impl fmt::Debug for DiscoveryOptions {
    /// Without the environment, which holds keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscoveryOptions")
            .field("config_path", &self.config_path)
            .field("finds_in_environment", &self.finds_in_environment)
            .field("opt_in", &self.opt_in)
            .finish_non_exhaustive()
    }
}

/// What a place declares.
#[derive(Clone, Debug, Default)]
pub struct FoundProviders {
    /// Those with a name.
    pub declared: BTreeMap<ProviderName, Declaration>,
    /// What has no usable name.
    pub refused: Vec<ReportLine>,
    /// What else was noticed.
    pub warnings: Vec<String>,
}

/// What a discovery did.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// A line for each provider and source.
    pub lines: Vec<ReportLine>,
    /// What else was noticed.
    pub warnings: Vec<String>,
}

/// Discovery for one registry. Clones share everything.
#[derive(Clone)]
pub struct Discovery {
    inner: Arc<DiscoveryInner>,
}

struct DiscoveryInner {
    registry: ProviderRegistry,
    options: DiscoveryOptions,
    refreshing: Mutex<Option<AbortHandle>>,
}

impl Drop for DiscoveryInner {
    fn drop(&mut self) {
        if let Some(task) = self.refreshing.lock().take() {
            task.abort();
        }
    }
}

impl Discovery {
    /// Discovery in these places.
    #[must_use]
    pub fn new(registry: ProviderRegistry, options: DiscoveryOptions) -> Self {
        Self { inner: Arc::new(DiscoveryInner { registry, options, refreshing: Mutex::default() }) }
    }

    /// Reads the configuration file, and makes live what it declares. A file that can't be read
    /// changes nothing: what was live stays.
    pub async fn discover_from_config(&self, path: Option<&Path>, force: bool) -> Discovered {
        let options = &self.inner.options;
        let Some(path) = path.or(options.config_path.as_deref()) else {
            return Discovered::default();
        };
        match read(path).await {
            Ok(bytes) => self.apply_file(path, &bytes, force).await,
            Err(what) => Discovered { warnings: vec![what], ..Discovered::default() },
        }
    }

    /// Finds providers in the environment, and makes them live.
    pub async fn discover_from_environment(&self, force: bool) -> Discovered {
        let options = &self.inner.options;
        if !options.finds_in_environment {
            return Discovered::default();
        }
        let found = providers_in_environment(&options.environment, &options.opt_in);
        self.apply(ProviderSource::Environment, found, force).await
    }

    /// Looks everywhere.
    pub async fn discover_all(&self, force: bool) -> Discovered {
        let mut all = self.discover_from_config(None, force).await;
        let more = self.discover_from_environment(force).await;
        all.lines.extend(more.lines);
        all.warnings.extend(more.warnings);
        all.warnings.truncate(WARNINGS_MAX);
        all
    }

    /// Says what a discovery would find, and makes nothing live.
    pub async fn validate_discovered_providers(&self) -> Discovered {
        let options = &self.inner.options;
        let mut all = Discovered::default();
        let mut add = |source, found: FoundProviders| {
            let line = |(name, declaration): (&ProviderName, &Declaration)| {
                let (outcome, reason) = match &declaration.config {
                    Ok(config) if !config.enabled => (DeclarationOutcome::Disabled, None),
                    Ok(_) => (DeclarationOutcome::Registered, None),
                    Err(why) => (DeclarationOutcome::Refused, Some(why.clone())),
                };
                let (name, origin) = (name.to_string(), declaration.origin.clone());
                ReportLine { name, source, origin, outcome, reason }
            };
            all.lines.extend(found.declared.iter().map(line));
            all.lines.extend(found.refused);
            all.warnings.extend(found.warnings);
        };
        if options.finds_in_environment {
            let found = providers_in_environment(&options.environment, &options.opt_in);
            add(ProviderSource::Environment, found);
        }
        let mut unread = None;
        if let Some(path) = &options.config_path {
            let read = read(path).await;
            match read.and_then(|bytes| providers_in_file(path, &bytes, &options.environment)) {
                Ok(found) => add(ProviderSource::File, found),
                Err(what) => unread = Some(what),
            }
        }
        all.warnings.extend(unread);
        all
    }

    /// Looks at the file again every so often, and applies it when its content has changed and
    /// stays as it is: an editor or a copy may be writing it. Replaces an earlier refresh.
    pub fn start_auto_refresh(&self, interval: Duration) {
        let Some(path) = self.inner.options.config_path.clone() else { return };
        let weak = Arc::downgrade(&self.inner);
        let task = self.inner.registry.spawn(async move {
            let mut watched = WatchedFile::default();
            loop {
                tokio::time::sleep(interval).await;
                let Some(inner) = weak.upgrade() else { return };
                let read = read(&path).await;
                let Some(bytes) = watched.changed(read) else { continue };
                let done = Self { inner }.apply_file(&path, &bytes, false).await;
                done.log();
            }
        });
        if let Some(before) = self.inner.refreshing.lock().replace(task) {
            before.abort();
        }
    }

    /// Looks at the file no more.
    pub fn stop_auto_refresh(&self) {
        if let Some(task) = self.inner.refreshing.lock().take() {
            task.abort();
        }
    }

    async fn apply_file(&self, path: &Path, bytes: &[u8], force: bool) -> Discovered {
        match providers_in_file(path, bytes, &self.inner.options.environment) {
            Ok(found) => self.apply(ProviderSource::File, found, force).await,
            Err(what) => Discovered {
                warnings: vec![format!("{what}; what was live stays")],
                ..Discovered::default()
            },
        }
    }

    async fn apply(
        &self,
        source: ProviderSource,
        found: FoundProviders,
        force: bool,
    ) -> Discovered {
        let FoundProviders { declared, refused, mut warnings } = found;
        match self.inner.registry.declare_all(source, declared, force).await {
            Ok(mut lines) => {
                refused.iter().for_each(|line| self.inner.registry.note_line(line));
                lines.extend(refused);
                Discovered { lines, warnings }
            }
            Err(gone) => {
                let names: Vec<&str> = gone.iter().take(10).map(ProviderName::as_str).collect();
                warnings.push(format!(
                    "the {} no longer declares {} providers ({}), more than half; nothing was changed. If that is meant: muster providers discover --force",
                    source.name(),
                    gone.len(),
                    names.join(", "),
                ));
                Discovered { lines: refused, warnings }
            }
        }
    }
}

impl Discovered {
    /// Writes what isn't as it was to the log.
    pub fn log(&self) {
        for line in &self.lines {
            let (provider, outcome) = (&line.name, line.outcome.name());
            let reason = line.reason.as_deref().unwrap_or_default();
            match line.outcome {
                DeclarationOutcome::Unchanged => {}
                DeclarationOutcome::Refused => {
                    tracing::warn!(provider, outcome, reason, "a declared provider");
                }
                _ => tracing::info!(provider, outcome, reason, "a declared provider"),
            }
        }
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
    }
}

/// A file that is looked at again and again.
#[derive(Default)]
struct WatchedFile {
    applied: Option<Digest>,
    seen: Option<Digest>,
    is_missing: bool,
}

impl WatchedFile {
    /// The content, if it differs from what was applied and was the same the last time.
    fn changed(&mut self, read: Result<Vec<u8>, String>) -> Option<Vec<u8>> {
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(what) => {
                if !std::mem::replace(&mut self.is_missing, true) {
                    tracing::warn!("{what}; what was live stays");
                }
                self.seen = None;
                return None;
            }
        };
        self.is_missing = false;
        let now = Digest::of(&bytes);
        let is_settled = self.seen.replace(now) == Some(now);
        if !is_settled || self.applied == Some(now) {
            return None;
        }
        self.applied = Some(now);
        Some(bytes)
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |why: String| format!("{} can't be read: {why}", path.display());
    let size = tokio::fs::metadata(path).await.map_err(|error| failed(error.to_string()))?;
    if !size.is_file() || size.len() > FILE_BYTES_MAX {
        return Err(failed(format!("it isn't a file of at most {FILE_BYTES_MAX} bytes")));
    }
    tokio::fs::read(path).await.map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests;
