//! `GET /diff`: what differs between two states of a registry, or of a part of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{OrOther, Sample, difference::FieldChange};

/// A page of differing groups and documents, sorted by xid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffPage {
    /// The earlier state.
    pub from: DiffSide,
    /// The later state.
    pub to: DiffSide,
    /// The differing groups and documents.
    pub changes: Vec<EntityDiff>,
    /// The URL of the next page; null on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri"))]
    pub next: Option<String>,
}

/// A state that is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffSide {
    /// The position of the registry.
    pub position: u64,
    /// When its last command was decided, RFC 3339 in UTC; absent before the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub time: Option<String>,
    /// The version of the document, if a version was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// How one group or document differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntityDiff {
    /// The xid.
    pub xid: String,
    /// The difference.
    pub act: OrOther<DiffAct>,
    /// The version that it showed earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_version: Option<String>,
    /// The version that it showed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_version: Option<String>,
    /// The fields of the document that differ, for people; at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// The JSON Patch (RFC 6902) that turns the data of the earlier document into that of the later
    /// one; absent if the document is the same or isn't JSON or YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<Value>,
    /// The lines in which documents differ that aren't JSON or YAML, as a unified diff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
    /// The attributes that differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<FieldChange>,
    /// Whether contents of one of the two were purged, so that they can't be compared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub purged: bool,
}

/// How a group or a document differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiffAct {
    /// Only the later state has it.
    Added,
    /// Only the earlier state has it.
    Removed,
    /// Both have it.
    Changed,
}

impl Sample for DiffPage {
    fn sample() -> Self {
        let side = |position, time: &str, version: &str| DiffSide {
            position,
            time: Some(time.to_owned()),
            version: Some(version.to_owned()),
        };
        let patch = json!([{"op": "replace", "path": "/monthly_cost_range/0", "value": 75}]);
        let changed = EntityDiff {
            xid: "/providers/cms/entries/sanity".to_owned(),
            act: DiffAct::Changed.into(),
            from_version: Some("1".to_owned()),
            to_version: Some("2".to_owned()),
            fields: vec![FieldChange::sample()],
            patch: Some(patch),
            lines: None,
            attributes: Vec::new(),
            purged: false,
        };
        Self {
            from: side(1204, "2026-11-21T10:12:03.000412Z", "1"),
            to: side(1312, "2026-11-22T08:00:00.000001Z", "2"),
            changes: vec![changed],
            next: None,
        }
    }
}
