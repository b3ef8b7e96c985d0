//! `GET /status`: how the registry is, for who runs it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::{OrOther, Sample, followers::FollowerReport};

/// How the registry is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReport {
    /// The id of the registry.
    pub registry: String,
    /// The position of the newest entry that answers show.
    pub position: u64,
    /// When that entry's command took effect, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub moment: String,
    /// How many documents there are, schemas and rules among them.
    pub documents: u64,
    /// How many of the documents are schemas.
    pub schemas: u64,
    /// How many of the documents are rules.
    pub rules: u64,
    /// How many groups there are.
    pub groups: u64,
    /// How many names have something that was deleted and can be restored.
    pub hidden: u64,
    /// How writes do.
    pub writes: WriteReport,
    /// How many streams of changes are open.
    pub watchers: u64,
    /// How those are who follow the ledger and keep something made from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<FollowerReport>,
    /// Whether the server's clock agrees with the ledger.
    pub clock: OrOther<ClockState>,
    /// The version of the server.
    pub version: String,
    /// The size of the ledger in the newest signed checkpoint, in entries. Absent where nothing
    /// is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<u64>,
    /// How old that checkpoint is, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_age_s: Option<u64>,
    /// Where the ledger lies. Absent where it is kept in memory only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerFile>,
}

/// How writes do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WriteReport {
    /// How many commands wait for the writer.
    pub waiting: u64,
    /// How many entries were appended since the server was started.
    pub entries_since_start: u64,
    /// How long 99 of 100 writes of the last minute took at most, in milliseconds; null where
    /// there were none.
    pub p99_ms: Option<Number>,
}

/// The file that the ledger lies in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerFile {
    /// Its path on the server.
    pub file: String,
    /// Its size in bytes, with the log beside it.
    pub bytes: u64,
}

/// Whether the server's clock agrees with the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClockState {
    /// The clock is not behind the newest entry.
    #[serde(rename = "in step")]
    InStep,
    /// The clock is behind the newest entry: new entries get times just after it.
    #[serde(rename = "behind the ledger")]
    BehindTheLedger,
}

impl Sample for StatusReport {
    fn sample() -> Self {
        Self {
            registry: "7f3a19c2".to_owned(),
            position: 1204,
            moment: "2026-11-21T10:12:03.000412Z".to_owned(),
            documents: 38,
            schemas: 3,
            rules: 4,
            groups: 9,
            hidden: 2,
            writes: WriteReport {
                waiting: 0,
                entries_since_start: 62,
                p99_ms: serde_json::from_str("4.10").ok(),
            },
            watchers: 1,
            followers: vec![FollowerReport::sample()],
            clock: ClockState::InStep.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            checkpoint: Some(1204),
            checkpoint_age_s: Some(3),
            ledger: Some(LedgerFile {
                file: "/var/lib/muster/changes.db".to_owned(),
                bytes: 1_449_984,
            }),
        }
    }
}
