//! `GET /deleted`: the names that a restore could bring back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{OrOther, Sample, entities::HiddenKind};

/// A page of deleted names, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeletedPage {
    /// The names.
    pub names: Vec<DeletedName>,
    /// The URL of the next page; null on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri"))]
    pub next: Option<String>,
}

/// A deleted name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeletedName {
    /// Its xid. What was in it isn't listed: it comes back with it.
    pub xid: String,
    /// What was deleted.
    pub kind: OrOther<HiddenKind>,
    /// The position of the command that deleted it.
    pub position: u64,
    /// When it was deleted, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// Who deleted it: the id of a key, or a placeholder for callers without a key; absent for
    /// callers that may not read the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What people call that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Sample for DeletedPage {
    fn sample() -> Self {
        let name = DeletedName {
            xid: "/providers/cms/entries/sanity".to_owned(),
            kind: HiddenKind::Document.into(),
            position: 1204,
            time: "2026-11-21T10:12:03.000412Z".to_owned(),
            actor: Some("9f3a11c2".to_owned()),
            name: Some("deploy".to_owned()),
        };
        Self { names: vec![name], next: None }
    }
}
