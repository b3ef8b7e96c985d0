//! Which documents a document refers to: a pure function of its bytes and the model.

use std::{collections::BTreeMap, sync::Arc};

use muster_words::{Id, Xid, json};
use serde_json::Value;

use muster_model::{Aspect, Reference};

/// A field that names, or should name, another document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where it stands: a JSON Pointer.
    pub pointer: String,
    /// The document's xid; none: what stands there names no document.
    pub target: Option<Xid>,
    /// What stands there, as text.
    pub text: String,
}

/// Every field of a document that the model declares as a reference. What is absent or `null`
/// refers to nothing.
#[must_use]
pub fn named_in(aspect: &Aspect, document: &Value) -> Vec<Named> {
    aspect
        .references
        .iter()
        .flat_map(|reference| {
            json::select(document, &reference.field)
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(pointer, value)| named(reference, pointer, value))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn named(reference: &Reference, pointer: String, value: &Value) -> Named {
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let target = value.as_str().and_then(|text| resolve(reference, text));
    Named { pointer, target, text }
}

fn resolve(reference: &Reference, text: &str) -> Option<Xid> {
    let Some(group) = &reference.group else { return Xid::parse_loosely(text).ok() };
    let resources = reference.collection.resources.clone()?;
    let resource: Id = text.parse().ok()?;
    let groups = reference.collection.groups.clone();
    Some(Xid::Resource { groups, group: group.clone(), resources, resource })
}

/// The targets of a document, each with the pointer of the first field that names it.
#[must_use]
pub fn targets(aspect: &Aspect, document: &Value) -> BTreeMap<Xid, String> {
    let mut found = BTreeMap::new();
    for named in named_in(aspect, document) {
        if let Some(target) = named.target {
            found.entry(target).or_insert(named.pointer);
        }
    }
    found
}

/// The targets of a document given as bytes; bytes that are no JSON refer to nothing.
#[must_use]
pub fn targets_of_bytes(aspect: &Aspect, document: &[u8]) -> Arc<[Xid]> {
    if aspect.references.is_empty() {
        return Arc::new([]);
    }
    match json::parse(document) {
        Ok(value) => targets(aspect, &value).into_keys().collect(),
        Err(_) => Arc::new([]),
    }
}
