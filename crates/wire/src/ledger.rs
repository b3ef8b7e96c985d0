//! `/ledger`: the state of the ledger, and its verification.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use crate::Sample;

/// The newest position of the ledger, and the key that signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerReport {
    /// The position of the newest visible entry.
    pub position: u64,
    /// When that entry's command took effect, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub moment: String,
    /// The name of the ledger in its signed checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The public key for signed checkpoints, in the format of C2SP signed-note:
    /// `<name>+<id>+<key>`. Absent if nothing is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The size of the ledger in the newest signed checkpoint, in entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<u64>,
    /// The public key for manifests of the published site, in the same format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sitekey: Option<String>,
}

/// One line of a verification: progress, or as the last line the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum VerificationLine {
    /// How many entries have been verified so far.
    Progress(VerificationProgress),
    /// Everything verifies.
    Sound(SoundLedger),
    /// Something is wrong.
    Broken(BrokenLedger),
}

/// The progress of a verification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerificationProgress {
    /// How many entries have been verified so far.
    pub checked: u64,
    /// How many entries there are.
    pub of: u64,
}

/// The chain, the tree, the contents and the fold agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SoundLedger {
    /// Always true.
    #[schemars(extend("const" = true))]
    pub verified: bool,
    /// How many entries there are.
    pub entries: u64,
    /// How many contents were read and compared with their digests.
    pub contents: u64,
    /// How many contents were purged, according to the entries.
    pub purged: u64,
    /// The signed checkpoint that the entries agree with. Absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckedCheckpoint>,
}

/// A signed checkpoint that a ledger agrees with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckedCheckpoint {
    /// How many entries it covers.
    pub size: u64,
    /// The short form of the signing key, for people to compare: `<name>+<id>`.
    pub key: String,
    /// The key that verified it, in the format of C2SP signed-note: `<name>+<id>+<key>`.
    pub verifier: String,
}

/// Something is wrong with the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BrokenLedger {
    /// Always false.
    #[schemars(extend("const" = false))]
    pub verified: bool,
    /// The first fault.
    pub fault: LedgerFault,
}

/// The first fault in a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerFault {
    /// The kind of fault, for programs, such as `chain_broken`.
    pub reason: String,
    /// What is wrong, for people.
    pub what: String,
    /// The position of the faulty entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// For a content: when its entry was written, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub moment: Option<String>,
    /// For a content: the xid of the entity that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xid: Option<String>,
    /// For a content: the digest in its entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// For a content: the digest of the stored bytes. Absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

// Written by hand, because serde's derived code for untagged enums can't read numbers that keep
// their digits.
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
            sitekey: None,
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
