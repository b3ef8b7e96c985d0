use super::{
    Arc, Fault, HttpProvider, LifecycleSettings, LiveProvider, ProviderError, ProviderErrorCode,
    ProviderEventKind, ProviderFaultKind, ProviderRegistry, ProviderStatus, not_found, timeout,
};
use crate::{Provider, probe::ProbeRecord};

impl ProviderRegistry {
    /// Gets a provider ready again that couldn't, or that was stopped.
    ///
    /// # Errors
    /// `NOT_FOUND`, `REGISTRATION_FAILED` or `INITIALIZATION_TIMEOUT`.
    pub async fn initialize_provider(&self, name: &str) -> Result<(), ProviderError> {
        self.start_provider(name).await
    }

    /// Starts a provider that was stopped, or that couldn't get ready. One that is ready stays as
    /// it is.
    ///
    /// # Errors
    /// As [`Self::initialize_provider`].
    pub async fn start_provider(&self, name: &str) -> Result<(), ProviderError> {
        let live = self.get_provider(name).ok_or_else(|| not_found(name))?;
        match live.status() {
            ProviderStatus::Ready | ProviderStatus::Initializing => Ok(()),
            ProviderStatus::Error | ProviderStatus::Disposed => self.renew(&live).await,
        }
    }

    /// Stops a provider: its calls end, its probes end, and its connections close. Its name stays
    /// taken.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn stop_provider(&self, name: &str) -> Result<(), ProviderError> {
        let live = self.get_provider(name).ok_or_else(|| not_found(name))?;
        self.halt(&live).await;
        Ok(())
    }

    /// Stops a provider, and starts it.
    ///
    /// # Errors
    /// As [`Self::initialize_provider`].
    pub async fn restart_provider(&self, name: &str) -> Result<(), ProviderError> {
        let live = self.get_provider(name).ok_or_else(|| not_found(name))?;
        self.halt(&live).await;
        self.renew(&live).await
    }

    /// Disposes a provider, and frees its name.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn dispose_provider(&self, name: &str) -> Result<(), ProviderError> {
        self.unregister(name).await
    }

    /// Starts every provider, in parallel. Returns those that couldn't.
    pub async fn start_all(&self) -> Vec<ProviderError> {
        self.each(|registry, name| async move { registry.start_provider(&name).await }).await
    }

    /// As [`Self::start_all`].
    pub async fn initialize_all(&self) -> Vec<ProviderError> {
        self.start_all().await
    }

    /// Stops every provider, in parallel.
    pub async fn stop_all(&self) {
        self.each(|registry, name| async move { registry.stop_provider(&name).await }).await;
    }

    /// Disposes every provider, in parallel.
    pub async fn dispose_all(&self) {
        self.each(|registry, name| async move { registry.unregister(&name).await }).await;
    }

    /// Forgets what breakers and probes know of a provider.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn reset_provider(&self, name: &str) -> Result<(), ProviderError> {
        let live = self.get_provider(name).ok_or_else(|| not_found(name))?;
        let change = live.breaker.reset();
        self.tell_breaker(&live, None, change);
        self.drop_model_breakers(&live);
        live.state.lock().probes = ProbeRecord::default();
        Ok(())
    }

    async fn each<F>(&self, work: impl Fn(Self, String) -> F) -> Vec<ProviderError>
    where
        F: Future<Output = Result<(), ProviderError>> + Send + 'static,
    {
        let mut running = tokio::task::JoinSet::new();
        for name in self.get_provider_names() {
            running.spawn(work(self.clone(), name.to_string()));
        }
        let done = running.join_all().await;
        done.into_iter().filter_map(Result::err).collect()
    }

    /// Gets a provider ready. Its state and the events say how it went.
    pub(crate) async fn initialize(&self, live: &Arc<LiveProvider>) -> Result<(), ProviderError> {
        let name = live.name.as_str();
        let life = live.state.lock().life;
        let time = lifecycle_of(live).init_timeout;
        let found = timeout(time, live.provider().initialize()).await;
        let (code, fault) = match found {
            Ok(Ok(capabilities)) => {
                let mut state = live.state.lock();
                if state.life != life || live.status() == ProviderStatus::Disposed {
                    let what = "it was stopped while it got ready";
                    return Err(ProviderError::new(ProviderErrorCode::Disposed, name, what));
                }
                state.capabilities = capabilities;
                state.error = None;
                state.is_told = true;
                live.set_status(ProviderStatus::Ready);
                drop(state);
                self.tell(
                    ProviderEventKind::Registered,
                    &live.name,
                    &[("source", live.source.name())],
                );
                if self.inner.monitors {
                    self.monitor(live, None);
                }
                return Ok(());
            }
            Ok(Err(fault)) => (ProviderErrorCode::RegistrationFailed, self.cleaned(fault)),
            Err(_) => {
                let what = format!("it didn't get ready within {} ms", time.as_millis());
                let fault = Fault::new(ProviderFaultKind::Timeout, what);
                (ProviderErrorCode::InitializationTimeout, fault)
            }
        };
        self.note_error(live, fault.clone());
        Err(ProviderError::new(code, name, fault.message.clone()).with("fault", fault.kind.code()))
    }

    /// The provider can't be used until somebody mends it.
    pub(crate) fn note_error(&self, live: &LiveProvider, fault: Fault) {
        if live.status() == ProviderStatus::Disposed {
            return;
        }
        let is_news = {
            let mut state = live.state.lock();
            let is_news = state.error.as_ref() != Some(&fault);
            state.error = Some(fault.clone());
            is_news || live.status() != ProviderStatus::Error
        };
        live.set_status(ProviderStatus::Error);
        if is_news {
            let facts = [("code", fault.kind.code()), ("message", fault.message.as_str())];
            self.tell(ProviderEventKind::Error, &live.name, &facts);
        }
    }

    /// Makes a new instance, where there is a configuration to make it of, and gets it ready.
    async fn renew(&self, live: &Arc<LiveProvider>) -> Result<(), ProviderError> {
        if let Some(config) = &live.config {
            let made = HttpProvider::new(config.clone(), self.inner.around.clone());
            let made = made.map_err(|fault| ProviderError::of_fault(live.name.as_str(), &fault))?;
            let made: Arc<dyn Provider> = Arc::new(made);
            let before = std::mem::replace(&mut *live.instance.write(), made);
            let _ = timeout(lifecycle_of(live).dispose_timeout, before.dispose()).await;
        }
        live.state.lock().life += 1;
        live.set_status(ProviderStatus::Initializing);
        let done = self.initialize(live).await;
        if done.is_err() && self.inner.monitors {
            self.monitor(live, None);
        }
        done
    }

    /// Takes no more calls, lets those in flight end, and disposes the instance.
    pub(crate) async fn halt(&self, live: &Arc<LiveProvider>) -> bool {
        live.state.lock().life += 1;
        live.set_status(ProviderStatus::Disposed);
        live.stop_monitor();
        let time = lifecycle_of(live).dispose_timeout;
        let is_drained = timeout(time, live.drained()).await.is_ok();
        let is_disposed = timeout(time, live.provider().dispose()).await.is_ok();
        self.drop_model_breakers(live);
        is_drained && is_disposed
    }

    /// Disposes a provider that is in the table no more.
    pub(crate) async fn dispose(&self, live: &Arc<LiveProvider>) {
        let is_told = std::mem::take(&mut live.state.lock().is_told);
        if !self.halt(live).await {
            tracing::warn!(provider = %live.name, "a provider didn't let go in time");
        }
        if is_told {
            self.tell(ProviderEventKind::Unregistered, &live.name, &[]);
        }
    }
}

pub(crate) fn lifecycle_of(live: &LiveProvider) -> LifecycleSettings {
    live.config.as_ref().map_or_else(LifecycleSettings::default, |config| config.lifecycle)
}
