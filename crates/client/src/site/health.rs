use std::{collections::VecDeque, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

/// How the source is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceCondition {
    /// The last request succeeded.
    Healthy,
    /// One or two requests in a row failed.
    Degraded,
    /// Three or more in a row failed.
    Unhealthy,
}

/// The health of a reader.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SiteHealth {
    /// How the source is doing.
    pub status: SourceCondition,
    /// The part of the requests of the last hour that succeeded, in percent.
    pub uptime_score: f64,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// When a request last succeeded, in seconds before now; none if none has.
    pub last_successful_fetch: Option<f64>,
    /// The part of the answers that came from fresh memory.
    pub cache_hit_ratio: f64,
    /// How long the source took on average, in milliseconds.
    pub average_response_time_ms: f64,
    /// For how long answers have been stale, in seconds; none if they aren't.
    pub stale_for_seconds: Option<f64>,
    /// Why the last request failed; none if it didn't.
    pub last_error: Option<String>,
    /// The number of the manifest in use.
    pub manifest_version: Option<u64>,
}

/// The statistics of the documents in memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct CacheStatistics {
    /// The documents in memory.
    pub cache_entries: usize,
    /// Those that are fresh.
    pub fresh_entries: usize,
    /// Those that aren't.
    pub stale_entries: usize,
    /// The part of the answers that came from fresh memory.
    pub cache_hit_ratio: f64,
    /// Their bytes.
    pub cache_size_bytes: usize,
    /// The age of the oldest one, in seconds.
    pub oldest_entry_age_seconds: f64,
    /// How many were dropped because there were too many bytes.
    pub cache_evictions: u64,
}

/// How far back requests count.
const WINDOW: Duration = Duration::from_secs(3_600);

/// How many requests are remembered.
const REQUESTS_MAX: usize = 1_000;

/// What is remembered of requests and answers.
#[derive(Debug, Default)]
pub(super) struct Record {
    requests: VecDeque<(Instant, bool, Duration)>,
    pub consecutive_failures: u32,
    pub last_success: Option<Instant>,
    pub last_error: Option<String>,
    pub stale_since: Option<Instant>,
    pub answers: u64,
    pub hits: u64,
}

impl Record {
    pub fn succeeded(&mut self, took: Duration) {
        self.note(true, took);
        (self.consecutive_failures, self.last_error) = (0, None);
        self.last_success = Some(Instant::now());
    }

    pub fn failed(&mut self, why: String, took: Duration) {
        self.note(false, took);
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        self.last_error = Some(why);
    }

    fn note(&mut self, is_success: bool, took: Duration) {
        self.requests.push_back((Instant::now(), is_success, took));
        if self.requests.len() > REQUESTS_MAX {
            self.requests.pop_front();
        }
    }

    pub fn status(&self) -> SourceCondition {
        match self.consecutive_failures {
            0 => SourceCondition::Healthy,
            1 | 2 => SourceCondition::Degraded,
            _ => SourceCondition::Unhealthy,
        }
    }

    pub fn hit_ratio(&self) -> f64 {
        ratio(self.hits, self.answers, 0.0)
    }

    pub fn uptime_score(&self) -> f64 {
        let recent: Vec<bool> = self
            .requests
            .iter()
            .filter(|(at, ..)| at.elapsed() <= WINDOW)
            .map(|(_, is_success, _)| *is_success)
            .collect();
        let good = recent.iter().filter(|good| **good).count();
        100.0 * ratio(good as u64, recent.len() as u64, 1.0)
    }

    pub fn average_ms(&self) -> f64 {
        let good = || self.requests.iter().filter(|(_, is_success, _)| *is_success);
        let total: Duration = good().map(|(.., took)| *took).sum();
        match good().count() {
            0 => 0.0,
            count => total.as_secs_f64() * 1_000.0 / f64::from(u32::try_from(count).unwrap_or(1)),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
fn ratio(part: u64, whole: u64, of_nothing: f64) -> f64 {
    if whole == 0 { of_nothing } else { part as f64 / whole as f64 }
}
