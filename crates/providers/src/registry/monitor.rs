use std::{
    hash::{BuildHasher, RandomState},
    sync::Weak,
    time::Duration,
};

use super::{
    Arc, Fault, HealthReport, LiveProvider, ProviderError, ProviderEventKind, ProviderFaultKind,
    ProviderRegistry, ProviderStatus, RegistryInner, not_found, timeout,
};
use crate::{
    HealthSettings,
    probe::{ProbeResult, ProbeVerdict, next_probe_after_ms},
};

/// How long after its start a provider is probed for the first time, at most.
const FIRST_PROBE_MS_MAX: u64 = 1_000;

/// The most models that are remembered of a provider that declares none.
const MODELS_MAX: usize = 10_000;

impl ProviderRegistry {
    /// Probes a provider from now on, every so often.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn start_health_monitoring(
        &self,
        name: &str,
        interval: Option<Duration>,
    ) -> Result<(), ProviderError> {
        let live = self.get_provider(name).ok_or_else(|| not_found(name))?;
        self.monitor(&live, interval);
        Ok(())
    }

    /// Probes a provider no more.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn stop_health_monitoring(&self, name: &str) -> Result<(), ProviderError> {
        let live = self.get_provider(name).ok_or_else(|| not_found(name))?;
        live.stop_monitor();
        Ok(())
    }

    /// Probes every provider from now on.
    pub fn start_all_health_monitoring(&self, interval: Option<Duration>) {
        for live in self.get_providers() {
            self.monitor(&live, interval);
        }
    }

    /// Probes no provider any more.
    pub fn stop_all_health_monitoring(&self) {
        for live in self.get_providers() {
            live.stop_monitor();
        }
    }

    /// Probes a provider now, unless somebody does already; then that probe is waited for.
    ///
    /// # Errors
    /// `NOT_FOUND` or `DISPOSED`.
    pub async fn probe_provider(&self, name: &str) -> Result<HealthReport, ProviderError> {
        let live = self.get_provider(name).ok_or_else(|| not_found(name))?;
        self.probe(&live).await;
        Ok(live.health(self.now_ms()))
    }

    /// Replaces the task that probes a provider.
    pub(crate) fn monitor(&self, live: &Arc<LiveProvider>, interval: Option<Duration>) {
        let interval = interval.unwrap_or_else(|| health_of(live).check_interval);
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1);
        // The task must not keep alive what nobody else has.
        let (inner, probed) = (Arc::downgrade(&self.inner), Arc::downgrade(live));
        let chance = RandomState::new();
        let task = self.spawn(async move {
            let mut count = 0_u64;
            let mut wait = chance.hash_one(count) % FIRST_PROBE_MS_MAX.min(interval);
            loop {
                tokio::time::sleep(Duration::from_millis(wait)).await;
                let Some((registry, live)) = both(&inner, &probed) else { return };
                registry.probe(&live).await;
                count += 1;
                wait = next_probe_after_ms(interval, chance.hash_one(count));
            }
        });
        if let Some(before) = live.monitor.lock().replace(task) {
            before.abort();
        }
    }

    /// Probes a provider, and draws the conclusions.
    async fn probe(&self, live: &Arc<LiveProvider>) {
        let Ok(_alone) = live.probing.try_lock() else {
            drop(live.probing.lock().await);
            return;
        };
        let life = live.state.lock().life;
        match live.status() {
            ProviderStatus::Disposed => return,
            ProviderStatus::Initializing => return,
            ProviderStatus::Error => {
                // What couldn't get ready may now.
                let time = super::lifecycle::lifecycle_of(live).init_timeout;
                match timeout(time, live.provider().initialize()).await {
                    Ok(Ok(capabilities)) => live.state.lock().capabilities = capabilities,
                    Ok(Err(fault)) => {
                        self.note_error(live, self.cleaned(fault));
                        return;
                    }
                    Err(_) => return,
                }
            }
            ProviderStatus::Ready => {}
        }
        let outcome = self.probe_with_retries(live).await;
        if live.state.lock().life == life {
            let is_good = outcome.is_ok();
            self.conclude(live, outcome);
            if is_good {
                self.learn_models(live).await;
            }
        }
    }

    async fn probe_with_retries(&self, live: &LiveProvider) -> Result<ProbeResult, Fault> {
        let settings = health_of(live);
        let mut tries = 0;
        loop {
            let found = timeout(settings.timeout, live.provider().health_check()).await;
            let found = found.unwrap_or_else(|_| {
                let what = format!("no answer within {} ms", settings.timeout.as_millis());
                Err(Fault::new(ProviderFaultKind::Timeout, what))
            });
            match found {
                Err(fault) if fault.kind.is_retryable() && tries < settings.retries => tries += 1,
                Err(fault) => return Err(self.cleaned(fault)),
                good => return good,
            }
        }
    }

    fn conclude(&self, live: &LiveProvider, outcome: Result<ProbeResult, Fault>) {
        let now = self.now_ms();
        let fault = outcome.as_ref().err().cloned();
        let (before, after, verdict) = {
            let mut state = live.state.lock();
            let before = state.probes.state;
            let verdict = state.probes.note(outcome);
            state.last_health_check = Some(self.inner.around.clock.moment());
            (before, state.probes.state, verdict)
        };
        match verdict {
            ProbeVerdict::Good => {
                if live.status() == ProviderStatus::Error {
                    live.state.lock().error = None;
                    live.set_status(ProviderStatus::Ready);
                }
                let change = live.breaker.probe_succeeded(now);
                self.tell_breaker(live, None, change);
            }
            ProbeVerdict::Down => {
                let change = live.breaker.probes_failed(now);
                self.tell_breaker(live, None, change);
            }
            ProbeVerdict::KeyRefused => {
                if let Some(fault) = fault {
                    self.note_error(live, fault);
                }
            }
            ProbeVerdict::Failed => {}
        }
        if before != after {
            let (before, after) = (before.to_string(), after.to_string());
            let facts = [("from", before.as_str()), ("to", after.as_str())];
            self.tell(ProviderEventKind::HealthChanged, &live.name, &facts);
        }
    }

    /// Asks a provider whose models aren't known what it has, when it has answered: also after it
    /// got ready anew, which forgets them, or when the last question failed.
    async fn learn_models(&self, live: &LiveProvider) {
        if !live.state.lock().capabilities.models.is_empty() {
            return;
        }
        let asked = timeout(health_of(live).timeout, live.provider().models()).await;
        if let Ok(Ok(mut models)) = asked {
            models.truncate(MODELS_MAX);
            live.state.lock().capabilities.models = models;
        }
    }
}

fn both(
    inner: &Weak<RegistryInner>,
    live: &Weak<LiveProvider>,
) -> Option<(ProviderRegistry, Arc<LiveProvider>)> {
    Some((ProviderRegistry { inner: inner.upgrade()? }, live.upgrade()?))
}

fn health_of(live: &LiveProvider) -> HealthSettings {
    live.config.as_ref().map_or_else(HealthSettings::default, |config| config.health)
}
