//! Differences between documents, each on one line.

use muster_history::difference::{Difference, FieldDifference};
use muster_wire::difference::FieldChange;
use muster_words::json::Value;

use super::table::cut;

/// The maximum width of a value, in columns. `muster get` shows longer ones.
const VALUE_WIDTH_MAX: usize = 60;

/// How many letters of a long text are shown before the first difference.
const BEFORE_DIFFERENCE: usize = 20;

/// A difference in one line: `[65, 280] → [75, 280]`, `+ "visual_editing"`.
#[must_use]
pub fn one_line(difference: &Difference) -> String {
    match difference {
        Difference::Added(value) => format!("+ {}", short(value)),
        Difference::Removed(value) => format!("- {}", short(value)),
        Difference::Changed(Value::String(before), Value::String(after)) => {
            let skipped = alike(before, after);
            let shown = |text: &str| short(&from(text, skipped).into());
            format!("{} → {}", shown(before), shown(after))
        }
        Difference::Changed(before, after) => format!("{} → {}", short(before), short(after)),
        Difference::List { removed, added } => {
            let parts = |sign: &str, items: &[Value]| {
                items.iter().map(|item| format!("{sign} {}", short(item))).collect::<Vec<_>>()
            };
            let all = [parts("-", removed), parts("+", added)].concat();
            cut(&all.join(" "), VALUE_WIDTH_MAX * 2)
        }
    }
}

/// A differing field, as a server tells it; none if it is of a kind that this release doesn't know.
#[must_use]
pub fn field_difference(change: FieldChange) -> Option<FieldDifference> {
    let FieldChange { field, before, after, added, removed, lost, gained } = change;
    let difference = match (before, after, added, removed, lost, gained) {
        (Some(before), Some(after), None, None, None, None) => Difference::Changed(before, after),
        (None, None, Some(added), None, None, None) => Difference::Added(added),
        (None, None, None, Some(removed), None, None) => Difference::Removed(removed),
        (None, None, None, None, Some(removed), Some(added)) => Difference::List { removed, added },
        _ => return None,
    };
    Some(FieldDifference { path: field, difference })
}

/// How many letters at the start of two long texts can be cut, because they are equal.
fn alike(before: &str, after: &str) -> usize {
    let longest = before.chars().count().max(after.chars().count());
    let same = before.chars().zip(after.chars()).take_while(|(old, new)| old == new).count();
    if longest + 2 <= VALUE_WIDTH_MAX { 0 } else { same.saturating_sub(BEFORE_DIFFERENCE) }
}

/// A text without its first letters, which become `…`.
fn from(text: &str, skipped: usize) -> String {
    if skipped == 0 {
        return text.to_owned();
    }
    let rest: String = text.chars().skip(skipped).collect();
    format!("…{rest}")
}

/// A value on one line, cut if it is long.
#[must_use]
pub fn short(value: &Value) -> String {
    cut(&spaced(value), VALUE_WIDTH_MAX)
}

/// JSON on one line, with spaces.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let member = |(key, value)| format!("{}: {}", Value::String(key), spaced(&value));
            let members: Vec<String> = map.clone().into_iter().map(member).collect();
            format!("{{{}}}", members.join(", "))
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use muster_history::difference::fields;
    use serde_json::json;

    use super::*;

    fn shown(before: &Value, after: &Value) -> Vec<String> {
        fields(before, after)
            .iter()
            .map(|field| format!("{} {}", field.path, one_line(&field.difference)))
            .collect()
    }

    #[test]
    fn shows_each_field_that_differs() {
        for (before, after, expect) in [
            (json!({"a": 1}), json!({"a": 1}), vec![]),
            (json!({"r": [65, 280]}), json!({"r": [75, 280]}), vec!["r [65, 280] → [75, 280]"]),
            (json!({"f": ["a"]}), json!({"f": ["a", "b"]}), vec!["f + \"b\""]),
            (json!({"f": ["a", "a"]}), json!({"f": ["a", "c"]}), vec!["f - \"a\" + \"c\""]),
            (
                json!({"f": ["a", "b"]}),
                json!({"f": ["b", "a"]}),
                vec!["f [\"a\", \"b\"] → [\"b\", \"a\"]"],
            ),
            (
                json!({"n": {"x": 1, "y": true}, "gone": null}),
                json!({"n": {"x": "1", "y": true}, "new": {"k": []}}),
                vec!["gone - null", "n.x 1 → \"1\"", "new + {\"k\": []}"],
            ),
            (json!([1]), json!({}), vec![" [1] → {}"]),
        ] {
            assert_eq!(shown(&before, &after), expect, "{before} {after}");
        }
    }

    #[test]
    fn shows_long_texts_from_where_they_differ() {
        let before = json!({"t": format!("{}, and the end", "x".repeat(90))});
        let after = json!({"t": format!("{}, and another end", "x".repeat(90))});
        let text = "\"…xxxxxxxxxxxxxx, and the end\" → \"…xxxxxxxxxxxxxx, and another end\"";
        assert_eq!(shown(&before, &after), [format!("t {text}")]);
    }

    #[test]
    fn cuts_long_values() {
        let long = "x".repeat(500);
        let text = one_line(&Difference::Added(long.into()));
        assert_eq!(text.chars().count(), 62);
        assert!(text.ends_with('…'));
    }
}
