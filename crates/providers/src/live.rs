use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
};

use muster_words::Moment;
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use tokio::{sync::Notify, task::AbortHandle};

use crate::{
    Fault, Provider, ProviderCapabilities, ProviderConfig, ProviderName,
    breaker::{BreakerCell, BreakerReport, BreakerSettings},
    probe::{ProbeRecord, ProbeResult, ProviderHealth},
};

/// Where a provider stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderStatus {
    /// It gets ready.
    Initializing,
    /// It takes calls.
    Ready,
    /// It couldn't get ready, or its key is refused.
    Error,
    /// It was stopped.
    Disposed,
}

impl ProviderStatus {
    const fn of(number: u8) -> Self {
        match number {
            0 => Self::Initializing,
            1 => Self::Ready,
            2 => Self::Error,
            _ => Self::Disposed,
        }
    }
}

impl fmt::Display for ProviderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initializing => "initializing",
            Self::Ready => "ready",
            Self::Error => "error",
            Self::Disposed => "disposed",
        })
    }
}

/// Who declared a provider. The first that declares a name wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderSource {
    /// A program, by `register`.
    Program,
    /// A document of the registry.
    Document,
    /// A configuration file.
    File,
    /// The environment.
    Environment,
}

impl ProviderSource {
    /// Every source, the one that wins first.
    pub const ALL: [Self; 4] = [Self::Program, Self::Document, Self::File, Self::Environment];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Document => "document",
            Self::File => "file",
            Self::Environment => "environment",
        }
    }

    /// The name in a provider's metadata: `api` or `config`.
    #[must_use]
    pub const fn metadata(self) -> &'static str {
        match self {
            Self::Program | Self::Document => "api",
            Self::File | Self::Environment => "config",
        }
    }
}

/// A provider that is registered.
pub struct LiveProvider {
    pub(crate) name: ProviderName,
    pub(crate) source: ProviderSource,
    pub(crate) registered_at: Moment,
    /// None if the application made it.
    pub(crate) config: Option<Arc<ProviderConfig>>,
    pub(crate) instance: RwLock<Arc<dyn Provider>>,
    pub(crate) status: AtomicU8,
    pub(crate) breaker: BreakerCell,
    /// Breakers of single models; only those that have something to say.
    pub(crate) models: RwLock<HashMap<Box<str>, Arc<BreakerCell>>>,
    pub(crate) has_models: AtomicBool,
    pub(crate) state: Mutex<LiveState>,
    pub(crate) in_flight: AtomicUsize,
    pub(crate) idle: Notify,
    pub(crate) monitor: Mutex<Option<AbortHandle>>,
    pub(crate) probing: tokio::sync::Mutex<()>,
    /// The usual time until an answer begins, in milliseconds; 0 while unknown.
    pub(crate) latency_ms: AtomicU64,
    pub(crate) calls: AtomicU64,
    pub(crate) failures: AtomicU64,
}

/// What changes seldom, under one lock.
#[derive(Default)]
pub(crate) struct LiveState {
    pub(crate) error: Option<Fault>,
    pub(crate) capabilities: ProviderCapabilities,
    pub(crate) probes: ProbeRecord,
    pub(crate) last_health_check: Option<Moment>,
    /// Counts starts and stops, so that what began before doesn't decide what is now.
    pub(crate) life: u64,
    /// Whether others were told that it is registered, and must be told when it is gone.
    pub(crate) is_told: bool,
}

