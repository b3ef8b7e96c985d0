use std::{collections::BTreeMap, sync::Arc};

use muster_catalog::{
    View,
    capabilities::{AVAILABLE, FLAGS, FORMATS, version_modes},
};
use muster_model::{Foundation, SPECVERSION};
use muster_wire::capabilities::{
    Availability, EnabledCapabilities, OfferedCapabilities, OfferedCapability, OfferedItem,
};

use super::place::{METHODS_TO_READ, Place};

pub(super) use muster_catalog::capabilities::{Capabilities, IGNORES};

pub(super) const fn foundation(bare: bool) -> Foundation {
    if bare { Foundation::Bare } else { Foundation::BuiltIn }
}

/// The capabilities in force.
pub(super) fn of(view: &View, bare: bool) -> Arc<Capabilities> {
    Capabilities::of(view, foundation(bare))
}

/// The document of the capabilities.
pub(super) fn document(capabilities: &Capabilities) -> EnabledCapabilities {
    let available = capabilities.available.iter();
    let available =
        available.map(|(name, kind)| (name.clone(), Availability { mutable: kind.mutable }));
    EnabledCapabilities {
        available: Some(available.collect()),
        compatibilities: Some(capabilities.compatibilities.clone()),
        flags: Some(capabilities.flags.clone()),
        formats: Some(capabilities.formats.clone()),
        ignores: Some(capabilities.ignores.clone()),
        pagination: Some(capabilities.pagination),
        shortself: Some(capabilities.shortself),
        specversions: Some(capabilities.specversions.clone()),
        versionmodes: Some(capabilities.versionmodes.clone()),
    }
}

/// The methods of a path at present, for `Allow`.
pub(super) fn methods(capabilities: &Capabilities, place: &Place) -> &'static str {
    if capabilities.can_change(place.metadata()) { place.methods() } else { METHODS_TO_READ }
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
        ("versionmodes", list(version_modes(foundation(bare)))),
    ]
    .map(|(name, capability)| (name.to_owned(), capability))
    .into()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use serde_json::to_value;

    use super::*;

    #[test]
    fn offers_every_capability_that_it_has() {
        let built = to_value(document(&Capabilities::default())).unwrap();
        let names: Vec<String> = built.as_object().unwrap().keys().cloned().collect();
        assert_eq!(offered(false).into_keys().collect::<Vec<_>>(), names);
    }
}
