//! The built-in model, and the rules for merging a user's model into it: the user may add
//! attributes, labels and Muster's aspects, but can't change anything else of a built-in type.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Foundation, ModelFault, VersionMode,
    limits::beginning,
    parsed::{self, ObjectReader, ParsedAttributes, ParsedGroup, ParsedResource},
};

const BUILT_IN: &str = include_str!("builtin.json");

/// Built-in models of areas, each in a file of its own. They only add types.
const AREAS: [&str; 3] = [
    include_str!("builtin/aliases.json"),
    include_str!("builtin/propagation.json"),
    include_str!("builtin/publications.json"),
];

/// The foundation of a user's model.
#[derive(Debug, Default)]
pub(super) struct BaseModel {
    /// The built-in types, before the merge.
    pub groups: BTreeMap<String, ParsedGroup>,
    /// Attributes of the registry.
    pub registry_attributes: ParsedAttributes,
    /// Attributes of every group.
    pub group_attributes: ParsedAttributes,
    /// Attributes of every version.
    pub version_attributes: ParsedAttributes,
}

impl BaseModel {
    /// Reads the foundation.
    pub(super) fn read(foundation: Foundation) -> Result<Self, ModelFault> {
        if foundation == Foundation::Bare {
            return Ok(Self::default());
        }
        let shape = |_| ModelFault::Shape { place: "builtin".to_owned(), expected: "JSON" };
        let source = serde_json::from_str(BUILT_IN).map_err(shape)?;
        let mut file = ObjectReader::new("builtin", &source)?;
        let registry_attributes = parsed::attributes(&mut file, "registryattributes")?;
        let group_attributes = parsed::attributes(&mut file, "groupattributes")?;
        let version_attributes = parsed::attributes(&mut file, "versionattributes")?;
        let model = file.member("model").unwrap_or(&Value::Null);
        let mut groups = parsed::ParsedModel::read(model, foundation)?.groups;
        file.done()?;
        for area in AREAS {
            let model = serde_json::from_str(area).map_err(shape)?;
            groups.extend(parsed::ParsedModel::read(&model, foundation)?.groups);
        }
        Ok(Self { groups, registry_attributes, group_attributes, version_attributes })
    }

    /// Merges a user's model into the foundation.
    pub(super) fn merged_with(
        &self,
        mut user: parsed::ParsedModel,
    ) -> Result<parsed::ParsedModel, ModelFault> {
        add("model", &mut user.attributes, &self.registry_attributes)?;
        for group in user.groups.values_mut() {
            add(&group.place, &mut group.attributes, &self.group_attributes)?;
            for resource in group.resources.values_mut() {
                add(&resource.place, &mut resource.attributes, &self.version_attributes)?;
            }
        }
        for (plural, built_in) in &self.groups {
            let mut whole = built_in.clone();
            whole.attributes.extend(self.group_attributes.clone());
            for resource in whole.resources.values_mut() {
                resource.attributes.extend(self.version_attributes.clone());
            }
            if let Some(own) = user.groups.remove(plural) {
                merge_group(&mut whole, own)?;
            }
            user.groups.insert(plural.clone(), whole);
        }
        Ok(user)
    }
}

fn differs<T>(place: &str, member: &str) -> Result<T, ModelFault> {
    Err(ModelFault::BuiltIn { place: place.to_owned(), member: beginning(member) })
}

/// Adds attributes to a level. Existing attributes with the same names must be equal.
fn add(
    place: &str,
    level: &mut ParsedAttributes,
    more: &ParsedAttributes,
) -> Result<(), ModelFault> {
    for (name, attribute) in more {
        match level.insert(name.clone(), attribute.clone()) {
            Some(own) if own != *attribute => return differs(place, name),
            _ => {}
        }
    }
    Ok(())
}

/// Adds a user's attributes to a built-in level.
fn merge_attributes(
    place: &str,
    level: &mut ParsedAttributes,
    own: ParsedAttributes,
) -> Result<(), ModelFault> {
    for (name, attribute) in own {
        match level.get(&name) {
            Some(ours) if *ours != attribute => return differs(place, &name),
            Some(_) => {}
            None => {
                level.insert(name, attribute);
            }
        }
    }
    Ok(())
}

