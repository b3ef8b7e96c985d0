//! `/health`: whether the process is alive, ready for requests, and able to read its store.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Sample;

/// The process is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Liveness {
    /// Always `live`.
    pub status: LivenessState,
}

/// The only state of a process that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LivenessState {
    /// The process answers.
    Live,
}

/// How well the server, or a part of it, does its work.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// It does all of its work.
    Healthy,
    /// It does its work, and an operator should look at it.
    Degraded,
    /// It doesn't do its work.
    Unhealthy,
}

/// The health of a part that the server depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// The part's health.
    pub status: HealthStatus,
    /// Whether the server is unhealthy without it.
    pub critical: bool,
    /// How long the check took, in milliseconds.
    pub took_ms: u64,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Whether the server is ready for requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadinessReport {
    /// Healthy and degraded servers answer requests; an unhealthy one should get none.
    pub status: HealthStatus,
    /// When it was checked (RFC 3339).
    pub timestamp: String,
    /// The server's stage between start and stop.
    pub stage: ServerStage,
    /// The parts that the server depends on, by name: `database`, `storage`, `cache` and
    /// `external-integrations`.
    pub checks: BTreeMap<String, CheckReport>,
    /// Whether the whole ledger was replayed.
    pub replayed: bool,
    /// Whether the example was loaded, if one was requested.
    pub example_loaded: bool,
    /// Whether the server listens on all its ports.
    pub ports_bound: bool,
    /// Why the server has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What an operator should look at although the server does its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// A server's stage between start and stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServerStage {
    /// It isn't ready yet.
    Starting,
    /// It is ready for requests.
    Ready,
    /// It finishes the requests in progress and accepts no new ones.
    Stopping,
    /// It has failed and needs a restart.
    Failed,
}

/// Whether the store can be read now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreReport {
    /// The store's answer to a test read.
    pub status: StoreState,
    /// Why the server has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A store's answer to a test read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreState {
    /// It answered.
    Reachable,
    /// It answered with an error.
    Unreachable,
    /// It didn't answer in time.
    Slow,
    /// It wasn't asked, because the server has failed.
    Failed,
}

impl Sample for Liveness {
    fn sample() -> Self {
        Self { status: LivenessState::Live }
    }
}

impl Sample for ReadinessReport {
    fn sample() -> Self {
        Self {
            status: HealthStatus::Healthy,
            timestamp: "2026-11-21T12:00:00.250000Z".to_owned(),
            stage: ServerStage::Ready,
            checks: BTreeMap::from([(
                "database".to_owned(),
                CheckReport {
                    status: HealthStatus::Healthy,
                    critical: true,
                    took_ms: 0,
                    detail: None,
                },
            )]),
            replayed: true,
            example_loaded: true,
            ports_bound: true,
            why: None,
            warning: None,
        }
    }
}

impl Sample for StoreReport {
    fn sample() -> Self {
        Self { status: StoreState::Reachable, why: None }
    }
}
