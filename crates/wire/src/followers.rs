//! Followers: what takes every change of the ledger and keeps something made from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{OrOther, Sample};

/// How a follower is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FollowerReport {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: OrOther<FollowerCondition>,
    /// The position of the last entry that it took.
    pub position: u64,
    /// How many entries it is behind.
    pub behind: u64,
    /// When the change that it takes next was made, RFC 3339 in UTC. Absent where it is behind
    /// none, or hasn't read it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub behind_since: Option<String>,
    /// How long ago that was, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind_s: Option<u64>,
    /// How many errors it had since it last took a change.
    pub failures: u32,
}

/// What a follower is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FollowerCondition {
    /// It isn't started.
    Stopped,
    /// It takes changes, or waits for them.
    Running,
    /// It had an error, and begins again after a rest.
    Failing,
    /// The ledger doesn't hold the entry that it took last, because the ledger was restored or
    /// replaced. It waits until somebody says where to go on.
    MarkForeign,
    /// Another server runs it.
    Fenced,
}

/// Where a follower is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeRequest {
    /// The place.
    pub from: ResumePlace,
}

/// A place in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ResumePlace {
    /// One that has a name.
    Named(ResumePlaceName),
    /// Behind the command that ends at this position.
    Position(u64),
}

/// A place in the ledger that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResumePlaceName {
    /// Before the first entry.
    Beginning,
    /// Behind the newest entry.
    Now,
}

/// Where a follower goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resumption {
    /// The follower's name.
    pub name: String,
    /// It takes what was changed after this position.
    pub position: u64,
}

impl Sample for FollowerReport {
    fn sample() -> Self {
        Self {
            name: "search".to_owned(),
            state: FollowerCondition::Running.into(),
            position: 1192,
            behind: 12,
            behind_since: Some("2026-11-21T10:12:03.000412Z".to_owned()),
            behind_s: Some(2),
            failures: 0,
        }
    }
}

impl Sample for ResumeRequest {
    fn sample() -> Self {
        Self { from: ResumePlace::Named(ResumePlaceName::Beginning) }
    }
}

impl Sample for Resumption {
    fn sample() -> Self {
        Self { name: "search".to_owned(), position: 0 }
    }
}
