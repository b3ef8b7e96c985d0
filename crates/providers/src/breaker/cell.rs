use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::{Admission, Breaker, BreakerChange, BreakerReport, BreakerSettings, CallPermit};

/// A breaker that many calls ask at once. While it is quiet, asking costs one atomic load.
pub(crate) struct BreakerCell {
    /// One more than the generation while every call passes, otherwise 0.
    quiet: AtomicU64,
    breaker: Mutex<Breaker>,
}

impl BreakerCell {
    pub(crate) fn new(settings: BreakerSettings) -> Self {
        Self { quiet: AtomicU64::new(1), breaker: Mutex::new(Breaker::new(settings)) }
    }

    pub(crate) fn admit(&self, now_ms: u64) -> (Admission, Option<BreakerChange>) {
        match self.quiet.load(Ordering::Acquire) {
            0 => self.with(|breaker| breaker.admit(now_ms)),
            quiet => (Admission::Granted(CallPermit { generation: quiet - 1 }), None),
        }
    }

    pub(crate) fn admit_last_resort(&self, now_ms: u64) -> (Admission, Option<BreakerChange>) {
        self.with(|breaker| breaker.admit_last_resort(now_ms))
    }

    pub(crate) fn begun(
        &self,
        permit: CallPermit,
        now_ms: u64,
    ) -> (CallPermit, Option<BreakerChange>) {
        match self.quiet.load(Ordering::Acquire) {
            0 => self.with(|breaker| breaker.begun(permit, now_ms)),
            _ => (permit, None),
        }
    }

    pub(crate) fn succeeded(&self, permit: CallPermit, now_ms: u64) -> Option<BreakerChange> {
        match self.quiet.load(Ordering::Acquire) {
            0 => self.with(|breaker| breaker.succeeded(permit, now_ms)),
            _ => None,
        }
    }

    pub(crate) fn failed(&self, permit: CallPermit, now_ms: u64) -> Option<BreakerChange> {
        self.with(|breaker| breaker.failed(permit, now_ms))
    }

    pub(crate) fn ended(&self, permit: CallPermit, now_ms: u64) -> Option<BreakerChange> {
        match self.quiet.load(Ordering::Acquire) {
            0 => self.with(|breaker| breaker.ended(permit, now_ms)),
            _ => None,
        }
    }

    pub(crate) fn rest_until(&self, until_ms: u64) {
        self.with(|breaker| breaker.rest_until(until_ms));
    }

    pub(crate) fn probes_failed(&self, now_ms: u64) -> Option<BreakerChange> {
        self.with(|breaker| breaker.probes_failed(now_ms))
    }

    pub(crate) fn probe_succeeded(&self, now_ms: u64) -> Option<BreakerChange> {
        self.with(|breaker| breaker.probe_succeeded(now_ms))
    }

    pub(crate) fn reset(&self) -> Option<BreakerChange> {
        self.with(Breaker::reset)
    }

    pub(crate) fn report(&self, now_ms: u64) -> BreakerReport {
        self.with(|breaker| breaker.report(now_ms))
    }

    pub(crate) fn is_as_new(&self, now_ms: u64) -> bool {
        self.with(|breaker| breaker.is_as_new(now_ms))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker = self.breaker.lock();
        let found = work(&mut breaker);
        let quiet = if breaker.is_quiet() { breaker.generation + 1 } else { 0 };
        self.quiet.store(quiet, Ordering::Release);
        found
    }
}
