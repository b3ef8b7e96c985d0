//! The metrics of the registry and of its followers.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use muster_http::metrics::Metrics;
use muster_registry::{FollowerState, FollowerStatus, Followers, Registry};

use super::routes::ServerRoutes;

/// Registers the registry's metrics.
pub(super) fn measure(registry: &Registry, metrics: &Metrics) {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let gauge = |name, help, read: fn(&muster_registry::RegistryStatus) -> u64| {
        let registry = registry.clone();
        metrics.gauge(name, help, move || number(read(&registry.status())));
    };
    gauge("ledger_position", "Position of the last entry.", |status| status.position.0);
    gauge("documents", "Documents, also schemas and rules.", |status| status.documents);
    gauge("groups", "Groups in the registry.", |status| status.groups);
    gauge("hidden", "Deleted names that can be restored.", |status| status.hidden);
    gauge("commands_waiting", "Commands that wait for the writer.", |status| status.waiting);
    let timed = registry.clone();
    metrics.times(
        "write_duration",
        "Time from a command until its answer, of writes.",
        move || {
            let times = timed.write_times();
            // Few commands are done in less than an eighth of a millisecond.
            (from_octave(SHORTEST_OCTAVE, &times.counts), times.total)
        },
    );
    measure_validations(registry, metrics);
    let version = env!("CARGO_PKG_VERSION");
    metrics.labelled_gauge(
        "build_info",
        "The program's version; always 1.",
        "version",
        move || vec![(version.to_owned(), 1)],
    );
    let started = seconds_of(SystemTime::now());
    metrics
        .gauge("start_time_seconds", "When the server was started, in Unix time.", move || started);
}

/// Registers the metrics of validations.
fn measure_validations(registry: &Registry, metrics: &Metrics) {
    let counted = registry.clone();
    metrics.schema_counter(
        "validation_requests",
        "Requests that check payloads, and writes that something is bound to.",
        "status",
        move || {
            let counts = counted.validations();
            let named = |name: &str, count| (name.to_owned(), count);
            vec![named("success", counts.passed), named("failure", counts.failed)]
        },
    );
    let timed = registry.clone();
    metrics.schema_times(
        "validation_duration",
        "Time that such a request or write was checked.",
        move || {
            let counts = timed.validations();
            (from_octave(SHORTEST_VALIDATION_OCTAVE, &counts.times), counts.total)
        },
    );
}

/// Counts by time whose first bucket holds all octaves up to this one.
fn from_octave(shortest: usize, counts: &[(Duration, u64)]) -> Vec<(Duration, u64)> {
    let (short, rest) = counts.split_at(shortest.min(counts.len()));
    let mut counts = rest.to_vec();
    if let Some((_, first)) = counts.first_mut() {
        *first += short.iter().map(|(_, count)| count).sum::<u64>();
    }
    counts
}

/// The first octave of validations with a bucket of its own: it ends at 16 µs.
const SHORTEST_VALIDATION_OCTAVE: usize = 3;

/// The first octave of write times with a bucket of its own: it ends at 128 µs.
const SHORTEST_OCTAVE: usize = 6;

/// A time as seconds since 1970.
pub(super) fn seconds_of(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Registers the metrics of streams.
pub(super) fn measure_streams(doors: &ServerRoutes, metrics: &Metrics) {
    let watching = doors.clone();
    metrics.gauge("watchers", "Open streams of changes.", move || {
        i64::try_from(watching.watchers()).unwrap_or(i64::MAX)
    });
    let streaming = doors.clone();
    metrics.gauge("stream_messages", "Events that streams were sent since the start.", move || {
        i64::try_from(streaming.streamed()).unwrap_or(i64::MAX)
    });
}

/// Registers the metrics of the followers' lag.
pub(super) fn measure_followers(followers: &Arc<Followers>, metrics: &Metrics) {
    let gauge = |name, help, read: fn(&FollowerStatus) -> u64| {
        let followers = followers.clone();
        metrics.labelled_gauge(name, help, "follower", move || {
            let value = |status: &FollowerStatus| i64::try_from(read(status)).unwrap_or(i64::MAX);
            let all = followers.status();
            all.iter().map(|status| (status.name.to_string(), value(status))).collect()
        });
    };
    gauge("follower_running", "Whether a follower is running.", |status| {
        u64::from(status.state == FollowerState::Running)
    });
    gauge("follower_behind_entries", "Entries that a follower hasn't processed.", |status| {
        status.lag_entries
    });
    gauge(
        "follower_behind_seconds",
        "Age of the next change that a follower will process.",
        |status| status.lag_time.as_secs(),
    );
}
