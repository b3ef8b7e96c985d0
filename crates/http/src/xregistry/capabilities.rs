use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use muster_catalog::View;
use muster_model::SPECVERSION;
use muster_wire::{
    ErrorKind, Problem,
    capabilities::{
        Availability, EnabledCapabilities, OfferedCapabilities, OfferedCapability, OfferedItem,
    },
};
use serde::Deserialize;

use super::place::{METHODS_TO_READ, Place};

mod update;
pub(super) use update::{UpdateMode, update_capabilities};

/// The capabilities in force (core, "Registry Capabilities").
#[derive(Clone, Debug)]
pub(super) struct Capabilities(Arc<EnabledCapabilities>);

/// Kinds of metadata, and whether clients may be allowed to change each.
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

/// What can be asked to be ignored.
pub(super) const IGNORES: [&str; 7] = [
    "capabilities",
    "defaultversionid",
    "defaultversionsticky",
    "epoch",
    "id",
    "modelsource",
    "readonly",
];

/// The ways in which a type can choose the default version.
fn version_modes(bare: bool) -> &'static [&'static str] {
    if bare { &["createdat", "manual"] } else { &["createdat", "lifecycle", "manual"] }
}

/// The formats that documents are checked against: they are checked by the schemas that are bound
/// to them, not by their format.
const FORMATS: [&str; 0] = [];

impl Capabilities {
    /// The capabilities in force.
    pub fn of(view: &View, bare: bool) -> Self {
        // What can't be read was written by no release; what is built holds then.
        let set = view.capabilities().and_then(|set| EnabledCapabilities::deserialize(&**set).ok());
        let built = if bare { &BUILT_BARE } else { &BUILT };
        Self(set.map_or_else(|| Arc::clone(built), Arc::new))
    }

    /// The document.
    pub fn document(&self) -> &EnabledCapabilities {
        &self.0
    }

    /// Whether a flag is supported; unsupported ones are silently ignored.
    pub fn has_flag(&self, name: &str) -> bool {
        lists(&self.0.flags, name)
    }

    /// Whether `?ignore` accepts this value.
    pub fn has_ignore(&self, name: &str) -> bool {
        lists(&self.0.ignores, name)
    }

    fn availability(&self, name: &str) -> Option<&Availability> {
        self.0.available.as_ref()?.get(name)
    }

    /// Whether a kind of metadata is served.
    pub fn serves(&self, name: &str) -> bool {
        self.availability(name).is_some()
    }

    /// Whether clients can change a kind of metadata.
    pub fn can_change(&self, name: &str) -> bool {
        self.availability(name).is_some_and(|available| available.mutable)
    }

    /// The methods of a path at present, for `Allow`.
    pub fn methods(&self, place: &Place) -> &'static str {
        if self.can_change(place.metadata()) { place.methods() } else { METHODS_TO_READ }
    }

    /// Whether collections are paginated.
    pub fn pages(&self) -> bool {
        self.0.pagination == Some(true)
    }
}

fn lists(capability: &Option<Vec<String>>, name: &str) -> bool {
    capability.iter().flatten().any(|entry| entry == name)
}

/// The default capabilities; created once, because every request needs them.
static BUILT: LazyLock<Arc<EnabledCapabilities>> = LazyLock::new(|| Arc::new(built(false)));
static BUILT_BARE: LazyLock<Arc<EnabledCapabilities>> = LazyLock::new(|| Arc::new(built(true)));

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// The capabilities with everything enabled.
fn built(bare: bool) -> EnabledCapabilities {
    let available = AVAILABLE.map(|(name, mutable)| (name.to_owned(), Availability { mutable }));
    EnabledCapabilities {
        available: Some(available.into()),
        compatibilities: Some(BTreeMap::new()),
        flags: Some(texts(&FLAGS)),
        formats: Some(texts(&FORMATS)),
        ignores: Some(texts(&IGNORES)),
        pagination: Some(!bare),
        shortself: Some(false),
        specversions: Some(texts(&[SPECVERSION])),
        versionmodes: Some(texts(version_modes(bare))),
    }
}

/// The possible capabilities (core, "Offered Capabilities").
pub(super) fn offered(bare: bool) -> OfferedCapabilities {
    let of_type =
        |name: &str| OfferedCapability { type_name: name.to_owned(), ..Default::default() };
    let object =
        |attributes| OfferedCapability { attributes: Some(attributes), ..of_type("object") };
    let list = |all: &[&str]| OfferedCapability {
        values: Some(all.iter().copied().map(Into::into).collect()),
        item: Some(OfferedItem { type_name: "string".to_owned() }),
        ..of_type("array")
    };
    let flag = |can_be_set: bool| OfferedCapability {
        values: (!can_be_set).then(|| vec![false.into()]),
        ..of_type("boolean")
    };
    let available = AVAILABLE.map(|(name, mutable)| {
        (name.to_owned(), object([("mutable".to_owned(), flag(mutable))].into()))
    });
    [
        ("available", object(available.into())),
        ("compatibilities", object(BTreeMap::new())),
        ("flags", list(&FLAGS)),
        ("formats", list(&FORMATS)),
        ("ignores", list(&IGNORES)),
        ("pagination", flag(!bare)),
        ("shortself", flag(false)),
        ("specversions", list(&[SPECVERSION])),
        ("versionmodes", list(version_modes(bare))),
    ]
    .map(|(name, capability)| (name.to_owned(), capability))
    .into()
}

fn refused(kind: ErrorKind) -> Problem {
    Problem::new(kind).subject("/capabilities")
}

#[cfg(test)]
mod tests;
