//! The schemas of built-in types on which the server itself acts: a document that it can't read as
//! what it is would do nothing, and its author would never learn why.

use std::sync::LazyLock;

use muster_model::ResourceType;
use muster_rules::Mapping;
use muster_schema::{NoSources, Schema, Violation};
use muster_words::{Xid, json::Value};

use crate::alias::{ALIASES, UNSENT_TYPES};

/// The type of the groups, and the schema of the documents in them.
const SCHEMAS: [(&str, &str); 4] = [
    (ALIASES, include_str!("built_in/alias.json")),
    ("publications", include_str!("built_in/publication.json")),
    ("routes", include_str!("built_in/route.json")),
    ("targets", include_str!("built_in/target.json")),
];

static COMPILED: LazyLock<Vec<(&str, Schema)>> = LazyLock::new(|| {
    // A test compiles each of them, so none is left out in a release.
    let compiled = |(groups, text): (&'static str, &str)| {
        Some((groups, Schema::parse(text.as_bytes(), &NoSources).ok()?))
    };
    SCHEMAS.into_iter().filter_map(compiled).collect()
});

/// The schema of a built-in type's documents, if the program brings one.
pub(super) fn built_in_schema(kind: &ResourceType, xid: &Xid) -> Option<&'static Schema> {
    let (groups, _) = xid.group_ids().filter(|_| kind.built_in)?;
    COMPILED.iter().find(|(name, _)| *name == groups.as_str()).map(|(_, schema)| schema)
}

/// What a built-in type's document says that can't be used, besides what its schema finds: the mapping
/// of a route has places and expressions, and a route sends documents or live events.
pub(super) fn built_in_faults(xid: &Xid, document: &Value) -> Vec<Violation> {
    match xid.group_ids().map(|(groups, _)| groups.as_str()) {
        Some("routes") => route_faults(document),
        Some(ALIASES) => alias_faults(document),
        _ => Vec::new(),
    }
}

/// A chain of aliases could lead back to its beginning, and what isn't sent by itself isn't sent
/// through an alias either.
fn alias_faults(document: &Value) -> Vec<Violation> {
    let target = document.get("target").and_then(Value::as_str).unwrap_or_default();
    let groups = target.trim_start_matches('/').split('/').next().unwrap_or_default();
    let message = if groups == ALIASES {
        "an alias doesn't name another alias: name the document itself".to_owned()
    } else if UNSENT_TYPES.contains(&groups) {
        let types = UNSENT_TYPES.join(", ");
        format!("documents of these types have no aliases, because they stay here: {types}")
    } else {
        return Vec::new();
    };
    vec![Violation::keyword("/target".to_owned(), "target", message)]
}

fn route_faults(document: &Value) -> Vec<Violation> {
    let fault = document.get("mapping").and_then(|mapping| Mapping::read(mapping).err());
    let violation = fault.map(|error| {
        Violation::keyword(format!("/mapping{}", error.pointer), "mapping", error.to_string())
    });
    violation.into_iter().chain(selection::faults(document)).collect()
}

mod selection;
#[cfg(test)]
mod tests;
