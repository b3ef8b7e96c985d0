use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use muster_words::json::Value;
use parking_lot::RwLock;
use tokio::time::timeout;

use crate::{
    AddressPolicy, ConfigError, EveryAddress, Fault, HealthReport, LifecycleSettings, ListenerId,
    LiveProvider, ModelKnowledge, Provider, ProviderClock, ProviderConfig, ProviderError,
    ProviderErrorCode, ProviderEvent, ProviderEventKind, ProviderFaultKind, ProviderName,
    ProviderSource, ProviderStatus, Redactor, SecretSource, SystemClock,
    answer_budget::AnswerBudget,
    breaker::BreakerChange,
    declared::Declarations,
    event::EventHub,
    http_provider::{HttpProvider, Surroundings},
    link::{LinkSurroundings, ProviderTls},
};

mod calls;
mod lifecycle;
mod monitor;
mod shutdown;

pub use calls::{AdmittedCall, GuardedStream};
pub use shutdown::ShutdownReport;

/// The parts of the table of names. Each has a lock of its own, so that registrations don't wait
/// for each other.
const SHARDS: usize = 64;

/// The most providers. Each has a task for its probes, and everybody who lists them gets all.
pub const PROVIDERS_MAX: usize = 20_000;

/// What a registry of providers depends on.
#[derive(Clone)]
pub struct RegistryOptions {
    /// The time.
    pub clock: Arc<dyn ProviderClock>,
    /// Where secrets come from.
    pub secrets: Arc<dyn SecretSource>,
    /// Which addresses may be called.
    pub addresses: Arc<dyn AddressPolicy>,
    /// Whether every provider is probed from the moment that it is ready.
    pub monitors: bool,
    /// What is known about models from elsewhere.
    pub models: Option<Arc<dyn ModelKnowledge>>,
    /// How connections within TLS are made; none: to whom this system trusts. HTTP/1.1 is spoken.
    pub tls: Option<ProviderTls>,
}

impl RegistryOptions {
    /// Options with this computer's clock and every address, without probes.
    #[must_use]
    pub fn new(secrets: Arc<dyn SecretSource>) -> Self {
        Self {
            clock: Arc::new(SystemClock::default()),
            secrets,
            addresses: Arc::new(EveryAddress),
            monitors: false,
            models: None,
            tls: None,
        }
    }
}

type Shard = RwLock<HashMap<ProviderName, Arc<LiveProvider>>>;

/// Live providers by name. Clones share everything.
#[derive(Clone)]
pub struct ProviderRegistry {
    pub(crate) inner: Arc<RegistryInner>,
}

pub(crate) struct RegistryInner {
    shards: Vec<Shard>,
    hasher: RandomState,
    pub(crate) count: AtomicUsize,
    events: EventHub,
    pub(crate) around: Surroundings,
    pub(crate) monitors: bool,
    pub(crate) models: Option<Arc<dyn ModelKnowledge>>,
    pub(crate) is_stopping: AtomicBool,
    pub(crate) tasks: Arc<AtomicUsize>,
    /// Breakers of single models, over all providers.
    pub(crate) model_breakers: AtomicUsize,
    pub(crate) declared: Declarations,
}

impl ProviderRegistry {
    /// A registry without providers.
    #[must_use]
    pub fn new(options: RegistryOptions) -> Self {
        let around = Surroundings {
            clock: options.clock,
            secrets: options.secrets,
            redactor: Arc::new(Redactor::default()),
            links: LinkSurroundings {
                addresses: options.addresses,
                tls: options.tls,
                open: Arc::default(),
                budget: AnswerBudget::default(),
            },
        };
        Self {
            inner: Arc::new(RegistryInner {
                shards: (0..SHARDS).map(|_| Shard::default()).collect(),
                hasher: RandomState::new(),
                count: AtomicUsize::new(0),
                events: EventHub::default(),
                around,
                monitors: options.monitors,
                models: options.models,
                is_stopping: AtomicBool::new(false),
                tasks: Arc::default(),
                model_breakers: AtomicUsize::new(0),
                declared: Declarations::default(),
            }),
        }
    }

    /// Registers a provider, and returns it when it is ready.
    ///
    /// # Errors
    /// `INVALID_NAME`, `ALREADY_EXISTS`, `REGISTRATION_FAILED`, `INITIALIZATION_TIMEOUT` or
    /// `DISPOSED`. A provider that couldn't get ready is disposed, and its name is free again.
    pub async fn register(
        &self,
        name: &str,
        config: &Value,
    ) -> Result<Arc<LiveProvider>, ProviderError> {
        let named = self.name(name)?;
        let config = ProviderConfig::parse(config).map_err(|error| wrong_config(name, &error))?;
        let live = self.make(named, Arc::new(config), ProviderSource::Program)?;
        let live = self.insert(live)?;
        self.ready_or_gone(live).await
    }

