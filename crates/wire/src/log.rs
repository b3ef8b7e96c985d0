//! `GET /log`: who changed what and when.

use serde::{Deserialize, Serialize};

/// A page of the log, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// The commands.
    pub entries: Vec<LogEntry>,
    /// The URL of the next page; none: there is no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What one command did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The position of its last entry.
    pub position: u64,
    /// When it was decided, RFC 3339 in UTC.
    pub time: String,
    /// Who: the id of a key, or what stands for those who have none.
    pub actor: String,
    /// The command's id.
    pub command: String,
    /// The id of the request that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What it did, in words.
    pub what: String,
    /// What it did, for programs; at most 1,000 changes.
    pub changes: Vec<LogChange>,
    /// How many more changes there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_left_out: Option<usize>,
}

/// What one change did. Which members beside the first four there are depends on its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogChange {
    /// The position of the entry that records it.
    pub position: u64,
    /// What was done.
    pub action: LogAction,
    /// What it was done to.
    pub kind: LogKind,
    /// The xid of the entity; keys, the model and the capabilities belong to `/`.
    pub xid: String,
    /// The registry's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// The key's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The version's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versionid: Option<String>,
    /// The entity's epoch after the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// The attributes that clients set, as canonical JSON.
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
    /// The version that it descends from; a root names itself.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogAction {
    /// The registry began.
    Opened,
    /// It is new.
    Created,
    /// It was there before.
    Updated,
    /// It was hidden, with all that lay in it.
    Deleted,
    /// It came back, with all that was hidden with it.
    Restored,
    /// It was erased, with all that lay in it.
    Purged,
    /// The key opens nothing any more.
    Revoked,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Bytes that a change names, by which they can be told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogContent {
    /// SHA-256, in hexadecimal digits behind `sha256:`.
    pub digest: String,
    /// How many bytes there are.
    pub size: u32,
}
