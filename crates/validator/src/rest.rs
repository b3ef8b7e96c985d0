use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The longest pause after failures in a row, in which a source isn't asked.
const REST_MAX: Duration = Duration::from_secs(60);

/// A value behind a lock that is never held across a wait. A panic while it was held leaves it as it
/// was, which is no worse than a cache that lacks something.
#[derive(Debug, Default)]
pub(crate) struct Guarded<T>(Mutex<T>);

impl<T> Guarded<T> {
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a source is doing, so that a dead one costs nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rest {
    /// Failures in a row.
    pub failures: u32,
    /// Why the last request failed; none if it didn't.
    pub last_error: Option<String>,
    until: Option<Instant>,
}

impl Rest {
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// The pause doubles with each failure, from one second on.
    pub fn failed(&mut self, why: String) {
        let pause = Duration::from_secs(1 << self.failures.min(6)).min(REST_MAX);
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(why);
        self.until = Some(Instant::now() + pause);
    }

    /// Whether the source isn't asked now.
    pub fn is_resting(&self) -> bool {
        self.until.is_some_and(|until| until > Instant::now())
    }
}
