//! Followers: tasks that read every change of the ledger and derive something from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{OrOther, Sample};

/// The state of a follower.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FollowerReport {
    /// Its name.
    pub name: String,
    /// What it is doing now.
    pub state: OrOther<FollowerCondition>,
    /// The position of the last entry that it processed.
    pub position: u64,
    /// How many entries it still has to process.
    pub behind: u64,
    /// When its next change was made, RFC 3339 in UTC. Absent if it has processed everything or
    /// hasn't read that change yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub behind_since: Option<String>,
    /// How long ago that was, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind_s: Option<u64>,
    /// How many errors occurred since it last made its progress durable.
    pub failures: u32,
}

/// What a follower is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FollowerCondition {
    /// It hasn't been started.
    Stopped,
    /// It processes changes, or waits for new ones.
    Running,
    /// An error occurred; it retries after a pause.
    Failing,
    /// The ledger doesn't hold the entry that it processed last, because the ledger was restored or
    /// replaced. It waits until an operator resumes it.
    MarkForeign,
    /// Another server runs it.
    Fenced,
}

/// A request to resume a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeRequest {
    /// Where to resume.
    pub from: ResumePlace,
}

/// A place in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ResumePlace {
    /// A named place.
    Named(ResumePlaceName),
    /// After the command that ends at this position.
    Position(u64),
}

/// A named place in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResumePlaceName {
    /// Before the first entry.
    Beginning,
    /// After the newest entry.
    Now,
}

/// Where a follower resumes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resumption {
    /// The follower's name.
    pub name: String,
    /// It processes the changes after this position.
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
