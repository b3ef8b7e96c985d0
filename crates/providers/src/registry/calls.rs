use std::sync::atomic::Ordering;

use muster_words::json::Value;

use super::{
    Arc, Fault, LiveProvider, ProviderError, ProviderErrorCode, ProviderFaultKind,
    ProviderRegistry, ProviderStatus, not_found,
};
use crate::{
    Blame, ChatRequest, ChatStream,
    breaker::{Admission, BreakerCell, BreakerChange, CallPermit},
};

/// The most breakers of single models, over all providers.
const MODEL_BREAKERS_MAX: usize = 10_000;

/// How long a provider without money rests, if it doesn't say.
const QUOTA_REST_MS: u64 = 60_000;

impl ProviderRegistry {
    /// Asks whether a call may be made. The permit ends the call when it is dropped.
    ///
    /// # Errors
    /// `NOT_FOUND`, `DISPOSED` or `UNAVAILABLE`.
    pub fn admit(&self, name: &str, model: &str) -> Result<AdmittedCall, ProviderError> {
        let live = self.get_provider(name).ok_or_else(|| not_found(name))?;
        self.admit_live(live, model, BreakerCell::admit)
    }

    pub(crate) fn admit_live(
        &self,
        live: Arc<LiveProvider>,
        model: &str,
        admit: fn(&BreakerCell, u64) -> (Admission, Option<BreakerChange>),
    ) -> Result<AdmittedCall, ProviderError> {
        if live.status() != ProviderStatus::Ready {
            return Err(self.not_ready(&live));
        }
        let now = self.now_ms();
        let of_model = match live.has_models.load(Ordering::Acquire) {
            true => live.models.read().get(model).cloned(),
            false => None,
        };
        let (admission, change) = admit(&live.breaker, now);
        self.tell_breaker(&live, None, change);
        let permit = match admission {
            Admission::Granted(permit) => permit,
            Admission::Refused { until_ms } => return Err(unavailable(&live, None, until_ms, now)),
        };
        let mut model_permit = None;
        if let Some(breaker) = &of_model {
            let (admission, change) = admit(breaker, now);
            self.tell_breaker(&live, Some(model), change);
            match admission {
                Admission::Granted(permit) => model_permit = Some(permit),
                Admission::Refused { until_ms } => {
                    live.breaker.ended(permit, now);
                    return Err(unavailable(&live, Some(model), until_ms, now));
                }
            }
        }
        live.in_flight.fetch_add(1, Ordering::AcqRel);
        let registry = self.clone();
        let model_permit = of_model.zip(model_permit);
        Ok(AdmittedCall { registry, live, permit, model_permit, is_settled: false })
    }

    /// Admits a call to a candidate of a selection. The last resort is tried although it is cut off:
    /// the call is its trial, before its time.
    pub(crate) fn admit_candidate(
        &self,
        candidate: &crate::Candidate,
    ) -> Result<AdmittedCall, ProviderError> {
        let admit = match candidate.last_resort {
            true => BreakerCell::admit_last_resort,
            false => BreakerCell::admit,
        };
        self.admit_live(candidate.provider.clone(), &candidate.model, admit)
    }

    fn not_ready(&self, live: &LiveProvider) -> ProviderError {
        let name = live.name.as_str();
        let why = live.state.lock().error.as_ref().map(|fault| fault.message.clone());
        match live.status() {
            ProviderStatus::Disposed => {
                let what = format!("it was stopped; muster providers start {name}");
                ProviderError::new(ProviderErrorCode::Disposed, name, what)
            }
            status => {
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                let what = format!("its status is {status}{why}");
                ProviderError::new(ProviderErrorCode::Unavailable, name, what)
            }
        }
    }

    /// A chat completion of one provider, whole.
    ///
    /// # Errors
    /// Those of [`Self::admit`], and the provider's.
    pub async fn complete(
        &self,
        name: &str,
        request: &ChatRequest,
    ) -> Result<Value, ProviderError> {
        let call = self.admit(name, &request.model)?;
        call.complete(request).await
    }

    /// A chat completion of one provider, streamed. It has begun when this returns.
    ///
    /// # Errors
    /// Those of [`Self::admit`], and the provider's.
    pub async fn stream(
        &self,
        name: &str,
        request: &ChatRequest,
    ) -> Result<GuardedStream, ProviderError> {
        let call = self.admit(name, &request.model)?;
        call.stream(request).await
    }

