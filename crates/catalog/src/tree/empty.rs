use muster_model::{AttributeFault, AttributeOrigin, Attributes, Model};
use muster_words::Xid;
use serde_json::{Map, Value};

use super::WriteTree;
use crate::Refusal;

/// The specification's attributes that are never empty: `null` removes them (core, "`name`",
/// "`documentation`" and "`icon` Attribute").
const NEVER_EMPTY: [&str; 3] = ["name", "documentation", "icon"];

impl WriteTree {
    /// Refuses an empty `name`, `documentation` or `icon`. It looks only at what a client sends: what
    /// is stored already stays, and doesn't stand in the way of a change of something else.
    ///
    /// # Errors
    /// One of them is the empty text.
    pub fn check_not_empty(&self, model: &Model) -> Result<(), Refusal> {
        let model = self.model.as_ref().map_or(model, |new| &new.model);
        if let Some(sent) = &self.registry {
            check(&Xid::Registry, model.registry(), sent)?;
        }
        for group in &self.groups {
            if let Some(sent) = &group.attributes {
                check(&group.xid, &group.kind.attributes, sent)?;
            }
            for node in &group.resources {
                let level = &node.kind.attributes;
                if let Some(version) = &node.default {
                    check(&node.xid, level, &version.attributes)?;
                }
                for version in node.versions.iter().flatten() {
                    let named = version.id.clone().and_then(|id| node.xid.version(id));
                    check(named.as_ref().unwrap_or(&node.xid), level, &version.attributes)?;
                }
            }
        }
        Ok(())
    }
}

fn check(xid: &Xid, level: &Attributes, sent: &Map<String, Value>) -> Result<(), Refusal> {
    let is_specified = |name: &str| {
        level.get(name).is_some_and(|own| own.origin == AttributeOrigin::Specification)
    };
    let is_empty = |name: &str| sent.get(name).and_then(Value::as_str) == Some("");
    match NEVER_EMPTY.into_iter().find(|name| is_empty(name) && is_specified(name)) {
        Some(name) => Err(Refusal::attribute(xid, AttributeFault::Empty { path: name.to_owned() })),
        None => Ok(()),
    }
}
