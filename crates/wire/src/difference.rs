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

/// A member that is there, even if it is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
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
