//! `/keys`: the API keys of the registry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{OrOther, Sample};

/// The keys that aren't revoked, or all keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyList {
    /// Sorted by id.
    pub keys: Vec<KeyEntry>,
    /// Whether the server was given one more key at its start, which isn't in the ledger.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given: bool,
}

/// An API key without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyEntry {
    /// The id: the second part of the key's text. Ledger entries name it as the actor.
    pub id: String,
    /// When the key was created, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub createdat: String,
    /// The role: what the holder of the key may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the key may be used: prefixes of xids in which `*` stands for any characters; none
    /// means everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Vec<String>>,
    /// When the key expires, RFC 3339 in UTC; none if it doesn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub expiresat: Option<String>,
    /// When the key was revoked, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub revokedat: Option<String>,
}

/// Why a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AccessReason {
    /// It carries a key of the registry.
    #[serde(rename = "key")]
    Key,
    /// It carries the key that the server was started with.
    #[serde(rename = "given key")]
    GivenKey,
    /// It carries no key, which the server allows.
    #[serde(rename = "anonymous")]
    Anonymous,
    /// The registry has no keys.
    #[serde(rename = "open")]
    Open,
}

/// As whom a request is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnAccess {
    /// Why it is answered.
    pub by: OrOther<AccessReason>,
    /// The role: what the caller may do.
    pub role: String,
    /// The key's id, which the log names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The key's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the key may be used; none means everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Vec<String>>,
    /// When the key was created, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub createdat: Option<String>,
    /// When the key expires, RFC 3339 in UTC; none if it doesn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub expiresat: Option<String>,
}

impl Sample for OwnAccess {
    fn sample() -> Self {
        let entry = KeyEntry::sample();
        Self {
            by: OrOther::Known(AccessReason::Key),
            role: "publisher".to_owned(),
            id: Some(entry.id),
            name: entry.name,
            scope: entry.scope,
            createdat: Some(entry.createdat),
            expiresat: entry.expiresat,
        }
    }
}

/// A request for a new key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// The role: `admin` (the default), `publisher`, `reviewer`, `consumer` or `auditor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the key may be used: prefixes of xids in which `*` stands for any characters;
    /// everywhere if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Vec<String>>,
    /// When the key expires: after a time (`90d`, `12h`, `30m`, `2w`), or at a moment in RFC 3339;
    /// never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// A key that was just created. Only this answer ever shows its secret.
// No Debug, so that no log can print the secret by mistake.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewKey {
    /// The key as the list of keys shows it.
    #[serde(flatten)]
    pub entry: KeyEntry,
    /// The key as it is sent after `Authorization: Bearer`: `muster_<id>_<secret>`.
    pub key: String,
}

impl Sample for KeyEntry {
    fn sample() -> Self {
        Self {
            id: "9f3a11c2".to_owned(),
            createdat: "2026-11-21T10:12:03.000412Z".to_owned(),
            role: Some("publisher".to_owned()),
            name: Some("deploy".to_owned()),
            scope: Some(vec!["/providers/cms".to_owned()]),
            expiresat: Some("2027-02-19T10:12:03.000412Z".to_owned()),
            revokedat: None,
        }
    }
}

impl Sample for KeyList {
    fn sample() -> Self {
        Self { keys: vec![KeyEntry::sample()], given: false }
    }
}

impl Sample for KeyRequest {
    fn sample() -> Self {
        Self {
            role: Some("publisher".to_owned()),
            name: Some("deploy".to_owned()),
            scope: Some(vec!["/providers/cms".to_owned()]),
            expires: Some("90d".to_owned()),
        }
    }
}

impl Sample for NewKey {
    fn sample() -> Self {
        let entry = KeyEntry::sample();
        let key = format!("muster_{}_{}", entry.id, "x".repeat(43));
        Self { entry, key }
    }
}
