//! `/sync`: documents on their way between registries, with what each state of them holds.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ErrorBody, OrOther, Sample, Violation};

/// For each registry the position of the newest change there that a state holds.
pub type SentVector = BTreeMap<String, u64>;

/// States of documents that one registry sends to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncRequest {
    /// The id of the registry that has the route.
    pub source: String,
    /// The id of the registry that the route leads to.
    pub target: String,
    /// The id of the sync, which the log and the ledger name.
    pub sync: String,
    /// The xid of the route, in the registry that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// What decides conflicts: `manual`, `merge`, `source-wins`, `target-wins`, `last-writer` or
    /// `highest-version`.
    pub policy: String,
    /// The documents, at most 100.
    pub documents: Vec<SyncDocument>,
}

/// A state of a document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncDocument {
    /// The document.
    pub xid: String,
    /// What the state holds: for each registry a position there.
    pub vector: SentVector,
    /// Where it was first written.
    pub origin: SyncOrigin,
    /// Whether the document is deleted. Then it has no other member.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The state of its default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contenttype: Option<String>,
    /// The attributes that clients set.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// The bytes as text in UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// What the state there held from which the document was made, for one that a mapping made;
    /// empty if there was none. If it holds something else by now, the document is refused as
    /// `contended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<SentVector>,
}

/// Where and when a state was first written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncOrigin {
    /// The id of the registry.
    pub registry: String,
    /// The position there.
    pub position: u64,
    /// The time there, RFC 3339.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
}

impl SyncDocument {
    /// Sets its bytes, as text if they are UTF-8 and shorter that way, else in Base64.
    pub fn set_bytes(&mut self, bytes: &[u8]) {
        let length_of =
            |text: &str| serde_json::to_string(text).map_or(usize::MAX, |json| json.len());
        let text = std::str::from_utf8(bytes).ok();
        // A JSON string has escapes that make it longer.
        match text.filter(|text| length_of(text) <= bytes.len() / 3 * 4 + 6) {
            Some(text) => self.text = Some(text.to_owned()),
            None => self.base64 = Some(STANDARD.encode(bytes)),
        }
    }

    /// Its bytes; none if it has no document.
    ///
    /// # Errors
    /// Its Base64 isn't valid.
    pub fn bytes(&self) -> Result<Option<Vec<u8>>, base64::DecodeError> {
        match (&self.text, &self.base64) {
            (Some(text), _) => Ok(Some(text.clone().into_bytes())),
            (None, Some(text)) => STANDARD.decode(text).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// What became of the documents, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncReport {
    /// The id of the registry that answers.
    pub registry: String,
    /// What it is called in vectors since it was last restored from a backup. Who knew it under
    /// another name sends again what it may have lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
    /// One for each document.
    pub documents: Vec<SyncResult>,
}

/// What became of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncResult {
    /// The document.
    pub xid: String,
    /// What became of it.
    pub outcome: OrOther<SyncOutcomeWord>,
    /// The conflict that somebody must decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<String>,
    /// Why it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
    /// Warnings about it, if it was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Violation>,
}

/// What became of a document that came from another registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SyncOutcomeWord {
    /// It is the state now.
    Taken,
    /// It was held already.
    Held,
    /// What is there stays, and is known to hold it.
    Joined,
    /// It was merged with what is there.
    Merged,
    /// Somebody must decide.
    Conflict,
    /// It isn't taken.
    Refused,
}

/// A document with what its state holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SyncState {
    /// The id of the registry that answers.
    pub registry: String,
    /// Its state.
    pub document: SyncDocument,
}

/// Documents that changed after a position, or of which more is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncChanges {
    /// The id of the registry that answers.
    pub registry: String,
    /// The answer holds everything up to this position; the next request is about what comes after
    /// it.
    pub position: u64,
    /// How many documents of the command that begins after the position it holds as well, which the
    /// next request says.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub index: u64,
    /// The newest position of the ledger.
    pub head: u64,
    /// Each time that the registry was restored from a backup. Others that knew a later position go
    /// on after the first one that they don't know, because positions are used twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restores: Vec<SyncRestore>,
    /// The documents, in the order of their newest change.
    pub documents: Vec<SyncChanged>,
}

/// A registry was restored from a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncRestore {
    /// The position of the entry that says so.
    pub position: u64,
    /// The name in vectors of what it writes afterwards.
    pub writer: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A document that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncChanged {
    /// The document.
    pub xid: String,
    /// What its newest state holds.
    pub vector: SentVector,
}

/// How a conflict is decided: `take` or `document`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveRequest {
    /// The xid of the conflict.
    pub conflict: String,
    /// `ours`: what this registry says stays. `theirs`: what the other one says is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<ConflictSide>,
    /// What is written instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<ResolvedDocument>,
}

/// One of the two states of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConflictSide {
    /// That of the registry that is asked.
    Ours,
    /// That of the other one.
    Theirs,
}

/// A document that decides a conflict. The attributes and the state are those of this registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolvedDocument {
    /// The media type; absent: that of this registry's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contenttype: Option<String>,
    /// The bytes as text in UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// A conflict that was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolveReport {
    /// The document.
    pub document: String,
    /// The position of the command; absent if it was decided before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
}

impl Sample for SyncDocument {
    fn sample() -> Self {
        Self {
            xid: "/configs/web/entries/limits".to_owned(),
            vector: [("7f3a19c2".to_owned(), 1204), ("b01d44e8".to_owned(), 311)].into(),
            origin: SyncOrigin {
                registry: "b01d44e8".to_owned(),
                position: 311,
                time: "2026-11-21T10:12:03.000001Z".to_owned(),
            },
            state: Some("stable".to_owned()),
            contenttype: Some("application/json".to_owned()),
            text: Some("{\"requests\":100}".to_owned()),
            ..Self::default()
        }
    }
}

impl Sample for SyncRequest {
    fn sample() -> Self {
        Self {
            source: "b01d44e8".to_owned(),
            target: "7f3a19c2".to_owned(),
            sync: "s0c4e1f2a9b7d".to_owned(),
            route: Some("/routes/ops/entries/both".to_owned()),
            policy: "manual".to_owned(),
            documents: vec![SyncDocument::sample()],
        }
    }
}

impl Sample for SyncReport {
    fn sample() -> Self {
        Self {
            registry: "7f3a19c2".to_owned(),
            writer: None,
            documents: vec![SyncResult {
                xid: "/configs/web/entries/limits".to_owned(),
                outcome: OrOther::Known(SyncOutcomeWord::Taken),
                conflict: None,
                error: None,
                warnings: Vec::new(),
            }],
        }
    }
}

impl Sample for SyncState {
    fn sample() -> Self {
        Self { registry: "b01d44e8".to_owned(), document: SyncDocument::sample() }
    }
}

impl Sample for SyncChanges {
    fn sample() -> Self {
        let SyncDocument { xid, vector, .. } = SyncDocument::sample();
        Self {
            registry: "b01d44e8".to_owned(),
            position: 311,
            index: 0,
            head: 311,
            restores: Vec::new(),
            documents: vec![SyncChanged { xid, vector }],
        }
    }
}

impl Sample for ResolveRequest {
    fn sample() -> Self {
        Self {
            conflict: "/conflicts/b01d44e8/entries/4f1c09aa17be23d0".to_owned(),
            take: Some(ConflictSide::Theirs),
            document: None,
        }
    }
}

impl Sample for ResolveReport {
    fn sample() -> Self {
        Self { document: "/configs/web/entries/limits".to_owned(), position: Some(1312) }
    }
}