/// Adds a user's labels to a built-in type. Its other members for people can't be changed.
fn merge_notes(
    place: &str,
    ours: &mut Map<String, Value>,
    mut own: Map<String, Value>,
) -> Result<(), ModelFault> {
    let labels = own.remove("labels");
    if let Some((name, _)) = own.iter().find(|(name, value)| ours.get(*name) != Some(value)) {
        return differs(place, name);
    }
    let Some(Value::Object(labels)) = labels else { return Ok(()) };
    let there = ours.entry("labels").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(there) = there else { return differs(place, "labels") };
    for (key, text) in labels {
        if there.get(&key).is_some_and(|ours| *ours != text) {
            return differs(place, &format!("labels.{}", beginning(&key)));
        }
        there.insert(key, text);
    }
    Ok(())
}

fn merge_group(whole: &mut ParsedGroup, own: ParsedGroup) -> Result<(), ModelFault> {
    let place = own.place.to_string();
    if own.singular != whole.singular {
        return differs(&place, "singular");
    }
    merge_notes(&place, &mut whole.notes, own.notes)?;
    if !own.imports.is_empty() {
        return differs(&place, "ximportresources");
    }
    if !own.constraints.is_empty() {
        return differs(&place, "constraints");
    }
    merge_attributes(&place, &mut whole.attributes, own.attributes)?;
    for (plural, resource) in own.resources {
        match whole.resources.get_mut(&plural) {
            None => return differs(&place, &format!("resources.{}", beginning(&plural))),
            Some(ours) => merge_resource(ours, resource)?,
        }
    }
    Ok(())
}

fn merge_resource(whole: &mut ParsedResource, own: ParsedResource) -> Result<(), ModelFault> {
    let place = own.place.to_string();
    let mode = |resource: &ParsedResource| {
        resource.versionmode.as_deref().unwrap_or(VersionMode::Manual.name()).to_lowercase()
    };
    /// A flag agrees if it is absent or has the same value, defaults included.
    fn agrees<T: PartialEq>(own: Option<T>, ours: Option<T>, default: T) -> bool {
        own.is_none_or(|own| own == ours.unwrap_or(default))
    }
    let members = [
        (own.singular == whole.singular, "singular"),
        (agrees(own.maxversions, whole.maxversions, 0), "maxversions"),
        (agrees(own.setversionid, whole.setversionid, true), "setversionid"),
        (agrees(own.hasdocument, whole.hasdocument, true), "hasdocument"),
        (own.versionmode.is_none() || mode(&own) == mode(whole), "versionmode"),
        (agrees(own.singleversionroot, whole.singleversionroot, false), "singleversionroot"),
        (agrees(own.validateformat, whole.validateformat, false), "validateformat"),
        (
            agrees(own.validatecompatibility, whole.validatecompatibility, false),
            "validatecompatibility",
        ),
        (agrees(own.strictvalidation, whole.strictvalidation, false), "strictvalidation"),
        (own.typemap.is_empty() || own.typemap == whole.typemap, "typemap"),
    ];
    if let Some((_, member)) = members.into_iter().find(|(agrees, _)| !agrees) {
        return differs(&place, member);
    }
    merge_notes(&place, &mut whole.notes, own.notes)?;
    merge_attributes(&place, &mut whole.attributes, own.attributes)?;
    merge_attributes(&place, &mut whole.resource_attributes, own.resource_attributes)?;
    merge_attributes(&place, &mut whole.meta_attributes, own.meta_attributes)?;
    merge_aspect(&place, whole, own.aspect.unwrap_or_default())
}

/// The type whose references decide what the server answers: an alias stands for what it names.
const ALIASES: &str = "aliases";

/// The user's aspect applies, but a frozen type stays frozen.
fn merge_aspect(
    place: &str,
    whole: &mut ParsedResource,
    own: Map<String, Value>,
) -> Result<(), ModelFault> {
    let aspect = whole.aspect.get_or_insert_default();
    if aspect.get("frozen") == Some(&true.into()) && own.get("frozen") == Some(&false.into()) {
        return differs(place, "labels.muster.frozen");
    }
    let refers = |aspect: &Map<String, Value>| aspect.get("references").cloned();
    let is_alias = place.split('.').any(|step| step == ALIASES);
    if is_alias && refers(&own).is_some_and(|other| refers(aspect) != Some(other)) {
        return differs(place, "labels.muster.references");
    }
    aspect.extend(own);
    Ok(())
}