impl LiveProvider {
    pub(crate) fn new(
        name: ProviderName,
        source: ProviderSource,
        registered_at: Moment,
        config: Option<Arc<ProviderConfig>>,
        instance: Arc<dyn Provider>,
    ) -> Self {
        let settings = config.as_ref().map_or_else(BreakerSettings::default, |c| c.breaker);
        Self {
            name,
            source,
            registered_at,
            config,
            instance: RwLock::new(instance),
            status: AtomicU8::new(ProviderStatus::Initializing as u8),
            breaker: BreakerCell::new(settings),
            models: RwLock::default(),
            has_models: AtomicBool::new(false),
            state: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            idle: Notify::new(),
            monitor: Mutex::new(None),
            probing: tokio::sync::Mutex::new(()),
            latency_ms: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &ProviderName {
        &self.name
    }

    /// Who declared it.
    #[must_use]
    pub const fn source(&self) -> ProviderSource {
        self.source
    }

    /// Its configuration; none if the application made it.
    #[must_use]
    pub fn config(&self) -> Option<&ProviderConfig> {
        self.config.as_deref()
    }

    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> ProviderStatus {
        ProviderStatus::of(self.status.load(Ordering::Acquire))
    }

    /// What it can do.
    #[must_use]
    pub fn capabilities(&self) -> ProviderCapabilities {
        self.state.lock().capabilities.clone()
    }

    /// How many calls it is answering now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    pub(crate) fn set_status(&self, status: ProviderStatus) {
        self.status.store(status as u8, Ordering::Release);
    }

    pub(crate) fn provider(&self) -> Arc<dyn Provider> {
        self.instance.read().clone()
    }

    pub(crate) fn stop_monitor(&self) {
        if let Some(running) = self.monitor.lock().take() {
            running.abort();
        }
    }

    /// Waits until no call is in flight.
    pub(crate) async fn drained(&self) {
        loop {
            let idle = self.idle.notified();
            if self.in_flight() == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Notes how long an answer took to begin: the average over about the last ten.
    pub(crate) fn note_latency(&self, took_ms: u64) {
        let before = self.latency_ms.load(Ordering::Relaxed);
        let now = if before == 0 {
            took_ms.max(1)
        } else {
            before.saturating_mul(9).saturating_add(took_ms).div_ceil(10)
        };
        self.latency_ms.store(now, Ordering::Relaxed);
    }

    /// Everything that people may know about it.
    #[must_use]
    pub fn report(&self, now_ms: u64) -> ProviderReport {
        let health = self.health(now_ms);
        let state = self.state.lock();
        let config = self.config.as_deref();
        ProviderReport {
            name: self.name.to_string(),
            kind: config.map_or("instance", |config| config.known.id.as_str()).to_owned(),
            base_url: config.map(|config| config.base_url.clone()),
            status: self.status(),
            error: state.error.clone(),
            source: self.source,
            version: config.and_then(|config| config.version.clone()),
            priority: config.map_or(100, |config| config.priority),
            registered_at: self.registered_at,
            capabilities: state.capabilities.clone(),
            in_flight: self.in_flight(),
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            health,
        }
    }

    /// How it is.
    #[must_use]
    pub fn health(&self, now_ms: u64) -> HealthReport {
        let models = self.models.read();
        let mut models: Vec<(String, BreakerReport)> = models
            .iter()
            .map(|(model, breaker)| (model.to_string(), breaker.report(now_ms)))
            .collect();
        models.sort_by(|(left, _), (right, _)| left.cmp(right));
        let breaker = self.breaker.report(now_ms);
        let latency = self.latency_ms.load(Ordering::Relaxed);
        let state = self.state.lock();
        HealthReport {
            provider: self.name.to_string(),
            status: self.status(),
            health: state.probes.state,
            last_health_check: state.last_health_check,
            failed_probes: state.probes.failures_in_row,
            probes: state.probes.total,
            good_probes: state.probes.good,
            last_good: state.probes.last_good,
            last_fault: state.probes.last_fault.clone(),
            latency_ms: (latency > 0).then_some(latency),
            breaker,
            models,
        }
    }
}

impl fmt::Debug for LiveProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveProvider")
            .field("name", &self.name)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// Everything that people may know about a provider.
#[derive(Clone, Debug)]
pub struct ProviderReport {
    /// The name.
    pub name: String,
    /// The type.
    pub kind: String,
    /// Where it is.
    pub base_url: Option<String>,
    /// Where it stands.
    pub status: ProviderStatus,
    /// Why it couldn't get ready.
    pub error: Option<Fault>,
    /// Who declared it.
    pub source: ProviderSource,
    /// The version of its configuration.
    pub version: Option<String>,
    /// A smaller number is preferred.
    pub priority: i64,
    /// When it was registered.
    pub registered_at: Moment,
    /// What it can do.
    pub capabilities: ProviderCapabilities,
    /// Calls that are being answered.
    pub in_flight: usize,
    /// Calls so far.
    pub calls: u64,
    /// Calls that failed.
    pub failures: u64,
    /// How it is.
    pub health: HealthReport,
}

/// How a provider is.
#[derive(Clone, Debug)]
pub struct HealthReport {
    /// The name.
    pub provider: String,
    /// Where it stands.
    pub status: ProviderStatus,
    /// What probes say.
    pub health: ProviderHealth,
    /// When the last probe was.
    pub last_health_check: Option<Moment>,
    /// Probes that failed since the last good one.
    pub failed_probes: u32,
    /// Probes so far.
    pub probes: u64,
    /// Good ones.
    pub good_probes: u64,
    /// What the last good probe found.
    pub last_good: Option<ProbeResult>,
    /// What went wrong the last time.
    pub last_fault: Option<Fault>,
    /// The usual time until an answer begins.
    pub latency_ms: Option<u64>,
    /// Its breaker.
    pub breaker: BreakerReport,
    /// The breakers of its models, where they have something to say.
    pub models: Vec<(String, BreakerReport)>,
}
