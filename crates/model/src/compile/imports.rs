use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ModelFault, TypeNames,
    limits::{TYPES_MAX, beginning},
    parsed::ParsedGroup,
};

/// The resource types of each group type, both its own and those that `ximportresources` imports
/// (model, "Reuse of Resource Definitions"), with the group type that defines each.
pub(super) struct Imports<'a> {
    groups: BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>,
}

impl<'a> Imports<'a> {
    pub(super) fn resolve(groups: &'a BTreeMap<String, ParsedGroup>) -> Result<Self, ModelFault> {
        let mut resolved = BTreeMap::new();
        let mut types = groups.len();
        for (plural, group) in groups {
            let own = group.resources.keys().map(|name| (name.as_str(), plural.as_str()));
            let mut resources: BTreeMap<&str, &str> = own.collect();
            for reference in &group.imports {
                let (name, owner) = owner(groups, plural, reference)?;
                if resources.insert(name, owner).is_some() {
                    let (place, name) = (group.place.to_string(), beginning(name));
                    return Err(ModelFault::NameTaken { place, name });
                }
            }
            types += resources.len();
            if types > TYPES_MAX {
                return Err(ModelFault::TooManyTypes);
            }
            resolved.insert(plural.as_str(), resources);
        }
        Ok(Self { groups: resolved })
    }

    /// The resource types of a group type by name, each with its defining group type.
    pub(super) fn of(&self, plural: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.groups.get(plural).into_iter().flatten().map(|(name, owner)| (*name, *owner))
    }

    pub(super) fn names(&self, groups: &BTreeMap<String, ParsedGroup>) -> TypeNames {
        let resources = |plural: &str| -> BTreeSet<String> {
            self.of(plural).map(|(name, _)| name.to_owned()).collect()
        };
        TypeNames::new(groups.keys().map(|plural| (plural.clone(), resources(plural))).collect())
    }
}

/// The resource type that a reference names, and its defining group type. The reference may pass
/// through other imports.
fn owner<'a>(
    groups: &'a BTreeMap<String, ParsedGroup>,
    importer: &'a str,
    reference: &'a str,
) -> Result<(&'a str, &'a str), ModelFault> {
    let refuse = |reason| {
        let place = groups.get(importer).map(|group| group.place.to_string()).unwrap_or_default();
        Err(ModelFault::Import { place, reference: beginning(reference), reason })
    };
    let mut passed = BTreeSet::from([importer]);
    let mut next = reference;
    loop {
        let parts = next.strip_prefix('/').and_then(|types| types.split_once('/'));
        let Some((plural, name)) = parts.filter(|(_, name)| !name.contains('/')) else {
            return refuse("it must be of the form /<GROUPS>/<RESOURCES>");
        };
        if !passed.insert(plural) {
            return refuse("a group type can't import from itself");
        }
        let Some(group) = groups.get(plural) else {
            return refuse("the group type doesn't exist");
        };
        if group.resources.contains_key(name) {
            return Ok((name, plural));
        }
        let further = group
            .imports
            .iter()
            .find(|reference| reference.strip_suffix(name).is_some_and(|rest| rest.ends_with('/')));
        let Some(further) = further else {
            return refuse("the resource type doesn't exist");
        };
        next = further;
    }
}
