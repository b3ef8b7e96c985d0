//! How often something was checked against a schema, with what outcome, and how long it took.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::Registry;

/// The range is 1 µs to 33 s; longer times count as 33 s.
const OCTAVES: usize = 25;

/// Counts validations without a lock.
pub(crate) struct ValidationTally {
    passed: AtomicU64,
    failed: AtomicU64,
    octaves: [AtomicU64; OCTAVES],
    microseconds: AtomicU64,
}

/// The validations since the start: requests that ask for one, and writes whose documents something
/// is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidationCounts {
    /// Those in which everything passed.
    pub passed: u64,
    /// Those in which something didn't pass.
    pub failed: u64,
    /// Their number by time: each count is of those that took less than the time beside it, and not
    /// less than the one before.
    pub times: Vec<(Duration, u64)>,
    /// The times together.
    pub total: Duration,
}

impl Default for ValidationTally {
    fn default() -> Self {
        Self {
            passed: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            octaves: [const { AtomicU64::new(0) }; OCTAVES],
            microseconds: AtomicU64::new(0),
        }
    }
}

impl ValidationTally {
    pub(crate) fn count(&self, passes: bool, took: Duration) {
        let outcome = if passes { &self.passed } else { &self.failed };
        outcome.fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let octave = (microseconds.max(1).ilog2() as usize).min(OCTAVES - 1);
        self.octaves[octave].fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    fn all(&self) -> ValidationCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let times = self.octaves.iter().enumerate();
        ValidationCounts {
            passed: read(&self.passed),
            failed: read(&self.failed),
            times: times
                .map(|(octave, count)| (Duration::from_micros(2 << octave), read(count)))
                .collect(),
            total: Duration::from_micros(read(&self.microseconds)),
        }
    }
}

impl Registry {
    /// Counts a validation that somebody asked for, without a write.
    pub fn count_validation(&self, passes: bool, took: Duration) {
        self.inner.validations.count(passes, took);
    }

    /// The validations since the start.
    #[must_use]
    pub fn validations(&self) -> ValidationCounts {
        self.inner.validations.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_outcome_and_by_time() {
        let tally = ValidationTally::default();
        for (passes, microseconds) in [(true, 0), (true, 3), (false, 100), (true, u64::MAX >> 20)] {
            tally.count(passes, Duration::from_micros(microseconds));
        }
        let all = tally.all();
        assert_eq!((all.passed, all.failed), (3, 1));
        let some = all.times.iter().filter(|(_, count)| *count > 0);
        let some: Vec<_> = some.map(|(time, _)| time.as_micros()).collect();
        assert_eq!(some, [2, 4, 128, 33_554_432]);
    }
}
