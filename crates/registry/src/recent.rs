use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// The length of a slice in seconds. The slices cover the last minute and the current slice.
const SLICE_S: u64 = 5;
const SLICES: usize = 13;

/// Buckets per doubling of the time. The reported value is at most an eighth too high.
const STEPS: usize = 8;

/// The range is 1 µs to 67 s; longer times count as 67 s.
const OCTAVES: usize = 26;
const BUCKETS: usize = OCTAVES * STEPS;

/// The latencies of writes: of the last minute's finely, and of all since the start by octaves. It
/// takes five kilobytes for any number of writes.
pub(crate) struct WriteLatency {
    began: Instant,
    slices: Mutex<Box<[Slice; SLICES]>>,
    octaves: [AtomicU64; OCTAVES],
    microseconds: AtomicU64,
}

/// How long the writes since the start took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteTimes {
    /// Their number by time: each count is of writes that took less than the time beside it, and not
    /// less than the one before.
    pub counts: Vec<(Duration, u64)>,
    /// The times together.
    pub total: Duration,
}

#[derive(Clone, Copy)]
struct Slice {
    /// The number of the slice since the start; it shows which slices are outdated.
    number: u64,
    counts: [u32; BUCKETS],
}

impl Default for WriteLatency {
    fn default() -> Self {
        let empty = Slice { number: 0, counts: [0; BUCKETS] };
        Self {
            began: Instant::now(),
            slices: Mutex::new(Box::new([empty; SLICES])),
            octaves: [const { AtomicU64::new(0) }; OCTAVES],
            microseconds: AtomicU64::new(0),
        }
    }
}

impl WriteLatency {
    /// Counts a finished write.
    pub(crate) fn count(&self, took: Duration) {
        self.count_at(self.began.elapsed(), took);
    }

    /// The 99th percentile of the last minute; none if there were no writes.
    pub(crate) fn p99(&self) -> Option<Duration> {
        self.p99_at(self.began.elapsed())
    }

    /// All writes since the start.
    pub(crate) fn all(&self) -> WriteTimes {
        let counts = self.octaves.iter().enumerate();
        let counts = counts.map(|(octave, count)| {
            (Duration::from_micros(2 << octave), count.load(Ordering::Relaxed))
        });
        let total = Duration::from_micros(self.microseconds.load(Ordering::Relaxed));
        WriteTimes { counts: counts.collect(), total }
    }

    fn count_at(&self, now: Duration, took: Duration) {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.octaves[bucket(took) / STEPS].fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
        let number = now.as_secs() / SLICE_S;
        let mut slices = self.slices.lock();
        let slice = &mut slices[number as usize % SLICES];
        if slice.number != number {
            *slice = Slice { number, counts: [0; BUCKETS] };
        }
        let count = &mut slice.counts[bucket(took)];
        *count = count.saturating_add(1);
    }

    fn p99_at(&self, now: Duration) -> Option<Duration> {
        let oldest = (now.as_secs() / SLICE_S).saturating_sub(SLICES as u64 - 1);
        let mut counts = [0_u64; BUCKETS];
        for slice in self.slices.lock().iter().filter(|slice| slice.number >= oldest) {
            for (sum, count) in counts.iter_mut().zip(slice.counts) {
                *sum += u64::from(count);
            }
        }
        let mut above = counts.iter().sum::<u64>() / 100;
        // From the slowest down, until one in a hundred is passed.
        for (bucket, count) in counts.iter().enumerate().rev() {
            if *count > above {
                return Some(end_of(bucket));
            }
            above -= count;
        }
        None
    }
}

/// The bucket of a time: its octave, and the step within the octave.
fn bucket(took: Duration) -> usize {
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let octave = microseconds.ilog2() as usize;
    // The three binary digits after the first one.
    let step = ((u128::from(microseconds) << 3) >> octave) as usize - STEPS;
    (octave * STEPS + step).min(BUCKETS - 1)
}

/// The upper end of a bucket.
fn end_of(bucket: usize) -> Duration {
    let (octave, step) = (bucket / STEPS, bucket % STEPS);
    let eighths = (STEPS + step + 1) as u64;
    Duration::from_micros((eighths << octave).div_ceil(STEPS as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_ninety_nine_of_a_hundred_took_at_most() {
        for (fast, slow, expect) in [
            (0, 0, None),
            (1, 0, Some(1..=2)),
            (99, 1, Some(1..=2)),
            (98, 2, Some(4_000..=4_600)),
            (0, 1, Some(4_000..=4_600)),
        ] {
            let recent = WriteLatency::default();
            for _ in 0..fast {
                recent.count_at(Duration::ZERO, Duration::from_micros(1));
            }
            for _ in 0..slow {
                recent.count_at(Duration::from_secs(6), Duration::from_micros(4_000));
            }
            let told = recent.p99_at(Duration::from_secs(7)).map(|time| time.as_micros());
            assert_eq!(told.is_some(), expect.is_some(), "{fast} {slow}");
            assert!(told.zip(expect).is_none_or(|(told, expect)| expect.contains(&told)));
        }
    }

    #[test]
    fn counts_all_writes_by_octaves() {
        let recent = WriteLatency::default();
        for microseconds in [0, 1, 2, 3, 4_000, u64::from(u32::MAX)] {
            recent.count_at(Duration::ZERO, Duration::from_micros(microseconds));
        }
        let all = recent.all();
        let some = all.counts.iter().filter(|(_, count)| *count > 0);
        let some: Vec<_> = some.map(|(time, count)| (time.as_micros(), *count)).collect();
        assert_eq!(some, [(2, 2), (4, 2), (4_096, 1), (67_108_864, 1)]);
        assert_eq!(all.total.as_micros(), 4_006 + u128::from(u32::MAX));
    }

    #[test]
    fn forgets_what_is_older_than_a_minute() {
        let recent = WriteLatency::default();
        recent.count_at(Duration::from_secs(3), Duration::from_secs(1));
        assert!(recent.p99_at(Duration::from_secs(60)).is_some());
        assert_eq!(recent.p99_at(Duration::from_secs(66)), None);
        // The slice is reused, and its old counts are dropped.
        recent.count_at(Duration::from_secs(66), Duration::from_micros(1));
        assert!(recent.p99_at(Duration::from_secs(67)).is_some_and(|time| time.as_micros() < 3));
    }

    #[test]
    fn no_time_is_told_shorter_than_it_was_or_an_eighth_longer() {
        for microseconds in (0..26).flat_map(|octave| {
            let first = 1_u64 << octave;
            [first, first + first / 3, first * 2 - 1]
        }) {
            let end = end_of(bucket(Duration::from_micros(microseconds))).as_micros();
            let end = u64::try_from(end).unwrap_or(u64::MAX);
            let most = microseconds + microseconds.div_ceil(8) + 1;
            assert!((microseconds..=most).contains(&end), "{microseconds}: {end}");
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
        assert_eq!(bucket(Duration::ZERO), 0);
    }
}
