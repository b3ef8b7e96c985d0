//! `GET /status`: the state of the registry, for its operators.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::{OrOther, Sample, followers::FollowerReport};

/// The state of the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReport {
    /// The id of the registry.
    pub registry: String,
    /// The position of the newest visible entry.
    pub position: u64,
    /// When that entry's command took effect, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub moment: String,
    /// The number of documents, including schemas and rules.
    pub documents: u64,
    /// How many of the documents are schemas.
    pub schemas: u64,
    /// How many of the documents are rules.
    pub rules: u64,
    /// How many groups there are.
    pub groups: u64,
    /// How many names were deleted and can be restored.
    pub hidden: u64,
    /// The state of writes.
    pub writes: WriteReport,
    /// How many streams of changes are open.
    pub watchers: u64,
    /// The state of each follower.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followers: Vec<FollowerReport>,
    /// Whether the server's clock agrees with the ledger.
    pub clock: OrOther<ClockState>,
    /// By how many seconds the server's clock has jumped ahead. Absent if it is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_jump_s: Option<i64>,
    /// The version of the server.
    pub version: String,
    /// The number of entries in the newest signed checkpoint. Absent if nothing is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<u64>,
    /// How old that checkpoint is, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_age_s: Option<u64>,
    /// Where the ledger is stored. Absent if it is only in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerFile>,
}

/// The state of writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WriteReport {
    /// How many commands wait for the writer.
    pub waiting: u64,
    /// How many entries were appended since the server started.
    pub entries_since_start: u64,
    /// The 99th percentile of write latency over the last minute, in milliseconds; null if there
    /// were no writes.
    pub p99_ms: Option<Number>,
}

/// The file of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerFile {
    /// Its path on the server.
    pub file: String,
    /// Its size in bytes, including the write-ahead log beside it.
    pub bytes: u64,
}

/// Whether the server's clock agrees with the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClockState {
    /// The clock isn't behind the newest entry.
    #[serde(rename = "in step")]
    InStep,
    /// The clock is behind the newest entry; new entries get times just after that entry.
    #[serde(rename = "behind the ledger")]
    BehindTheLedger,
    /// The clock has jumped by more than an hour. The time goes on by the monotonic clock until the
    /// clock is set right, or the server gets SIGHUP or is started again.
    #[serde(rename = "jumped")]
    Jumped,
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
                p99_ms: serde_json::from_str("4.12").ok(),
            },
            watchers: 1,
            followers: vec![FollowerReport::sample()],
            clock: ClockState::InStep.into(),
            clock_jump_s: None,
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
