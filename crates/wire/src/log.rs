//! `GET /log`: who changed what and when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{OrOther, Sample};

/// A page of the log, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPage {
    /// The commands of the page.
    pub entries: Vec<LogEntry>,
    /// The URL of the next page; null on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri"))]
    pub next: Option<String>,
}

/// What one command did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogEntry {
    /// The position of its last entry.
    pub position: u64,
    /// When it was decided, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// Who did it: the id of a key, or a placeholder for callers without a key.
    pub actor: String,
    /// What people call that key; none: it has no name, or it was forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Why, in the words of whoever did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The command's id.
    pub command: String,
    /// The id of the request that sent the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What the command did, in words.
    pub what: String,
    /// What the command did, for programs; at most 1,000 changes.
    pub changes: Vec<LogChange>,
    /// How many changes are left out of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_left_out: Option<usize>,
}

/// What one change did. The first four members are always present, the others depend on its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogChange {
    /// The position of the entry that records it.
    pub position: u64,
    /// What was done.
    pub action: OrOther<LogAction>,
    /// The kind of thing that changed.
    pub kind: OrOther<LogKind>,
    /// The xid of the entity. Keys, the model and the capabilities have `/`.
    pub xid: String,
    /// The registry's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The ledger's new name, if it was restored from a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
    /// The key's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The version's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versionid: Option<String>,
    /// The entity's epoch after the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// The digest of the attributes that clients set, as canonical JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<LogContent>,
    /// The document of the model or of the capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<LogContent>,
    /// The version's document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<LogContent>,
    /// The document's media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contenttype: Option<String>,
    /// The version that it derives from; a root names itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ancestor: Option<String>,
    /// The version's lifecycle state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The resource's default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaultversionid: Option<String>,
    /// Whether somebody pinned the default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaultversionsticky: Option<bool>,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogAction {
    /// The registry was created.
    Opened,
    /// It was created.
    Created,
    /// It existed and was changed.
    Updated,
    /// It was deleted together with everything in it, and can be restored.
    Deleted,
    /// It was restored together with everything in it.
    Restored,
    /// It was erased together with everything in it.
    Purged,
    /// The key was revoked.
    Revoked,
    /// The record of the key was erased.
    Forgotten,
    /// The ledger was restored from a backup and got another name.
    Moved,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the registry's words")]
pub enum LogKind {
    Registry,
    Model,
    Capabilities,
    Key,
    Group,
    Resource,
    Version,
}

/// The digest and the size of a change's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogContent {
    /// SHA-256 in hexadecimal digits, prefixed with `sha256:`.
    pub digest: String,
    /// The number of bytes.
    pub size: u32,
}

impl Sample for LogPage {
    fn sample() -> Self {
        let next = "https://registry.example/log?before=1204&limit=1".to_owned();
        Self { entries: vec![LogEntry::sample()], next: Some(next) }
    }
}

impl Sample for LogEntry {
    fn sample() -> Self {
        Self {
            position: 1204,
            time: "2026-11-21T10:12:03.000412Z".to_owned(),
            actor: "9f3a11c2".to_owned(),
            name: Some("deploy".to_owned()),
            message: Some("The price has changed".to_owned()),
            command: "0b92821293014be1a5c3b7a1f0e2d4c6".to_owned(),
            request: Some("0000018f2c11d0a4".to_owned()),
            what: "/providers/cms/entries/sanity version 2".to_owned(),
            changes: vec![LogChange::sample()],
            changes_left_out: None,
        }
    }
}

impl Sample for LogChange {
    fn sample() -> Self {
        let digest = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
        Self {
            position: 1204,
            action: LogAction::Created.into(),
            kind: LogKind::Version.into(),
            xid: "/providers/cms/entries/sanity/versions/2".to_owned(),
            registry: None,
            ledger: None,
            key: None,
            versionid: Some("2".to_owned()),
            epoch: Some(1),
            attributes: None,
            source: None,
            document: Some(LogContent { digest: format!("sha256:{digest}"), size: 1422 }),
            contenttype: Some("application/json".to_owned()),
            ancestor: Some("1".to_owned()),
            state: Some("stable".to_owned()),
            defaultversionid: None,
            defaultversionsticky: None,
        }
    }
}
