//! Times, medians and the memory of this process.

use std::{
    fs,
    time::{Duration, Instant},
};

/// Nanoseconds that a piece of work takes, repeated for about this long.
pub(crate) fn nanoseconds(during: Duration, mut work: impl FnMut()) -> f64 {
    let first = Instant::now();
    work();
    // The clock itself costs 20 ns or more.
    let batch = if first.elapsed() < Duration::from_micros(100) { 16 } else { 1 };
    let (begin, mut count) = (Instant::now(), 0u32);
    loop {
        for _ in 0..batch {
            work();
        }
        count += batch;
        let took = begin.elapsed();
        if took >= during {
            return took.as_secs_f64() * 1e9 / f64::from(count);
        }
    }
}

/// The value in the middle; of an even number the upper one.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The geometric mean: of ratios, no single one outweighs the others.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let logarithms: f64 = values.iter().map(|value| value.ln()).sum();
    // A handful of values.
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let count = values.len() as f64;
    (logarithms / count).exp()
}

/// A line of `/proc/self/status` in KiB; 0 where there is none.
pub(crate) fn kibibytes(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
