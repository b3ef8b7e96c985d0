use bytes::Bytes;
use muster_words::{Notation, json};
use serde_json::{Map, Value};

use super::SyncContent;

/// The three-way merge of two contents that both come from a third one; none if both changed the same
/// thing differently. It is symmetric, so two registries that merge the same get the same.
#[must_use]
pub fn merged(base: &SyncContent, one: &SyncContent, other: &SyncContent) -> Option<SyncContent> {
    merge(base, (one, other), Tie::Undecided)
}

/// The same, and what both changed differently is what the other one says; none if the documents differ
/// and can't be merged.
#[must_use]
pub fn merged_preferring(
    base: &SyncContent,
    one: &SyncContent,
    other: &SyncContent,
) -> Option<SyncContent> {
    merge(base, (one, other), Tie::Other)
}

/// What becomes of a thing that both changed differently.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tie {
    Undecided,
    Other,
}

impl Tie {
    fn or<T>(self, chosen: Option<T>, other: T) -> Option<T> {
        chosen.or_else(|| (self == Self::Other).then_some(other))
    }
}

fn merge(
    base: &SyncContent,
    (one, other): (&SyncContent, &SyncContent),
    tie: Tie,
) -> Option<SyncContent> {
    let kind = chosen(&base.content_type, &one.content_type, &other.content_type);
    let content_type = tie.or(kind, &other.content_type)?;
    let attributes = members(&base.attributes, &one.attributes, &other.attributes, tie)?;
    let bytes = match chosen(&base.bytes, &one.bytes, &other.bytes) {
        Some(bytes) => bytes.clone(),
        None => Some(documents(content_type.as_deref(), base, (one, other), tie)?),
    };
    let state = *tie.or(chosen(&base.state, &one.state, &other.state), &other.state)?;
    Some(SyncContent { bytes, content_type: content_type.clone(), attributes, state })
}

/// The value that one of both changed; none if both did, differently.
fn chosen<'a, T: PartialEq>(base: &T, one: &'a T, other: &'a T) -> Option<&'a T> {
    if one == other || other == base {
        return Some(one);
    }
    (one == base).then_some(other)
}

/// Two documents that both changed. Only JSON is merged: in another notation a merge would lose what
/// isn't data, such as comments.
fn documents(
    content_type: Option<&str>,
    base: &SyncContent,
    (one, other): (&SyncContent, &SyncContent),
    tie: Tie,
) -> Option<Bytes> {
    if Notation::of(content_type) != Notation::Json {
        return None;
    }
    let (base, one_value, other_value) = (base.json()?, one.json()?, other.json()?);
    let merged = value(Some(&base), Some(&one_value), Some(&other_value), tie)??;
    // Where it says what one of both says, the bytes of that one stay.
    if merged == one_value && merged != other_value {
        return one.bytes.clone();
    }
    if merged == other_value && merged != one_value {
        return other.bytes.clone();
    }
    Some(json::to_canonical(&merged).into())
}

/// A value that may be absent, merged; the outer none means a conflict. Objects are merged member by
/// member, and everything else, arrays too, is one value.
fn value(
    base: Option<&Value>,
    one: Option<&Value>,
    other: Option<&Value>,
    tie: Tie,
) -> Option<Option<Value>> {
    if let Some(chosen) = chosen(&base, &one, &other) {
        return Some(chosen.cloned());
    }
    let nothing = Map::new();
    match (base, one, other) {
        (Some(Value::Object(base)), Some(Value::Object(one)), Some(Value::Object(other))) => {
            members(base, one, other, tie).map(Value::Object).map(Some)
        }
        // Both added an object.
        (None, Some(Value::Object(one)), Some(Value::Object(other))) => {
            members(&nothing, one, other, tie).map(Value::Object).map(Some)
        }
        _ => tie.or(None, other.cloned()),
    }
}

fn members(
    base: &Map<String, Value>,
    one: &Map<String, Value>,
    other: &Map<String, Value>,
    tie: Tie,
) -> Option<Map<String, Value>> {
    let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let mut found = Map::new();
    for name in names {
        if let Some(merged) = value(base.get(name), one.get(name), other.get(name), tie)? {
            found.insert(name.clone(), merged);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use serde_json::json;

    use super::*;
    use crate::Lifecycle;

    fn content(value: &Value) -> SyncContent {
        SyncContent {
            bytes: Some(value.to_string().into()),
            content_type: Some("application/json".to_owned()),
            attributes: Map::new(),
            state: Lifecycle::Stable,
        }
    }

    #[test]
    fn merges_member_by_member_and_the_same_from_both_sides() {
        for (base, one, other, expect) in [
            (
                json!({"a": 1}),
                json!({"a": 2}),
                json!({"a": 1, "b": 3}),
                Some(json!({"a": 2, "b": 3})),
            ),
            (json!({"a": 1}), json!({"a": 2}), json!({"a": 3}), None),
            (json!({"a": 1}), json!({"a": 2}), json!({"a": 2}), Some(json!({"a": 2}))),
            (
                json!({"a": 1, "b": 1}),
                json!({"b": 1}),
                json!({"a": 1, "b": 2}),
                Some(json!({"b": 2})),
            ),
            (json!({"a": 1}), json!({}), json!({"a": 2}), None),
            (json!({"a": [1]}), json!({"a": [1, 2]}), json!({"a": [0, 1]}), None),
            (
                json!({"a": [1]}),
                json!({"a": [1, 2]}),
                json!({"a": [1], "b": 0}),
                Some(json!({"a": [1, 2], "b": 0})),
            ),
            (
                json!({"a": {"x": 1}}),
                json!({"a": {"x": 2}}),
                json!({"a": {"x": 1, "y": 1}}),
                Some(json!({"a": {"x": 2, "y": 1}})),
            ),
            (
                json!({}),
                json!({"a": {"x": 1}}),
                json!({"a": {"y": 1}}),
                Some(json!({"a": {"x": 1, "y": 1}})),
            ),
            (json!({}), json!({"a": {"x": 1}}), json!({"a": {"x": 2}}), None),
            (json!(1), json!(2), json!(1), Some(json!(2))),
        ] {
            let (b, o, t) = (content(&base), content(&one), content(&other));
            let found = merged(&b, &o, &t).map(|found| found.json().unwrap());
            assert_eq!(found, expect, "{base} {one} {other}");
            assert_eq!(merged(&b, &o, &t), merged(&b, &t, &o), "{base} {one} {other}");
        }
    }

    #[test]
    fn merges_attributes_states_and_media_types_and_no_yaml() {
        let base = content(&json!({"a": 1}));
        let one = SyncContent { state: Lifecycle::Deprecated, ..base.clone() };
        let mut other = content(&json!({"a": 2}));
        other.attributes.insert("name".to_owned(), "N".into());
        let expect = SyncContent { state: Lifecycle::Deprecated, ..other.clone() };
        assert_eq!(merged(&base, &one, &other), Some(expect));
        let mut third = base.clone();
        third.attributes.insert("name".to_owned(), "M".into());
        assert_eq!(merged(&base, &third, &other), None);
        let yaml = |text: &'static str| SyncContent {
            bytes: Some(Bytes::from_static(text.as_bytes())),
            content_type: Some("application/yaml".to_owned()),
            ..base.clone()
        };
        assert_eq!(merged(&yaml("a: 1"), &yaml("a: 2"), &yaml("a: 1\nb: 1")), None);
        assert_eq!(merged(&yaml("a: 1"), &yaml("a: 2"), &yaml("a: 1")), Some(yaml("a: 2")));
    }
}
