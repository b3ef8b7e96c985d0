//! What differs between two documents, field by field, as people read it.

use std::collections::BTreeMap;

use muster_words::json::{Value, to_canonical};

use crate::output::table::cut;

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where, with dots between the steps.
    pub path: String,
    /// How.
    pub difference: Difference,
}

/// How a field differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is new.
    Added(Value),
    /// It is gone.
    Removed(Value),
    /// It has another value.
    Changed(Value, Value),
    /// It is a list that lost and gained some.
    List {
        /// What it lost.
        removed: Vec<Value>,
        /// What it gained.
        added: Vec<Value>,
    },
}

/// Columns of one value; more is for `muster get`.
const VALUE_WIDTH_MAX: usize = 60;

/// Letters of a long text that are told before the place where it differs.
const BEFORE_DIFFERENCE: usize = 20;

/// Fields of one document that are told of.
const FIELDS_MAX: usize = 1_000;

/// Every field that differs, in the order of their paths.
#[must_use]
pub fn fields(before: &Value, after: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found
}

/// Compares two documents of bytes: JSON by fields, else as wholes by their size.
#[must_use]
pub fn documents(before: &[u8], after: &[u8]) -> Vec<Field> {
    let read = |bytes| muster_words::json::parse(bytes).ok();
    match (read(before), read(after)) {
        (Some(old), Some(new)) => {
            let found = fields(&old, &new);
            let only_layout = found.is_empty() && before != after;
            if only_layout { vec![text_field("layout", "one", "another")] } else { found }
        }
        _ => {
            let size = |bytes: &[u8]| format!("{} bytes", bytes.len());
            vec![text_field("document", &size(before), &size(after))]
        }
    }
}

fn text_field(path: &str, before: &str, after: &str) -> Field {
    let difference = Difference::Changed(before.into(), after.into());
    Field { path: path.to_owned(), difference }
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<Field>) {
    if before == after || found.len() >= FIELDS_MAX {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (old.get(key), new.get(key)) {
                    (Some(old), Some(new)) => compare(&path, old, new, found),
                    (Some(old), None) => {
                        found.push(Field { path, difference: Difference::Removed(old.clone()) });
                    }
                    (None, Some(new)) => {
                        found.push(Field { path, difference: Difference::Added(new.clone()) });
                    }
                    (None, None) => {}
                }
            }
        }
        (before, after) => {
            let difference = as_lists(before, after)
                .unwrap_or_else(|| Difference::Changed(before.clone(), after.clone()));
            found.push(Field { path: path.to_owned(), difference });
        }
    }
}

/// Lists of texts or of objects are told by what came and went; lists of numbers, and those whose
/// order alone changed, as wholes.
fn as_lists(before: &Value, after: &Value) -> Option<Difference> {
    let (before, after) = (before.as_array()?, after.as_array()?);
    if before.iter().chain(after).any(Value::is_number) {
        return None;
    }
    let (removed, added) = (missing(before, after), missing(after, before));
    let tells = !(removed.is_empty() && added.is_empty());
    tells.then_some(Difference::List { removed, added })
}

/// What one list has more often than the other.
fn missing(from: &[Value], within: &[Value]) -> Vec<Value> {
    let mut counts: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for item in within {
        *counts.entry(to_canonical(item)).or_default() += 1;
    }
    from.iter()
        .filter(|item| match counts.get_mut(&to_canonical(item)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .cloned()
        .collect()
}

impl Difference {
    /// The difference as a text in one line: `[65, 280] → [75, 280]`, `+ "visual_editing"`.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Added(value) => format!("+ {}", short(value)),
            Self::Removed(value) => format!("- {}", short(value)),
            Self::Changed(Value::String(before), Value::String(after)) => {
                let skipped = alike(before, after);
                let told = |text: &str| short(&from(text, skipped).into());
                format!("{} → {}", told(before), told(after))
            }
            Self::Changed(before, after) => format!("{} → {}", short(before), short(after)),
            Self::List { removed, added } => {
                let parts = |sign: &str, items: &[Value]| {
                    items.iter().map(|item| format!("{sign} {}", short(item))).collect::<Vec<_>>()
                };
                let all = [parts("-", removed), parts("+", added)].concat();
                cut(&all.join(" "), VALUE_WIDTH_MAX * 2)
            }
        }
    }
}

/// Letters at the start of two long texts that needn't be told, because both have them.
fn alike(before: &str, after: &str) -> usize {
    let longest = before.chars().count().max(after.chars().count());
    let same = before.chars().zip(after.chars()).take_while(|(old, new)| old == new).count();
    if longest + 2 <= VALUE_WIDTH_MAX { 0 } else { same.saturating_sub(BEFORE_DIFFERENCE) }
}

/// A text without its first letters, `…` in their place.
fn from(text: &str, skipped: usize) -> String {
    if skipped == 0 {
        return text.to_owned();
    }
    let rest: String = text.chars().skip(skipped).collect();
    format!("…{rest}")
}

/// A value in one line, cut where it is long.
#[must_use]
pub fn short(value: &Value) -> String {
    cut(&spaced(value), VALUE_WIDTH_MAX)
}

/// JSON as people write it in one line.
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
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value) -> Vec<String> {
        fields(before, after)
            .iter()
            .map(|field| format!("{} {}", field.path, field.difference.text()))
            .collect()
    }

    #[test]
    fn tells_each_field_that_differs() {
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
            assert_eq!(told(&before, &after), expect, "{before} {after}");
        }
    }

    #[test]
    fn tells_bytes_that_differ_where_values_do_not() {
        for (before, after, expect) in [
            ("{\"a\":1}", "{\"a\":2}", vec!["a 1 → 2"]),
            ("{}", "{ }", vec!["layout \"one\" → \"another\""]),
            ("{}", "{}", vec![]),
            ("text", "other", vec!["document \"4 bytes\" → \"5 bytes\""]),
        ] {
            let fields = documents(before.as_bytes(), after.as_bytes());
            let told: Vec<String> =
                fields.iter().map(|f| format!("{} {}", f.path, f.difference.text())).collect();
            assert_eq!(told, expect, "{before} {after}");
        }
    }

    #[test]
    fn tells_long_texts_from_where_they_differ() {
        let before = json!({"t": format!("{}, and the end", "x".repeat(90))});
        let after = json!({"t": format!("{}, and another end", "x".repeat(90))});
        let text = "\"…xxxxxxxxxxxxxx, and the end\" → \"…xxxxxxxxxxxxxx, and another end\"";
        assert_eq!(told(&before, &after), [format!("t {text}")]);
    }

    #[test]
    fn cuts_long_values() {
        let long = "x".repeat(500);
        let text = Difference::Added(long.into()).text();
        assert_eq!(text.chars().count(), 62);
        assert!(text.ends_with('…'));
    }

    proptest! {
        #[test]
        fn finds_a_difference_exactly_where_there_is_one(
            before in proptest::collection::btree_map("[ab]", 0_u8..3, 0..3),
            after in proptest::collection::btree_map("[ab]", 0_u8..3, 0..3),
        ) {
            let found = fields(&json!(before), &json!(after));
            let expect = ["a", "b"].iter().filter(|key| before.get(**key) != after.get(**key));
            prop_assert_eq!(found.len(), expect.count());
        }
    }
}
