//! Differing fields of two states of an entity, for people and programs.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::Sample;

/// A differing field. `before` and `after` of a changed value, `added` or `removed` alone, or what
/// a list has `lost` and `gained`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldChange {
    /// Its path, with dots; empty for the whole document.
    pub field: String,
    /// The earlier value.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub before: Option<Value>,
    /// The later value.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub after: Option<Value>,
    /// The value of a field that was added.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub added: Option<Value>,
    /// The value of a field that was removed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub removed: Option<Value>,
    /// The items that a list has no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Vec<Value>>,
    /// The items that were added to a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gained: Option<Vec<Value>>,
}

/// How a document changed: the data of an event of a route that sends differences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentDifference {
    /// What happened to what: `provider_updated`, `stack_created`, `schema_deleted`.
    pub event: String,
    /// The xid of the document.
    pub path: String,
    /// The fields of the document that differ; at most 1,000.
    pub changes: Vec<FieldChange>,
    /// The attributes that differ, such as the labels or the state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<FieldChange>,
    /// When it changed, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub timestamp: String,
    /// Whether the document before or after was purged since, so that they can't be compared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub purged: bool,
    /// Whether the differences are left out, because they are too large for an event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// A member that is there, even if it is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Sample for DocumentDifference {
    fn sample() -> Self {
        Self {
            event: "provider_updated".to_owned(),
            path: "/providers/cms/entries/sanity".to_owned(),
            changes: vec![FieldChange::sample()],
            timestamp: "2026-11-21T10:12:03.000127Z".to_owned(),
            ..Self::default()
        }
    }
}

impl Sample for FieldChange {
    fn sample() -> Self {
        Self {
            field: "monthly_cost_range".to_owned(),
            before: Some(vec![65, 280].into()),
            after: Some(vec![75, 280].into()),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn keeps_a_value_that_is_null() {
        for text in [
            r#"{"field":"a","before":null,"after":1}"#,
            r#"{"field":"a","added":null}"#,
            r#"{"field":"a","lost":[],"gained":[null]}"#,
        ] {
            let read: FieldChange = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }
}
