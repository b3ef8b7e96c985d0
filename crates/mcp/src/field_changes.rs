use muster_wire::difference::FieldChange;
use serde_json::Value;

/// The most differing fields that a plan lists.
const FIELDS_MAX: usize = 100;

/// The fields in which two documents differ, in order; lists are compared as a whole. The second
/// number says how many are left out.
pub(crate) fn field_changes(before: &Value, after: &Value) -> (Vec<FieldChange>, usize) {
    let mut found = Vec::new();
    collect("", before, after, &mut found);
    let left_out = found.len().saturating_sub(FIELDS_MAX);
    found.truncate(FIELDS_MAX);
    (found, left_out)
}

fn collect(path: &str, before: &Value, after: &Value, found: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
        let (before, after) = (Some(before.clone()), Some(after.clone()));
        found.push(FieldChange { field: path.to_owned(), before, after, ..FieldChange::default() });
        return;
    };
    let field = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    for (name, value) in old {
        match new.get(name) {
            Some(other) => collect(&field(name), value, other, found),
            None => found.push(FieldChange {
                field: field(name),
                removed: Some(value.clone()),
                ..FieldChange::default()
            }),
        }
    }
    for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        let added = Some(value.clone());
        found.push(FieldChange { field: field(name), added, ..FieldChange::default() });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_each_field_that_differs() {
        for (before, after, expect) in [
            (json!({"a": 1}), json!({"a": 1}), json!([])),
            (json!({"a": 1}), json!({"a": 2}), json!([{"field": "a", "before": 1, "after": 2}])),
            (json!({"a": 1}), json!({}), json!([{"field": "a", "removed": 1}])),
            (json!({}), json!({"a": null}), json!([{"field": "a", "added": null}])),
            (
                json!({"a": {"b": [1], "c": 2}}),
                json!({"a": {"b": [1, 2], "c": 2}}),
                json!([{"field": "a.b", "before": [1], "after": [1, 2]}]),
            ),
            (json!([1]), json!({}), json!([{"field": "", "before": [1], "after": {}}])),
        ] {
            let (found, left_out) = field_changes(&before, &after);
            assert_eq!((crate::answer::json(&found), left_out), (expect, 0), "{before} {after}");
        }
    }

    #[test]
    fn lists_a_bounded_number() {
        let many: serde_json::Map<String, Value> =
            (0..FIELDS_MAX + 3).map(|number| (number.to_string(), number.into())).collect();
        let (found, left_out) = field_changes(&json!({}), &many.into());
        assert_eq!((found.len(), left_out), (FIELDS_MAX, 3));
    }
}
