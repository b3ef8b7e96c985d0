use serde::Serialize;
use serde_json::Value;

/// One field that differs between two documents.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangedField {
    /// Where it is, as a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// What it was; absent if it wasn't there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is; absent if it isn't there any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// The fields in which two documents differ, in the order of their names. Arrays of other lengths
/// differ as a whole: which element was added isn't certain.
#[must_use]
pub fn fields_changed(before: &Value, after: &Value) -> Vec<ChangedField> {
    let mut found = Vec::new();
    compare(String::new(), before, after, &mut found);
    found
}

fn compare(pointer: String, before: &Value, after: &Value, found: &mut Vec<ChangedField>) {
    let below = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, was) in old {
                match new.get(name) {
                    Some(is) => compare(below(name), was, is, found),
                    None => found.push(changed(below(name), Some(was), None)),
                }
            }
            let added = new.iter().filter(|(name, _)| !old.contains_key(*name));
            found.extend(added.map(|(name, is)| changed(below(name), None, Some(is))));
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (was, is)) in old.iter().zip(new).enumerate() {
                compare(below(&index.to_string()), was, is, found);
            }
        }
        _ if before == after => {}
        _ => found.push(changed(pointer, Some(before), Some(after))),
    }
}

fn changed(pointer: String, before: Option<&Value>, after: Option<&Value>) -> ChangedField {
    ChangedField { pointer, before: before.cloned(), after: after.cloned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_each_field_that_differs() {
        for (before, after, expect) in [
            (json!({"a": 1}), json!({"a": 1}), json!([])),
            (json!({"a": 1}), json!({"a": 2}), json!([{"pointer": "/a", "before": 1, "after": 2}])),
            (json!({"a/b~": 1}), json!({}), json!([{"pointer": "/a~1b~0", "before": 1}])),
            (json!({}), json!({"a": null}), json!([{"pointer": "/a", "after": null}])),
            (
                json!({"a": [1, {"b": 2}]}),
                json!({"a": [1, {"b": 3}]}),
                json!([{"pointer": "/a/1/b", "before": 2, "after": 3}]),
            ),
            (json!([1]), json!([1, 2]), json!([{"pointer": "", "before": [1], "after": [1, 2]}])),
        ] {
            let found = serde_json::to_value(fields_changed(&before, &after)).unwrap_or_default();
            assert_eq!(found, expect, "{before} {after}");
        }
    }
}
