//! Builds the attributes of one level from the specification and the model, and refuses what the
//! model language doesn't allow.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Attribute, AttributeOrigin, Attributes, Charset, ModelFault, TypeNames, limits::beginning,
    parsed, specified::Slot,
};

mod definition;
use definition::AttributeCompiler;

/// What all attributes of one level have in common.
pub(super) struct Level<'a> {
    /// The place of the level in the model.
    pub place: String,
    /// The types of the model, for targets.
    pub names: &'a Arc<TypeNames>,
    /// Whether `matchversions` is allowed: only among a version's attributes.
    pub matchable: bool,
    /// Whether a model may add attributes here.
    pub extensible: bool,
    /// The names of Muster's own attributes here.
    pub built_in: BTreeSet<String>,
    /// Names that extensions can't have, because another level's attributes appear beside them.
    pub reserved: BTreeSet<String>,
}

impl Level<'_> {
    /// The level's attributes: those of the specification, which `parsed` may narrow, and those that
    /// `parsed` adds.
    pub(super) fn attributes(
        &self,
        slots: Vec<Slot>,
        mut parsed: parsed::ParsedAttributes,
    ) -> Result<Attributes, ModelFault> {
        let mut all = Vec::new();
        let mut after_extensions = Vec::new();
        let mut passed_extensions = false;
        let mut names = BTreeSet::new();
        for slot in slots {
            let Slot::One(specified) = slot else {
                passed_extensions = true;
                continue;
            };
            if !names.insert(specified.name.clone()) {
                return Err(self.reserved(&specified.name));
            }
            let attribute = match parsed.remove(&specified.name) {
                Some(own) => self.narrowed(*specified, own)?,
                None => *specified,
            };
            if passed_extensions { &mut after_extensions } else { &mut all }.push(attribute);
        }
        names.extend(parsed.keys().cloned());
        all.extend(self.extensions(parsed)?);
        all.extend(after_extensions);
        definition::check_conditions(&self.place, &all, &names)?;
        Ok(Attributes::new(all).with_names(self.names))
    }

    fn definer(&self) -> AttributeCompiler<'_> {
        AttributeCompiler { names: self.names, charset: Charset::Strict, matchable: self.matchable }
    }

    fn reserved(&self, name: &str) -> ModelFault {
        ModelFault::Reserved { place: self.place.clone(), name: beginning(name) }
    }

    /// The attributes that a model adds, by name, with `*` at the end.
    fn extensions(
        &self,
        mut parsed: parsed::ParsedAttributes,
    ) -> Result<Vec<Attribute>, ModelFault> {
        let wildcard = parsed.remove_entry("*");
        let mut extensions = Vec::with_capacity(parsed.len() + 1);
        for (name, own) in parsed.into_iter().chain(wildcard) {
            if !self.extensible || self.reserved.contains(&name) {
                return Err(self.reserved(&name));
            }
            if own.immutable {
                return Err(definition::not_there(
                    &own.place,
                    "immutable",
                    "only attributes of the specification can have this aspect",
                ));
            }
            let built_in = self.built_in.contains(&name);
            let origin = if built_in { AttributeOrigin::BuiltIn } else { AttributeOrigin::User };
            let mut attribute = self.definer().attribute(name, own, origin)?;
            attribute.supplied = built_in && attribute.required;
            extensions.push(attribute);
        }
        Ok(extensions)
    }

    /// An attribute of the specification, as a model redefines it.
    fn narrowed(
        &self,
        specified: Attribute,
        own: parsed::ParsedAttribute,
    ) -> Result<Attribute, ModelFault> {
        // These describe the registry itself; definitions in a model are ignored.
        if matches!(specified.name.as_str(), "model" | "capabilities" | "modelsource") {
            return Ok(specified);
        }
        let expected = [
            (own.kind != specified.kind, "type", specified.kind.to_string()),
            (specified.required && !own.required, "required", "true".to_owned()),
            (specified.readonly && !own.readonly, "readonly", "true".to_owned()),
            (
                specified.default.is_some() && own.default.is_none(),
                "default",
                specified.default.as_ref().map(ToString::to_string).unwrap_or_default(),
            ),
            (
                specified.item.as_ref().map(|item| item.kind)
                    != own.item.as_ref().map(|item| item.kind),
                "item",
                specified.item.as_ref().map(|item| item.kind.to_string()).unwrap_or_default(),
            ),
        ];
        if let Some((_, aspect, expected)) = expected.into_iter().find(|(broken, ..)| *broken) {
            return Err(ModelFault::Specified { place: own.place.to_string(), aspect, expected });
        }
        let supplied = specified.supplied;
        let attribute = self.definer().attribute(specified.name, own, specified.origin)?;
        Ok(Attribute { supplied, ..attribute })
    }
}