    /// The breaker of a model; made if there is room.
    fn model_breaker(&self, live: &LiveProvider, model: &str) -> Option<Arc<BreakerCell>> {
        if let Some(found) = live.models.read().get(model) {
            return Some(found.clone());
        }
        let inner = &self.inner;
        let mut models = live.models.write();
        if inner.model_breakers.load(Ordering::Relaxed) >= MODEL_BREAKERS_MAX {
            let (before, now) = (models.len(), self.now_ms());
            models.retain(|_, breaker| !breaker.is_as_new(now));
            inner.model_breakers.fetch_sub(before - models.len(), Ordering::Relaxed);
            if inner.model_breakers.load(Ordering::Relaxed) >= MODEL_BREAKERS_MAX {
                return None;
            }
        }
        let settings = live.config.as_ref().map(|config| config.breaker).unwrap_or_default();
        let made = Arc::new(BreakerCell::new(settings));
        models.insert(model.into(), made.clone());
        inner.model_breakers.fetch_add(1, Ordering::Relaxed);
        live.has_models.store(true, Ordering::Release);
        Some(made)
    }

    pub(crate) fn drop_model_breakers(&self, live: &LiveProvider) {
        let dropped = std::mem::take(&mut *live.models.write()).len();
        live.has_models.store(false, Ordering::Release);
        self.inner.model_breakers.fetch_sub(dropped, Ordering::Relaxed);
    }
}

fn unavailable(live: &LiveProvider, model: Option<&str>, until: u64, now: u64) -> ProviderError {
    let wait = until.saturating_sub(now);
    let whose = model.map_or_else(String::new, |model| format!(" for the model {model}"));
    let what =
        format!("it is cut off{whose}; the next try is possible in {} s", wait.div_ceil(1_000));
    let name = live.name.as_str();
    ProviderError::new(ProviderErrorCode::Unavailable, name, what)
        .with("retry_after_ms", wait.to_string())
}

/// The right to make one call. What came of it counts for the breaker; if it is dropped before,
/// the caller left, and nothing counts.
pub struct AdmittedCall {
    registry: ProviderRegistry,
    live: Arc<LiveProvider>,
    permit: CallPermit,
    model_permit: Option<(Arc<BreakerCell>, CallPermit)>,
    is_settled: bool,
}

impl AdmittedCall {
    /// The provider.
    #[must_use]
    pub const fn provider(&self) -> &Arc<LiveProvider> {
        &self.live
    }

    /// Makes the call, and returns the whole answer.
    ///
    /// # Errors
    /// The provider's.
    pub async fn complete(mut self, request: &ChatRequest) -> Result<Value, ProviderError> {
        let begun = self.registry.now_ms();
        let answer = self.live.provider().complete(request).await;
        self.settle(&request.model, answer.as_ref().err(), begun);
        answer.map_err(|fault| self.error_of(&fault))
    }

    /// Makes the call, and returns the streamed answer when its first chunk is there. So whatever
    /// goes wrong before the first word can be tried elsewhere.
    ///
    /// # Errors
    /// The provider's.
    pub async fn stream(mut self, request: &ChatRequest) -> Result<GuardedStream, ProviderError> {
        let begun = self.registry.now_ms();
        let model = request.model.clone();
        let first = async {
            let mut stream = self.live.provider().stream(request).await?;
            let first = stream.next().await?;
            Ok((stream, first))
        };
        // A stream that never begins has failed, whatever the connection does.
        let time = self.live.config.as_ref().map(|config| config.answer_time);
        let begun_stream = match time {
            Some(time) => tokio::time::timeout(time, first).await.unwrap_or_else(|_| {
                Err(Fault::new(ProviderFaultKind::Timeout, "the stream didn't begin in time"))
            }),
            None => first.await,
        };
        match begun_stream {
            Ok((stream, first)) => {
                if first.is_some() {
                    self.note_beginning(&model);
                }
                self.live.note_latency(self.registry.now_ms().saturating_sub(begun));
                Ok(GuardedStream { stream, first, call: self, model, begun })
            }
            Err(fault) => {
                self.settle(&model, Some(&fault), begun);
                Err(self.error_of(&fault))
            }
        }
    }

    fn error_of(&self, fault: &Fault) -> ProviderError {
        ProviderError::of_fault(self.live.name.as_str(), &self.registry.cleaned(fault.clone()))
    }