    /// Registers a provider that the application made.
    ///
    /// # Errors
    /// As [`Self::register`].
    pub async fn register_with_instance(
        &self,
        name: &str,
        instance: Arc<dyn Provider>,
    ) -> Result<Arc<LiveProvider>, ProviderError> {
        let named = self.name(name)?;
        let now = self.inner.around.clock.moment();
        let live = LiveProvider::new(named, ProviderSource::Program, now, None, instance);
        let live = self.insert(Arc::new(live))?;
        self.ready_or_gone(live).await
    }

    /// Registers a provider and returns at once; it gets ready in the background, and keeps its
    /// name if it doesn't.
    ///
    /// # Errors
    /// As [`Self::register`], without those of getting ready.
    pub fn register_in_background(
        &self,
        name: &ProviderName,
        config: Arc<ProviderConfig>,
        source: ProviderSource,
    ) -> Result<Arc<LiveProvider>, ProviderError> {
        self.begin(self.make(name.clone(), config, source)?)
    }

    /// Reserves the name of a provider, which gets ready in the background.
    pub(crate) fn begin(
        &self,
        live: Arc<LiveProvider>,
    ) -> Result<Arc<LiveProvider>, ProviderError> {
        let live = self.insert(live)?;
        let (registry, made) = (self.clone(), live.clone());
        self.spawn(async move {
            // What goes wrong is in the provider's state and among the events.
            if registry.initialize(&made).await.is_err() && registry.inner.monitors {
                registry.monitor(&made, None);
            }
        });
        Ok(live)
    }

