//! Muster's aspects of a resource type as labels of the type. In xRegistry a model has no room for
//! members that the specification doesn't know, and its own client refuses them, but labels are
//! free.

use std::borrow::Cow;

use muster_words::json;
use serde_json::{Map, Value};

use super::{
    Foundation, Model, ModelFault,
    limits::beginning,
    names::{KEY_RULE, is_map_key},
    parsed::ObjectReader,
};

/// How labels begin that mean something to this server.
pub(super) const PREFIX: &str = "muster.";

/// The members of an aspect; each is a label with the prefix.
const ASPECTS: [&str; 7] =
    ["frozen", "schema", "message", "assert_format", "rules", "references", "indexed"];

/// Labels with the prefix that any type may have, and the model: the name of the folder that brought
/// it.
const OF_TYPES: [&str; 1] = ["folder"];

/// The former form of an aspect: one member of the type.
const MEMBER: &str = "muster";

/// Reads the aspect of a resource type and takes its labels out of `notes`. The former form, a
/// member `muster`, is read as well.
pub(super) fn take_aspect(
    resource: &mut ObjectReader<'_>,
    notes: &mut Map<String, Value>,
) -> Result<Option<Map<String, Value>>, ModelFault> {
    let mut members = resource.object(MEMBER)?.cloned().unwrap_or_default();
    members.retain(|_, value| !value.is_null());
    let mut labels = labels_of(notes);
    for name in ASPECTS {
        let Some(Value::String(text)) = labels.remove(&label(name)) else { continue };
        if members.insert(name.to_owned(), value_of(name, text)).is_some() {
            return Err(ModelFault::NotThere {
                place: resource.place().to_owned(),
                aspect: MEMBER,
                reason: "a label of the type says the same",
            });
        }
    }
    set_labels(notes, labels);
    Ok((!members.is_empty()).then_some(members))
}

/// Adds the labels of an aspect to the notes of its type.
pub(super) fn add_aspect(notes: &mut Map<String, Value>, aspect: &Map<String, Value>) {
    let mut labels = labels_of(notes);
    labels.extend(aspect.iter().map(|(name, value)| (label(name), text_of(value).into())));
    set_labels(notes, labels);
}

/// A model source in which Muster's aspects are labels, however they were written. A source with
/// includes stays as it is, because they point at places in it.
#[must_use]
pub fn aspects_in_labels(source: &Value) -> Value {
    let mut whole = source.clone();
    if has_includes(source) {
        return whole;
    }
    let groups = whole.get_mut("groups").and_then(Value::as_object_mut);
    for group in groups.into_iter().flat_map(Map::values_mut) {
        let resources = group.get_mut("resources").and_then(Value::as_object_mut);
        for resource in resources.into_iter().flat_map(Map::values_mut) {
            let Some(resource) = resource.as_object_mut() else { continue };
            if let Some(Value::Object(mut aspect)) = resource.remove(MEMBER) {
                aspect.retain(|_, value| !value.is_null());
                add_aspect(resource, &aspect);
            }
        }
    }
    whole
}

fn has_includes(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.iter().any(|(name, value)| name.starts_with("$include") || has_includes(value))
        }
        Value::Array(items) => items.iter().any(has_includes),
        _ => false,
    }
}

impl Model {
    /// Checks that labels have keys of a map (core, "Attributes"), and that none begins like ours
    /// and isn't one of ours: a misspelt binding would bind nothing. Only a new model is checked, so
    /// that models in ledgers and of other releases stay readable.
    ///
    /// # Errors
    /// [`ModelFault::Name`], [`ModelFault::UnknownLabel`].
    pub fn check_labels(&self, foundation: Foundation) -> Result<(), ModelFault> {
        let check = |place: &str, notes: &Map<String, Value>, known: &[&str]| {
            check_keys(place, notes)?;
            if foundation == Foundation::Bare { Ok(()) } else { check_ours(place, notes, known) }
        };
        check("model", &self.notes, &OF_TYPES)?;
        for group in self.group_types() {
            let place = format!("model.groups.{}", group.plural);
            check(&place, &group.notes, &OF_TYPES)?;
            for resource in group.resources.values() {
                let place = format!("{place}.resources.{}", resource.plural);
                check(&place, &resource.notes, &[&ASPECTS[..], &OF_TYPES].concat())?;
            }
        }
        Ok(())
    }
}

fn keys(notes: &Map<String, Value>) -> impl Iterator<Item = &String> {
    notes.get("labels").and_then(Value::as_object).into_iter().flat_map(Map::keys)
}

fn check_keys(place: &str, notes: &Map<String, Value>) -> Result<(), ModelFault> {
    match keys(notes).find(|key| !is_map_key(key)) {
        None => Ok(()),
        Some(key) => Err(ModelFault::Name {
            place: format!("{place}.labels"),
            name: beginning(key),
            rule: KEY_RULE,
        }),
    }
}

fn check_ours(place: &str, notes: &Map<String, Value>, known: &[&str]) -> Result<(), ModelFault> {
    let is_unknown = |name: &str| !known.contains(&name);
    let unknown = keys(notes).find(|key| key.strip_prefix(PREFIX).is_some_and(is_unknown));
    let Some(unknown) = unknown else { return Ok(()) };
    let known: Vec<String> = known.iter().map(|name| label(name)).collect();
    Err(ModelFault::UnknownLabel {
        place: format!("{place}.labels"),
        label: beginning(unknown),
        known: known.join(", "),
    })
}

fn label(name: &str) -> String {
    [PREFIX, name].concat()
}

/// The labels in the notes of a type.
fn labels_of(notes: &Map<String, Value>) -> Map<String, Value> {
    notes.get("labels").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn set_labels(notes: &mut Map<String, Value>, labels: Map<String, Value>) {
    if labels.is_empty() {
        notes.remove("labels");
    } else {
        notes.insert("labels".to_owned(), labels.into());
    }
}

/// What a label's text means: JSON where it is JSON, otherwise itself. One rule needs no list.
fn value_of(name: &str, text: String) -> Value {
    match json::parse(text.as_bytes()) {
        Ok(value) => value,
        Err(_) if name == "rules" => Value::Array(vec![text.into()]),
        Err(_) => text.into(),
    }
}

/// The text of an aspect's member in a label: texts as they are, everything else as JSON.
fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}
