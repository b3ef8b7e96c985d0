//! `/ledger`: what the registry stands on, and whether it still holds.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use crate::Sample;

/// How far the ledger goes, and the key that signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerReport {
    /// The position of the newest entry that answers show.
    pub position: u64,
    /// When that entry's command took effect, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub moment: String,
    /// The name of the ledger in its signed checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The key that checks signed checkpoints, as C2SP signed-note writes it:
    /// `<name>+<id>+<key>`. Absent where nothing is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The size of the ledger in the newest signed checkpoint, in entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<u64>,
}

/// One line of a verification: progress, until the last one, which says what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum VerificationLine {
    /// How far it has come.
    Progress(VerificationProgress),
    /// Everything holds.
    Sound(SoundLedger),
    /// Something is wrong.
    Broken(BrokenLedger),
}

/// How far a verification has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerificationProgress {
    /// How many entries hold so far.
    pub checked: u64,
    /// How many entries there are.
    pub of: u64,
}

/// Chain, tree, contents and fold agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SoundLedger {
    /// Always true.
    #[schemars(extend("const" = true))]
    pub verified: bool,
    /// How many entries there are.
    pub entries: u64,
    /// How many contents were read and compared with their digests.
    pub contents: u64,
    /// How many contents were erased, as entries say.
    pub purged: u64,
    /// The signed checkpoint that the entries agree with. Absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckedCheckpoint>,
}

/// A signed checkpoint that a ledger agrees with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckedCheckpoint {
    /// How many entries it covers.
    pub size: u64,
    /// The part of the signing key that people compare: `<name>+<id>`.
    pub key: String,
    /// The key that checked it, as C2SP signed-note writes it: `<name>+<id>+<key>`.
    pub verifier: String,
}

/// Something is wrong with the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BrokenLedger {
    /// Always false.
    #[schemars(extend("const" = false))]
    pub verified: bool,
    /// The first thing that is wrong.
    pub fault: LedgerFault,
}

/// The first thing that is wrong with a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerFault {
    /// What kind of fault it is, for programs, such as `chain_broken`.
    pub code: String,
    /// What is wrong, for people.
    pub what: String,
    /// The position of the entry with which it is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Of a content: when its entry was written, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub moment: Option<String>,
    /// Of a content: the xid of what it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xid: Option<String>,
    /// Of a content: the digest in its entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Of a content: the digest of the bytes that are there. Absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

// Written by hand: what serde derives for an untagged enum can't read numbers that keep their digits.
impl<'de> Deserialize<'de> for VerificationLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let line = match value.get("verified") {
            None => serde_json::from_value(value).map(Self::Progress),
            Some(Value::Bool(true)) => serde_json::from_value(value).map(Self::Sound),
            Some(_) => serde_json::from_value(value).map(Self::Broken),
        };
        line.map_err(D::Error::custom)
    }
}

impl Sample for LedgerReport {
    fn sample() -> Self {
        Self {
            position: 1204,
            moment: "2026-11-21T10:12:03.000412Z".to_owned(),
            origin: Some("7f3a19c2/changes".to_owned()),
            key: Some(CheckedCheckpoint::sample().verifier),
            checkpoint: Some(1204),
        }
    }
}

impl Sample for VerificationLine {
    fn sample() -> Self {
        Self::Sound(SoundLedger {
            verified: true,
            entries: 1204,
            contents: 1231,
            purged: 1,
            checkpoint: Some(CheckedCheckpoint::sample()),
        })
    }
}

impl Sample for CheckedCheckpoint {
    fn sample() -> Self {
        let key = "7f3a19c2/changes+8f2c11d0".to_owned();
        let verifier = format!("{key}+Ab5ZVTPDEFODSdKVJ2ycyRsGNkLcQKcD7jpQxR6pFZb0");
        Self { size: 1204, key, verifier }
    }
}
