//! `POST /rollback`: gives a place an earlier state again, as new entries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    OrOther, Sample,
    apply::{FailingDocuments, RefusedPart},
    difference::FieldChange,
};

/// What to roll back, and to which state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// The xid of a document or a group, or the path of a collection. Absent for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xid: Option<String>,
    /// The earlier state.
    pub to: RollbackTo,
    /// The position of a plan that somebody saw: if something at the place changed after it, nothing
    /// is done (`precondition_failed`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchanged_since: Option<u64>,
}

/// An earlier state: exactly one of `position`, `time`, `version` and `sync`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackTo {
    /// The state at this position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The state at this time, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub time: Option<String>,
    /// What this version of the document says now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What documents said before the sync with this id wrote them. Those that were changed since
    /// stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<String>,
    /// A position or a time: what the sync wrote up to then stays. Only with `sync`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What was changed after this position stays, such as what came after a plan. Only with `sync`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// What was done, or what would be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackReport {
    /// The position of the command; for a dry run, of the state that it was judged by.
    pub position: u64,
    /// The position of the state that it goes back to; absent for a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// The changes, sorted by xid.
    pub steps: Vec<RollbackStep>,
    /// What can't come back, because its contents were purged: xids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purged: Vec<String>,
    /// What stays, because it was changed after the sync wrote it: xids. Only in a dry run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// The steps that would be refused, each without those before it. Only in a dry run; else a
    /// refusal is the answer, and nothing is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedPart>,
    /// How many documents that aren't part of it stop passing.
    #[serde(default)]
    pub failing: FailingDocuments,
    /// Whether `refused` may lack steps, because looking for them took too long.
    #[serde(default)]
    pub is_cut: bool,
    /// Whether the model was another one then. A rollback leaves the model as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_model: bool,
}

/// What happens to one group or document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackStep {
    /// The xid.
    pub xid: String,
    /// What is done.
    pub act: OrOther<RollbackAct>,
    /// The new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The fields that change; only in a dry run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

/// What is done with a group or a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RollbackAct {
    /// It was deleted since, and comes back.
    Add,
    /// It changed since.
    Change,
    /// It was created since, and is deleted; it can be restored.
    Delete,
}

impl Sample for RollbackRequest {
    fn sample() -> Self {
        Self {
            xid: Some("/providers/cms".to_owned()),
            to: RollbackTo { position: Some(1204), ..RollbackTo::default() },
            unchanged_since: Some(1312),
        }
    }
}

impl Sample for RollbackReport {
    fn sample() -> Self {
        let step = RollbackStep {
            xid: "/providers/cms/entries/sanity".to_owned(),
            act: RollbackAct::Change.into(),
            version: Some("4".to_owned()),
            fields: vec![FieldChange::sample()],
        };
        Self { position: 1312, to: Some(1204), steps: vec![step], ..Self::default() }
    }
}
