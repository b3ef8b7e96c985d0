use std::time::{Instant, SystemTime};

use muster_words::Moment;

/// The time that breakers and probes go by. It is passed in, so that tests decide what time it is.
pub trait ProviderClock: Send + Sync {
    /// Milliseconds since some beginning; it never goes back.
    fn milliseconds(&self) -> u64;

    /// The time of day.
    fn moment(&self) -> Moment;
}

/// This computer's clock.
pub struct SystemClock {
    begun: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { begun: Instant::now() }
    }
}

impl ProviderClock for SystemClock {
    fn milliseconds(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn moment(&self) -> Moment {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Moment::after_epoch(since.unwrap_or_default())
    }
}
