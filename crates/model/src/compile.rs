//! Compiles a model from its source.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{
    Aspect, Attributes, Foundation, GroupType, Model, ModelFault, ResourceType, TypeMap, TypeNames,
    VersionMode,
    foundation::BaseModel,
    include, labels,
    level::Level,
    limits::{TYPES_MAX, beginning},
    names::{ATTRIBUTE_RULE, TYPE_RULE, is_attribute_name, is_type_name},
    parsed, specified,
};

mod imports;
use imports::Imports;

/// See [`Model::compile`].
pub(super) fn compile(source: &Value, foundation: Foundation) -> Result<Model, ModelFault> {
    let base = BaseModel::read(foundation)?;
    let user = parsed::ParsedModel::read(&include::expand(source)?, foundation)?;
    let parsed = base.merged_with(user)?;
    check_names(
        "model.groups",
        parsed.groups.iter().map(|(plural, group)| Named {
            plural,
            singular: &group.singular,
            singular_fits: is_attribute_name(&group.singular),
        }),
    )?;
    let imports = Imports::resolve(&parsed.groups)?;
    let names = Arc::new(imports.names(&parsed.groups));
    let compiler = Compiler { base: &base, names: &names };
    let mut types = BTreeMap::new();
    for (plural, group) in &parsed.groups {
        for (name, resource) in &group.resources {
            let made = Arc::new(compiler.resource_type(plural, name, resource)?);
            types.insert((plural.as_str(), name.as_str()), made);
        }
    }
    let mut groups = BTreeMap::new();
    for (plural, group) in &parsed.groups {
        let resources: BTreeMap<String, Arc<ResourceType>> = imports
            .of(plural)
            .filter_map(|(name, owner)| Some((name.to_owned(), types.get(&(owner, name))?.clone())))
            .collect();
        groups.insert(plural.clone(), Arc::new(compiler.group_type(plural, group, resources)?));
    }
    let slots = specified::registry(parsed.groups.keys().map(String::as_str));
    let level = Level {
        built_in: names_of([Some(&compiler.base.registry_attributes)]),
        ..compiler.level("model")
    };
    let attributes = level.attributes(slots, parsed.attributes)?;
    let source = match foundation {
        Foundation::BuiltIn => labels::aspects_in_labels(source),
        Foundation::Bare => source.clone(),
    };
    Ok(Model { source, notes: parsed.notes, attributes, groups })
}

struct Named<'a> {
    plural: &'a str,
    singular: &'a str,
    singular_fits: bool,
}

/// Checks that plural and singular names are valid and unique within one place.
fn check_names<'a>(place: &str, types: impl Iterator<Item = Named<'a>>) -> Result<(), ModelFault> {
    let mut taken = BTreeSet::new();
    for Named { plural, singular, singular_fits } in types {
        let named = |name: &str, rule| {
            Err(ModelFault::Name { place: place.to_owned(), name: beginning(name), rule })
        };
        if !is_type_name(plural) {
            return named(plural, TYPE_RULE);
        }
        if !singular_fits {
            return named(singular, ATTRIBUTE_RULE);
        }
        for name in [plural, singular] {
            if !taken.insert(name) {
                let (place, name) = (place.to_owned(), name.to_owned());
                return Err(ModelFault::NameTaken { place, name });
            }
        }
    }
    if taken.len() > TYPES_MAX * 2 { Err(ModelFault::TooManyTypes) } else { Ok(()) }
}

struct Compiler<'a> {
    base: &'a BaseModel,
    names: &'a Arc<TypeNames>,
}

