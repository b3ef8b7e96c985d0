//! `/keys`: who may talk to the registry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Sample;

/// Keys: those that aren't revoked, or all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyList {
    /// In the order of their ids.
    pub keys: Vec<KeyEntry>,
}

/// An API key, without what is secret in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyEntry {
    /// The id: the second part of the key's text, and what entries of the ledger name as actor.
    pub id: String,
    /// When the key was made, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub createdat: String,
    /// What whoever holds the key may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What people call the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the key may be used, as beginnings of xids in which `*` stands for any letters; none:
    /// everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Vec<String>>,
    /// From when on the key opens nothing, RFC 3339 in UTC; none: it has no such time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub expiresat: Option<String>,
    /// When the key was revoked, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub revokedat: Option<String>,
}

/// What a new key is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// What whoever holds the key may do: `admin` (which is also what is meant without it),
    /// `publisher`, `reviewer`, `consumer` or `auditor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What people call the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the key may be used, as beginnings of xids in which `*` stands for any letters;
    /// without it everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Vec<String>>,
    /// When the key shall expire: so long from now (`90d`, `12h`, `30m`, `2w`), or a moment, RFC
    /// 3339; without it never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// A key that was just made. Only this answer ever shows it.
// No Debug: a secret that can't be printed by mistake is in no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewKey {
    /// What the list of keys will show of it.
    #[serde(flatten)]
    pub entry: KeyEntry,
    /// The key, as it is sent behind `Authorization: Bearer`: `muster_<id>_<secret>`.
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
        Self { keys: vec![KeyEntry::sample()] }
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
