use std::sync::{Arc, LazyLock};

use muster_catalog::View;
use muster_model::SPECVERSION;
use muster_wire::{ErrorKind, Problem};
use serde_json::{Map, Value, json};

use super::place::{METHODS_TO_READ, Place};

mod update;
pub(super) use update::{UpdateMode, update_capabilities};

/// What this registry does and offers at the moment (core, "Registry Capabilities").
#[derive(Clone, Debug)]
pub(super) struct Capabilities(Arc<Value>);

/// Names of metadata, and whether clients could change each.
const AVAILABLE: [(&str, bool); 7] = [
    (".xregistry", false),
    ("capabilities", true),
    ("capabilitiesoffered", false),
    ("entities", true),
    ("export", false),
    ("model", false),
    ("modelsource", true),
];

const FLAGS: [&str; 10] = [
    "binary",
    "collections",
    "doc",
    "epoch",
    "filter",
    "ignore",
    "inline",
    "setdefaultversionid",
    "sort",
    "specversion",
];

const IGNORES: [&str; 7] = [
    "capabilities",
    "defaultversionid",
    "defaultversionsticky",
    "epoch",
    "id",
    "modelsource",
    "readonly",
];

/// The capabilities that are lists, each with all that it can list.
fn lists(bare: bool) -> [(&'static str, Vec<&'static str>); 5] {
    let mut modes = vec!["createdat", "manual"];
    if !bare {
        modes.insert(1, "lifecycle");
    }
    [
        ("flags", FLAGS.to_vec()),
        // Documents are checked by the schemas that are bound to them, not by their format.
        ("formats", Vec::new()),
        ("ignores", IGNORES.to_vec()),
        ("specversions", vec![SPECVERSION]),
        ("versionmodes", modes),
    ]
}

impl Capabilities {
    /// The capabilities in force.
    pub fn of(view: &View, bare: bool) -> Self {
        match view.capabilities() {
            Some(set) => Self(Arc::clone(set)),
            None => Self(Arc::clone(if bare { &BUILT_BARE } else { &BUILT })),
        }
    }

    /// The document.
    pub fn document(&self) -> &Value {
        &self.0
    }

    /// Whether a flag is heeded; one that isn't is passed over in silence.
    pub fn has_flag(&self, name: &str) -> bool {
        self.lists("flags", name)
    }

    /// Whether something can be asked to be ignored.
    pub fn has_ignore(&self, name: &str) -> bool {
        self.lists("ignores", name)
    }

    fn lists(&self, capability: &str, name: &str) -> bool {
        let list = self.0.get(capability).and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|entry| entry == name))
    }

    /// Whether a kind of metadata is served.
    pub fn serves(&self, name: &str) -> bool {
        self.0.get("available").is_some_and(|available| available.get(name).is_some())
    }

    /// Whether clients can change a kind of metadata.
    pub fn can_change(&self, name: &str) -> bool {
        let mutable = self.0.pointer(&format!("/available/{name}/mutable"));
        mutable == Some(&Value::Bool(true))
    }

    /// The methods that a path has now, as `Allow` says them.
    pub fn methods(&self, place: &Place) -> &'static str {
        if self.can_change(place.metadata()) { place.methods() } else { METHODS_TO_READ }
    }

    /// Whether collections come in pages.
    pub fn pages(&self) -> bool {
        self.0.get("pagination") == Some(&Value::Bool(true))
    }
}

/// What holds while nobody set anything; made once, because every request asks for it.
static BUILT: LazyLock<Arc<Value>> = LazyLock::new(|| Arc::new(Value::Object(built(false))));
static BUILT_BARE: LazyLock<Arc<Value>> = LazyLock::new(|| Arc::new(Value::Object(built(true))));

/// What is built, all of it on.
fn built(bare: bool) -> Map<String, Value> {
    let available: Map<String, Value> = AVAILABLE
        .iter()
        .map(|(name, mutable)| ((*name).to_owned(), json!({"mutable": mutable})))
        .collect();
    let mut all = Map::new();
    all.insert("available".to_owned(), Value::Object(available));
    all.insert("compatibilities".to_owned(), json!({}));
    for (name, values) in lists(bare) {
        all.insert(name.to_owned(), json!(values));
    }
    all.insert("pagination".to_owned(), json!(!bare));
    all.insert("shortself".to_owned(), json!(false));
    all
}

/// What could be set (core, "Offered Capabilities").
pub(super) fn offered(bare: bool) -> Value {
    let flag = |mutable: bool| {
        if mutable {
            json!({"type": "boolean"})
        } else {
            json!({"type": "boolean", "enum": [false]})
        }
    };
    let available: Map<String, Value> = AVAILABLE
        .iter()
        .map(|(name, mutable)| {
            let attributes = json!({"mutable": flag(*mutable)});
            ((*name).to_owned(), json!({"type": "object", "attributes": attributes}))
        })
        .collect();
    let mut all = Map::new();
    all.insert("available".to_owned(), json!({"type": "object", "attributes": available}));
    all.insert("compatibilities".to_owned(), json!({"type": "object", "attributes": {}}));
    for (name, values) in lists(bare) {
        let list = json!({"type": "array", "enum": values, "item": {"type": "string"}});
        all.insert(name.to_owned(), list);
    }
    all.insert("pagination".to_owned(), flag(!bare));
    all.insert("shortself".to_owned(), flag(false));
    Value::Object(all)
}

fn refused(kind: ErrorKind) -> Problem {
    Problem::new(kind).subject("/capabilities")
}

#[cfg(test)]
mod tests;
