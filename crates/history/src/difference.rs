//! Differences between two states of a document: as fields for people, as names of attributes for
//! events, as lines of text, and as a JSON Patch for programs.

mod lines;
mod patch;

use std::collections::{BTreeMap, BTreeSet};

pub use lines::{Line, lines, unified};
use muster_words::{
    Notation,
    json::{Map, Value, to_canonical},
};
pub use patch::{PatchOperation, patch, patch_to_json};

/// A differing field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    /// Its path, with dots; empty for the whole document.
    pub path: String,
    /// The difference.
    pub difference: Difference,
}

/// How a field differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It was added.
    Added(Value),
    /// It was removed.
    Removed(Value),
    /// It has another value.
    Changed(Value, Value),
    /// It is a list in which items were added or removed.
    List {
        /// The removed items.
        removed: Vec<Value>,
        /// The added items.
        added: Vec<Value>,
    },
}

/// The maximum number of compared fields; further ones are left out.
const FIELDS_MAX: usize = 1_000;

/// The bytes of all their paths; fields beyond it are left out, too. One long name above many
/// members is a part of each of their paths.
const PATHS_BYTES_MAX: usize = 1024 * 1024;

/// Every differing field, sorted by path.
#[must_use]
pub fn fields(before: &Value, after: &Value) -> Vec<FieldDifference> {
    let mut room = PATHS_BYTES_MAX;
    let fits = |place: &Place<'_>| {
        let bytes = place.path.iter().map(|step| step.len() + 1).sum();
        room.checked_sub(bytes).map(|left| room = left).is_some()
    };
    places(before, after, FIELDS_MAX)
        .into_iter()
        .take_while(fits)
        .filter_map(|place| {
            Some(FieldDifference { path: place.path.join("."), difference: place.read()? })
        })
        .collect()
}

/// A document, and how its data is written.
pub type WrittenDocument<'a> = (Notation, &'a [u8]);

/// Compares two documents: JSON and YAML by fields, anything else as a whole by its size.
#[must_use]
pub fn documents(
    (was, before): WrittenDocument<'_>,
    (is, after): WrittenDocument<'_>,
) -> Vec<FieldDifference> {
    if let (Ok(old), Ok(new)) = (was.parse(before), is.parse(after)) {
        let found = fields(&old, &new);
        let only_layout = found.is_empty() && before != after;
        return if only_layout { vec![text_field("layout", "one", "another")] } else { found };
    }
    let size = |bytes: &[u8]| format!("{} bytes", bytes.len());
    vec![text_field("document", &size(before), &size(after))]
}

/// The names of the attributes that differ between two sets.
pub fn names<'a>(
    before: &'a Map<String, Value>,
    after: &'a Map<String, Value>,
) -> impl Iterator<Item = &'a str> {
    members(before, after).map(|(name, ..)| name)
}

fn text_field(path: &str, before: &str, after: &str) -> FieldDifference {
    let difference = Difference::Changed(before.into(), after.into());
    FieldDifference { path: path.to_owned(), difference }
}

/// A place at which two documents differ: the deepest one that exists in both.
struct Place<'a> {
    path: Vec<&'a str>,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
}

/// The first places at which two documents differ, sorted by path.
fn places<'a>(before: &'a Value, after: &'a Value, max: usize) -> Vec<Place<'a>> {
    let mut found = Vec::new();
    if before != after {
        compare(&mut Vec::new(), (Some(before), Some(after)), max, &mut found);
    }
    found
}

fn compare<'a>(
    path: &mut Vec<&'a str>,
    (before, after): (Option<&'a Value>, Option<&'a Value>),
    max: usize,
    found: &mut Vec<Place<'a>>,
) {
    if found.len() >= max {
        return;
    }
    if let (Some(Value::Object(old)), Some(Value::Object(new))) = (before, after) {
        for (name, before, after) in members(old, new) {
            path.push(name);
            compare(path, (before, after), max, found);
            path.pop();
        }
        return;
    }
    found.push(Place { path: path.clone(), before, after });
}

/// The differing members of two objects, sorted by name.
fn members<'a>(
    before: &'a Map<String, Value>,
    after: &'a Map<String, Value>,
) -> impl Iterator<Item = (&'a str, Option<&'a Value>, Option<&'a Value>)> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter_map(|name| {
        let (old, new) = (before.get(name), after.get(name));
        (old != new).then_some((name.as_str(), old, new))
    })
}

impl Place<'_> {
    fn read(&self) -> Option<Difference> {
        Some(match (self.before, self.after) {
            (Some(before), Some(after)) => items(before, after)
                .unwrap_or_else(|| Difference::Changed(before.clone(), after.clone())),
            (Some(before), None) => Difference::Removed(before.clone()),
            (None, Some(after)) => Difference::Added(after.clone()),
            (None, None) => return None,
        })
    }
}

/// Lists of strings or objects differ by added and removed items. Lists of numbers, and lists in
/// which only the order changed, differ as a whole.
fn items(before: &Value, after: &Value) -> Option<Difference> {
    let (before, after) = (before.as_array()?, after.as_array()?);
    if before.iter().chain(after).any(Value::is_number) {
        return None;
    }
    let (removed, added) = (missing(before, after), missing(after, before));
    let differs = !(removed.is_empty() && added.is_empty());
    differs.then_some(Difference::List { removed, added })
}

/// The items that one list has more often than the other.
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

#[cfg(test)]
mod tests;
