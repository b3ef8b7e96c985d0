//! `/health`: whether the server lives, is ready to be sent requests, and can read its store.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Sample;

/// The server lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Liveness {
    /// That it lives.
    pub status: LivenessState,
}

/// That the server lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LivenessState {
    /// The process answers.
    Live,
}

/// Whether requests may be sent to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadinessReport {
    /// Where the server is in its life.
    pub status: ReadinessState,
    /// Whether the ledger was read from its beginning to its end.
    pub replayed: bool,
    /// Whether the example is in the registry, or was not asked for.
    pub example_loaded: bool,
    /// Whether all ports are listened on.
    pub ports_bound: bool,
    /// Why the server can't do its work any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Where a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReadinessState {
    /// It isn't ready yet.
    Starting,
    /// Requests may be sent to it.
    Ready,
    /// It finishes what was begun and takes nothing new.
    Stopping,
    /// It can't do its work any more; only a new start helps.
    Failed,
}

/// Whether the store can be read now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreReport {
    /// What the store did when it was asked.
    pub status: StoreState,
    /// Why the server can't do its work any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a store did when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreState {
    /// It answered.
    Reachable,
    /// It answered with an error.
    Unreachable,
    /// It didn't answer in time.
    Slow,
    /// It wasn't asked: the server can't do its work any more.
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
            status: ReadinessState::Ready,
            replayed: true,
            example_loaded: true,
            ports_bound: true,
            why: None,
        }
    }
}

impl Sample for StoreReport {
    fn sample() -> Self {
        Self { status: StoreState::Reachable, why: None }
    }
}
