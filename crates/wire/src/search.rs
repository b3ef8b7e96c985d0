//! `GET /search` and `GET /search/providers`: documents by what is in them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Sample;

/// A page of documents that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SearchAnswer {
    /// The documents of the page, in the requested order.
    pub documents: Vec<FoundDocument>,
    /// The number of all documents that were found.
    pub count: u64,
    /// Whether there may be more than `count`: a full text search stops at its limit.
    #[serde(default, skip_serializing_if = "is_false")]
    pub count_is_least: bool,
    /// How often each value of a field occurs among all documents that were found.
    pub facets: BTreeMap<String, FacetCounts>,
    /// The URL of the next page; null on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "uri"))]
    pub next: Option<String>,
    /// How many entries of the ledger the full text search doesn't know yet; null without `q`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_behind: Option<u64>,
}

/// A document that was found, with its default version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundDocument {
    /// The document's xid.
    pub xid: String,
    /// Its default version.
    pub versionid: String,
    /// The lifecycle state of that version.
    pub state: String,
    /// When that version was last modified, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub modifiedat: String,
    /// The attribute `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The attribute `labels`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The document as data, or the fields of it that `show` names; null if it isn't JSON or YAML.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub document: Value,
    /// A part of its text, with one of the words, if `show` asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
}

/// How often the values of a field occur.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FacetCounts {
    /// The most frequent values, at most 20.
    pub values: Vec<FacetValue>,
    /// The number of other values.
    pub others: u64,
    /// Whether the values weren't counted, because there are too many for so many documents.
    #[serde(default, skip_serializing_if = "is_false")]
    pub left_out: bool,
}

/// How many documents have a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FacetValue {
    /// The value.
    pub value: Value,
    /// The number of documents.
    pub count: u64,
}

/// The providers that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderAnswer {
    /// The documents, whole. If there are more than a page holds, the header `Link` names the next
    /// page.
    pub providers: Vec<Value>,
    /// The number of all providers that were found.
    pub count: u64,
    /// The query, as it was understood.
    pub query: ProviderQuery,
}

/// What was asked of providers; null where nothing was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProviderQuery {
    /// The value of `provider_type`.
    pub provider_type: Option<String>,
    /// A value of `key_features`.
    pub feature: Option<String>,
    /// The most that the lower end of `monthly_cost_range` may be.
    pub max_cost: Option<serde_json::Number>,
    /// The value of `complexity_level`.
    pub complexity: Option<String>,
    /// A value of `ssg_engine_options` or of `ssg_engine`.
    pub ssg_engine: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

fn sample_document() -> Value {
    json!({
        "provider_type": "cms",
        "provider_name": "decap",
        "key_features": ["git_based", "visual_editing"],
        "ssg_engine_options": ["hugo", "eleventy"],
        "monthly_cost_range": [50, 75],
        "complexity_level": "low",
    })
}

impl Sample for SearchAnswer {
    fn sample() -> Self {
        let value = FacetValue { value: "stable".into(), count: 1 };
        let facet = FacetCounts { values: vec![value], others: 0, left_out: false };
        Self {
            documents: vec![FoundDocument {
                xid: "/providers/cms/entries/decap".to_owned(),
                versionid: "1".to_owned(),
                state: "stable".to_owned(),
                modifiedat: "2026-11-21T10:12:03.000412Z".to_owned(),
                document: sample_document(),
                ..FoundDocument::default()
            }],
            count: 1,
            count_is_least: false,
            facets: [("state".to_owned(), facet)].into(),
            next: None,
            text_behind: None,
        }
    }
}

impl Sample for ProviderAnswer {
    fn sample() -> Self {
        let query = ProviderQuery {
            feature: Some("visual_editing".to_owned()),
            max_cost: Some(100.into()),
            ..ProviderQuery::default()
        };
        Self { providers: vec![sample_document()], count: 1, query }
    }
}