impl Compiler<'_> {
    fn level(&self, place: &str) -> Level<'_> {
        Level {
            place: place.to_owned(),
            names: self.names,
            matchable: false,
            extensible: true,
            built_in: BTreeSet::new(),
            reserved: BTreeSet::new(),
        }
    }

    fn group_type(
        &self,
        plural: &str,
        parsed: &parsed::ParsedGroup,
        resources: BTreeMap<String, Arc<ResourceType>>,
    ) -> Result<GroupType, ModelFault> {
        let place = format!("{}.resources", &*parsed.place);
        check_names(
            &place,
            resources.values().map(|resource| Named {
                plural: &resource.plural,
                singular: &resource.singular,
                singular_fits: true,
            }),
        )?;
        let built_in = self.base.groups.get(plural);
        let own = built_in.map(|group| &group.attributes);
        let level = Level {
            built_in: names_of([Some(&self.base.group_attributes), own]),
            ..self.level(&parsed.place)
        };
        let slots = specified::group(&parsed.singular, resources.keys().map(String::as_str));
        Ok(GroupType {
            plural: plural.to_owned(),
            singular: parsed.singular.clone(),
            notes: parsed.notes.clone(),
            attributes: level.attributes(slots, parsed.attributes.clone())?,
            resources,
            constraints: parsed.constraints.clone(),
            built_in: built_in.is_some(),
        })
    }

    fn resource_type(
        &self,
        group: &str,
        plural: &str,
        parsed: &parsed::ParsedResource,
    ) -> Result<ResourceType, ModelFault> {
        if !is_type_name(&parsed.singular) {
            let (place, name) = (parsed.place.to_string(), beginning(&parsed.singular));
            return Err(ModelFault::Name { place, name, rule: TYPE_RULE });
        }
        let validateformat = parsed.validateformat.unwrap_or(false);
        let validatecompatibility = parsed.validatecompatibility.unwrap_or(false);
        if validatecompatibility && !validateformat {
            return Err(ModelFault::NeedsFormat { plural: beginning(plural) });
        }
        let built_in = self.base.groups.get(group).and_then(|base| base.resources.get(plural));
        let hasdocument = parsed.hasdocument.unwrap_or(true);
        let aspect = parsed.aspect.as_ref();
        let aspect = aspect.map(|members| Aspect::read(&parsed.place, members, self.names));
        let aspect = aspect.transpose()?.unwrap_or_default();
        let mut notes = parsed.notes.clone();
        labels::add_aspect(&mut notes, &aspect.to_json());
        let typemap = TypeMap::new(parsed.typemap.clone()).map_err(|(entry, reason)| {
            let (place, entry) = (parsed.place.to_string(), beginning(&entry));
            ModelFault::TypeMap { place, entry, reason }
        })?;
        let [attributes, resource_attributes, meta_attributes] =
            self.levels(parsed, hasdocument, built_in)?;
        Ok(ResourceType {
            plural: plural.to_owned(),
            singular: parsed.singular.clone(),
            notes,
            maxversions: parsed.maxversions.unwrap_or(0),
            setversionid: parsed.setversionid.unwrap_or(true),
            hasdocument,
            versionmode: version_mode(parsed, !self.base.version_attributes.is_empty())?,
            singleversionroot: parsed.singleversionroot.unwrap_or(false),
            validateformat,
            validatecompatibility,
            strictvalidation: parsed.strictvalidation.unwrap_or(false),
            typemap,
            attributes,
            resource_attributes,
            meta_attributes,
            aspect,
            built_in: built_in.is_some(),
        })
    }

    /// The attributes of a version, a resource and a Meta.
    fn levels(
        &self,
        parsed: &parsed::ParsedResource,
        hasdocument: bool,
        built_in: Option<&parsed::ParsedResource>,
    ) -> Result<[Attributes; 3], ModelFault> {
        let at = |name: &str| self.level(&format!("{}.{name}", &*parsed.place));
        let resource = Level { extensible: false, ..at("resourceattributes") };
        let resource = resource.attributes(
            specified::resource(&parsed.singular),
            parsed.resource_attributes.clone(),
        )?;
        let own = built_in.map(|base| &base.attributes);
        let version = Level {
            matchable: true,
            built_in: names_of([Some(&self.base.version_attributes), own]),
            reserved: resource.iter().map(|attribute| attribute.name.clone()).collect(),
            ..at("attributes")
        };
        let slots = specified::version(&parsed.singular, hasdocument);
        let version = version.attributes(slots, parsed.attributes.clone())?;
        let own = built_in.map(|base| &base.meta_attributes);
        let meta = Level { built_in: names_of([own]), ..at("metaattributes") };
        let meta =
            meta.attributes(specified::meta(&parsed.singular), parsed.meta_attributes.clone())?;
        Ok([version, resource, meta])
    }
}

fn names_of<const N: usize>(levels: [Option<&parsed::ParsedAttributes>; N]) -> BTreeSet<String> {
    levels.into_iter().flatten().flat_map(|level| level.keys().cloned()).collect()
}

/// The version mode. `lifecycle` needs the attribute `state`, which exists only with Muster's
/// foundation.
fn version_mode(
    parsed: &parsed::ParsedResource,
    lifecycle: bool,
) -> Result<VersionMode, ModelFault> {
    let Some(name) = &parsed.versionmode else { return Ok(VersionMode::Manual) };
    let modes = [VersionMode::Manual, VersionMode::CreatedAt, VersionMode::Lifecycle];
    modes
        .into_iter()
        .filter(|mode| lifecycle || *mode != VersionMode::Lifecycle)
        .find(|mode| mode.name() == name.to_ascii_lowercase())
        .ok_or_else(|| ModelFault::VersionMode {
            place: parsed.place.to_string(),
            found: beginning(name),
        })
}