    /// Notes that the answer has begun. It ends a trial.
    fn note_beginning(&mut self, model: &str) {
        let now = self.registry.now_ms();
        let (permit, change) = self.live.breaker.begun(self.permit, now);
        self.permit = permit;
        self.registry.tell_breaker(&self.live, None, change);
        if let Some((breaker, permit)) = &mut self.model_permit {
            let (renewed, change) = breaker.begun(*permit, now);
            *permit = renewed;
            self.registry.tell_breaker(&self.live, Some(model), change);
        }
    }

    /// Notes what came of the call.
    fn settle(&mut self, model: &str, fault: Option<&Fault>, begun: u64) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        let now = self.registry.now_ms();
        self.live.calls.fetch_add(1, Ordering::Relaxed);
        let Some(fault) = fault else {
            if self.live.latency_ms.load(Ordering::Relaxed) == 0 {
                self.live.note_latency(now.saturating_sub(begun));
            }
            let change = self.live.breaker.succeeded(self.permit, now);
            self.registry.tell_breaker(&self.live, None, change);
            if let Some((breaker, permit)) = &self.model_permit {
                let change = breaker.succeeded(*permit, now);
                self.registry.tell_breaker(&self.live, Some(model), change);
            }
            return;
        };
        self.live.failures.fetch_add(1, Ordering::Relaxed);
        match fault.kind.blame() {
            Blame::Provider => {
                let change = self.live.breaker.failed(self.permit, now);
                self.registry.tell_breaker(&self.live, None, change);
                self.end_model(now);
            }
            Blame::Model => self.blame_model(model, fault, now),
            Blame::Nobody => {
                self.live.breaker.ended(self.permit, now);
                self.end_model(now);
            }
        }
        self.note_fault(fault, now);
    }

    fn blame_model(&mut self, model: &str, fault: &Fault, now: u64) {
        // The provider answered, which closes its own breaker if this was the trial.
        let change = self.live.breaker.succeeded(self.permit, now);
        self.registry.tell_breaker(&self.live, None, change);
        let (breaker, permit) = match self.model_permit.take() {
            Some(known) => known,
            None => {
                let Some(breaker) = self.registry.model_breaker(&self.live, model) else { return };
                let Admission::Granted(permit) = breaker.admit(now).0 else { return };
                (breaker, permit)
            }
        };
        let change = breaker.failed(permit, now);
        self.registry.tell_breaker(&self.live, Some(model), change);
        if let Some(rest) = fault.retry_after_ms {
            breaker.rest_until(now.saturating_add(rest));
        }
    }

    fn end_model(&self, now: u64) {
        if let Some((breaker, permit)) = &self.model_permit {
            breaker.ended(*permit, now);
        }
    }

    fn note_fault(&self, fault: &Fault, now: u64) {
        match fault.kind {
            ProviderFaultKind::QuotaExceeded => {
                let rest = fault.retry_after_ms.unwrap_or(QUOTA_REST_MS);
                self.live.breaker.rest_until(now.saturating_add(rest));
            }
            ProviderFaultKind::InvalidApiKey => {
                self.registry.note_error(&self.live, self.registry.cleaned(fault.clone()));
            }
            kind if kind.blame() == Blame::Provider => {
                if let Some(rest) = fault.retry_after_ms {
                    self.live.breaker.rest_until(now.saturating_add(rest));
                }
            }
            _ => {}
        }
    }
}

impl Drop for AdmittedCall {
    fn drop(&mut self) {
        if !self.is_settled {
            let now = self.registry.now_ms();
            self.live.breaker.ended(self.permit, now);
            self.end_model(now);
        }
        if self.live.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.live.idle.notify_waiters();
        }
    }
}

/// A streamed answer that counts for the breaker when it ends.
pub struct GuardedStream {
    stream: Box<dyn ChatStream>,
    first: Option<Value>,
    call: AdmittedCall,
    model: String,
    begun: u64,
}

impl GuardedStream {
    /// The provider.
    #[must_use]
    pub const fn provider(&self) -> &Arc<LiveProvider> {
        self.call.provider()
    }

    /// The next chunk; none at the end.
    ///
    /// # Errors
    /// The provider's. The answer is broken then, and can't be tried elsewhere.
    pub async fn next(&mut self) -> Result<Option<Value>, ProviderError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        match self.stream.next().await {
            Ok(Some(chunk)) => Ok(Some(chunk)),
            Ok(None) => {
                self.call.settle(&self.model, None, self.begun);
                Ok(None)
            }
            Err(fault) => {
                self.call.settle(&self.model, Some(&fault), self.begun);
                Err(self.call.error_of(&fault))
            }
        }
    }
}