    /// Disposes a provider, and frees its name.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn unregister(&self, name: &str) -> Result<(), ProviderError> {
        let live = self.remove(name).ok_or_else(|| not_found(name))?;
        self.dispose(&live).await;
        Ok(())
    }

    /// The provider of this name.
    #[must_use]
    pub fn get_provider(&self, name: &str) -> Option<Arc<LiveProvider>> {
        self.shard(name).read().get(name).cloned()
    }

    /// Every provider, by name.
    #[must_use]
    pub fn get_providers(&self) -> Vec<Arc<LiveProvider>> {
        let mut all: Vec<Arc<LiveProvider>> = Vec::with_capacity(self.count());
        for shard in &self.inner.shards {
            all.extend(shard.read().values().cloned());
        }
        all.sort_by(|left, right| left.name.cmp(&right.name));
        all
    }

    /// Every name, sorted.
    #[must_use]
    pub fn get_provider_names(&self) -> Vec<ProviderName> {
        self.get_providers().iter().map(|live| live.name.clone()).collect()
    }

    /// Whether there is a provider of this name.
    #[must_use]
    pub fn has_provider(&self, name: &str) -> bool {
        self.shard(name).read().contains_key(name)
    }

    /// How many providers there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inner.count.load(Ordering::Relaxed)
    }

    /// How a provider is.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn get_provider_health(&self, name: &str) -> Result<HealthReport, ProviderError> {
        let live = self.get_provider(name).ok_or_else(|| not_found(name))?;
        Ok(live.health(self.now_ms()))
    }

    /// How every provider is, by name.
    #[must_use]
    pub fn get_all_provider_health(&self) -> Vec<HealthReport> {
        let now = self.now_ms();
        self.get_providers().iter().map(|live| live.health(now)).collect()
    }

    /// Tells a listener of every event, or of one kind.
    pub fn on(
        &self,
        kind: Option<ProviderEventKind>,
        listener: impl Fn(&ProviderEvent) + Send + Sync + 'static,
    ) -> ListenerId {
        self.inner.events.on(kind, Arc::new(listener))
    }

    /// Tells a listener nothing more. Returns whether it was there.
    pub fn off(&self, listener: ListenerId) -> bool {
        self.inner.events.off(listener)
    }

    /// A text without secrets, for whoever writes one.
    #[must_use]
    pub fn redacted(&self, text: &str) -> String {
        self.inner.around.redactor.clean(text)
    }

    /// A fault without secrets.
    pub(crate) fn cleaned(&self, fault: Fault) -> Fault {
        let message = self.redacted(&fault.message);
        Fault { message, said: fault.said.map(|said| self.redacted(&said)), ..fault }
    }

    /// The time that breakers go by, in milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.inner.around.clock.milliseconds()
    }

    /// Open connections, running tasks and known secrets: all are 0 when nothing is registered.
    #[must_use]
    pub fn held(&self) -> (usize, usize, usize) {
        let around = &self.inner.around;
        let tasks = self.inner.tasks.load(Ordering::Acquire);
        (around.links.open.load(Ordering::Acquire), tasks, around.redactor.known())
    }

    fn name(&self, name: &str) -> Result<ProviderName, ProviderError> {
        name.parse().map_err(|error: crate::ProviderNameError| {
            let shown: String = name.chars().take(100).collect();
            ProviderError::new(ProviderErrorCode::InvalidName, &shown, error.to_string())
        })
    }

    /// A provider that isn't in the table yet.
    pub(crate) fn make(
        &self,
        name: ProviderName,
        config: Arc<ProviderConfig>,
        source: ProviderSource,
    ) -> Result<Arc<LiveProvider>, ProviderError> {
        let instance = HttpProvider::new(config.clone(), self.inner.around.clone());
        let instance = instance.map_err(|fault| {
            let message = self.redacted(&fault.message);
            ProviderError::new(ProviderErrorCode::RegistrationFailed, name.as_str(), message)
        })?;
        let now = self.inner.around.clock.moment();
        let live = LiveProvider::new(name, source, now, Some(config), Arc::new(instance));
        Ok(Arc::new(live))
    }

    /// Reserves the name: of two registrations of one name, exactly one gets it.
    fn insert(&self, live: Arc<LiveProvider>) -> Result<Arc<LiveProvider>, ProviderError> {
        let name = live.name.as_str();
        if self.inner.is_stopping.load(Ordering::Acquire) {
            let what = "the registry stops, and takes no more providers";
            return Err(ProviderError::new(ProviderErrorCode::Disposed, name, what));
        }
        if self.count() >= PROVIDERS_MAX {
            let what = format!("there are {PROVIDERS_MAX} providers already; unregister some");
            return Err(ProviderError::new(ProviderErrorCode::RegistrationFailed, name, what));
        }
        let mut shard = self.shard(name).write();
        if shard.contains_key(name) {
            let what = "the name is taken; unregister that provider first, or choose another name";
            return Err(ProviderError::new(ProviderErrorCode::AlreadyExists, name, what));
        }
        shard.insert(live.name.clone(), live.clone());
        self.inner.count.fetch_add(1, Ordering::Relaxed);
        Ok(live)
    }

    /// Takes a provider out of the table.
    pub(crate) fn remove(&self, name: &str) -> Option<Arc<LiveProvider>> {
        let removed = self.shard(name).write().remove(name)?;
        self.inner.count.fetch_sub(1, Ordering::Relaxed);
        Some(removed)
    }

    async fn ready_or_gone(
        &self,
        live: Arc<LiveProvider>,
    ) -> Result<Arc<LiveProvider>, ProviderError> {
        // If the caller leaves meanwhile, the name must not stay reserved.
        let guard = Reservation { registry: self, name: Some(live.name.clone()) };
        match self.initialize(&live).await {
            Ok(()) => {
                guard.keep();
                Ok(live)
            }
            Err(error) => {
                drop(guard);
                self.dispose(&live).await;
                Err(error)
            }
        }
    }

    fn shard(&self, name: &str) -> &Shard {
        let hash = self.inner.hasher.hash_one(name);
        &self.inner.shards[usize::try_from(hash).unwrap_or(0) % SHARDS]
    }

    pub(crate) fn tell(
        &self,
        kind: ProviderEventKind,
        provider: &ProviderName,
        facts: &[(&'static str, &str)],
    ) {
        let facts = facts.iter().map(|(name, fact)| (*name, self.redacted(fact))).collect();
        let at = self.inner.around.clock.moment();
        let event = ProviderEvent { kind, provider: provider.to_string(), at, facts };
        tracing::debug!(event = %event.kind, provider = %provider, "a provider's event");
        self.inner.events.tell(&event);
    }

    /// Tells what a breaker did.
    pub(crate) fn tell_breaker(
        &self,
        live: &LiveProvider,
        model: Option<&str>,
        change: Option<BreakerChange>,
    ) {
        let Some(change) = change else { return };
        let reason;
        let (kind, mut facts) = match change {
            BreakerChange::Opened(why) => {
                reason = format!("{why:?}").to_lowercase();
                (ProviderEventKind::BreakerOpened, vec![("reason", reason.as_str())])
            }
            BreakerChange::Closed => (ProviderEventKind::BreakerClosed, Vec::new()),
        };
        facts.extend(model.map(|model| ("model", model)));
        self.tell(kind, &live.name, &facts);
    }

    /// Runs a task that is counted.
    pub(crate) fn spawn(
        &self,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::AbortHandle {
        let counted = crate::link::Counted::one(&self.inner.tasks);
        let task = tokio::spawn(async move {
            let _counted = counted;
            work.await;
        });
        task.abort_handle()
    }
}

/// A name that is freed again unless the provider gets ready.
struct Reservation<'a> {
    registry: &'a ProviderRegistry,
    name: Option<ProviderName>,
}

impl Reservation<'_> {
    fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            self.registry.remove(name.as_str());
        }
    }
}

pub(crate) fn not_found(name: &str) -> ProviderError {
    let shown: String = name.chars().take(100).collect();
    let what = "there is no provider of this name; muster providers list shows all";
    ProviderError::new(ProviderErrorCode::NotFound, &shown, what)
}

fn wrong_config(name: &str, error: &ConfigError) -> ProviderError {
    ProviderError::new(ProviderErrorCode::RegistrationFailed, name, error.to_string())
}

#[cfg(test)]
mod tests;
