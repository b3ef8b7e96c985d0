use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    Attribute, AttributeOrigin, Attributes, Charset, Item, Kind, ModelFault, TypeNames, check,
    limits::beginning,
    names::{ATTRIBUTE_RULE, KEY_RULE, TargetType, is_attribute_name, is_map_key},
    parsed,
};

/// Builds single attributes with their nested parts.
#[derive(Clone, Copy)]
pub(super) struct AttributeCompiler<'a> {
    pub names: &'a Arc<TypeNames>,
    /// The character set for names.
    pub charset: Charset,
    /// Whether `matchversions` is allowed.
    pub matchable: bool,
}

pub(super) fn not_there(place: &str, aspect: &'static str, reason: &'static str) -> ModelFault {
    ModelFault::NotThere { place: place.to_owned(), aspect, reason }
}

impl AttributeCompiler<'_> {
    pub(super) fn attribute(
        self,
        name: String,
        own: parsed::ParsedAttribute,
        origin: AttributeOrigin,
    ) -> Result<Attribute, ModelFault> {
        self.check_name(&name, &own.place)?;
        self.check_target(&own.place, own.kind, own.target.as_deref())?;
        self.check_aspects(&name, &own)?;
        check_values(&own)?;
        let within =
            |charset: Option<Charset>| Self { charset: charset.unwrap_or(Charset::Strict), ..self };
        let attributes =
            within(own.charset).members(own.kind, &own.place, own.charset, own.attributes)?;
        let item = self.item(own.kind, &own.place, own.item)?;
        let ifvalues = Self { matchable: false, ..self }.siblings(own.ifvalues)?;
        Ok(Attribute {
            name,
            kind: own.kind,
            target: own.target,
            charset: own.charset,
            description: own.description,
            choices: own.choices,
            strict: own.strict,
            matchversions: own.matchversions,
            readonly: own.readonly,
            immutable: own.immutable,
            required: own.required,
            default: own.default,
            attributes,
            item,
            ifvalues,
            origin,
            supplied: false,
        })
    }

    fn all(self, parsed: parsed::ParsedAttributes) -> Result<Attributes, ModelFault> {
        let mut parsed = parsed;
        let wildcard = parsed.remove_entry("*");
        let all: Vec<Attribute> = parsed
            .into_iter()
            .chain(wildcard)
            .map(|(name, own)| self.attribute(name, own, AttributeOrigin::User))
            .collect::<Result<_, _>>()?;
        Ok(Attributes::new(all))
    }

    fn check_name(self, name: &str, place: &str) -> Result<(), ModelFault> {
        let (fits, rule) = match self.charset {
            Charset::Strict => (is_attribute_name(name), ATTRIBUTE_RULE),
            Charset::Extended => (is_map_key(name), KEY_RULE),
        };
        if fits || name == "*" {
            Ok(())
        } else {
            Err(ModelFault::Name { place: place.to_owned(), name: beginning(name), rule })
        }
    }

    fn check_target(self, place: &str, kind: Kind, target: Option<&str>) -> Result<(), ModelFault> {
        let Some(target) = target else { return Ok(()) };
        if !kind.takes_target() {
            return Err(ModelFault::NotForType { place: place.to_owned(), aspect: "target", kind });
        }
        match TargetType::parse(target) {
            Some(parsed) if parsed.is_in(self.names) => Ok(()),
            _ => Err(ModelFault::Target { place: place.to_owned(), target: beginning(target) }),
        }
    }

    fn check_aspects(self, name: &str, own: &parsed::ParsedAttribute) -> Result<(), ModelFault> {
        let not_for = |aspect| {
            Err(ModelFault::NotForType { place: own.place.to_string(), aspect, kind: own.kind })
        };
        if choice_kind(own).is_none() && !own.choices.is_empty() {
            return not_for("enum");
        }
        if !own.kind.is_scalar() && !own.ifvalues.is_empty() {
            return not_for("ifvalues");
        }
        if own.matchversions && !(self.matchable && own.kind.is_scalar() && name != "*") {
            let reason = "only named scalar attributes of versions can have this aspect";
            return Err(not_there(&own.place, "matchversions", reason));
        }
        if name == "*" {
            let aspects = [
                (own.readonly, "readonly"),
                (own.required, "required"),
                (!own.ifvalues.is_empty(), "ifvalues"),
            ];
            if let Some((_, aspect)) = aspects.into_iter().find(|(stands, _)| *stands) {
                return Err(not_there(&own.place, aspect, "the name * isn't allowed here"));
            }
        }
        Ok(())
    }

    /// The attributes of an object; other types have none.
    fn members(
        self,
        kind: Kind,
        place: &str,
        charset: Option<Charset>,
        parsed: parsed::ParsedAttributes,
    ) -> Result<Option<Attributes>, ModelFault> {
        let stands = [(charset.is_some(), "namecharset"), (!parsed.is_empty(), "attributes")];
        if kind == Kind::Object {
            let names = parsed.keys().cloned().collect();
            let members = self.all(parsed)?;
            check_conditions(place, members.iter(), &names)?;
            return Ok(Some(members));
        }
        match stands.into_iter().find(|(stands, _)| *stands) {
            None => Ok(None),
            Some((_, aspect)) => {
                Err(ModelFault::NotForType { place: place.to_owned(), aspect, kind })
            }
        }
    }

    fn item(
        self,
        kind: Kind,
        place: &str,
        parsed: Option<Box<parsed::ParsedItem>>,
    ) -> Result<Option<Arc<Item>>, ModelFault> {
        let place = place.to_owned();
        match (matches!(kind, Kind::Map | Kind::Array), parsed) {
            (false, None) => Ok(None),
            (true, None) => Err(ModelFault::MissingMember { place, member: "item" }),
            (false, Some(_)) => Err(ModelFault::NotForType { place, aspect: "item", kind }),
            (true, Some(parsed)) => {
                let parsed = *parsed;
                self.check_target(&parsed.place, parsed.kind, parsed.target.as_deref())?;
                let within = Self {
                    charset: parsed.charset.unwrap_or(Charset::Strict),
                    matchable: false,
                    ..self
                };
                let attributes = within.members(
                    parsed.kind,
                    &parsed.place,
                    parsed.charset,
                    parsed.attributes,
                )?;
                let item = within.item(parsed.kind, &parsed.place, parsed.item)?;
                Ok(Some(Arc::new(Item {
                    kind: parsed.kind,
                    target: parsed.target,
                    charset: parsed.charset,
                    attributes,
                    item,
                })))
            }
        }
    }

    fn siblings(
        self,
        parsed: BTreeMap<String, parsed::ParsedAttributes>,
    ) -> Result<BTreeMap<String, Attributes>, ModelFault> {
        parsed.into_iter().map(|(value, siblings)| Ok((value, self.all(siblings)?))).collect()
    }
}

/// The type of the values in `enum`: the scalar itself or, as in the reference server, the items of
/// an array or a map of scalars.
fn choice_kind(own: &parsed::ParsedAttribute) -> Option<Kind> {
    let kind = match own.kind {
        Kind::Array | Kind::Map => own.item.as_ref()?.kind,
        kind => kind,
    };
    kind.is_scalar().then_some(kind)
}

/// Checks `enum`, `default` and the keys of `ifvalues` against the type and each other.
fn check_values(own: &parsed::ParsedAttribute) -> Result<(), ModelFault> {
    let place = own.place.to_string();
    let value_type = |aspect, value: &Value, kind| ModelFault::ValueType {
        place: place.clone(),
        aspect,
        value: shortened(value),
        kind,
    };
    let kind = choice_kind(own).unwrap_or(own.kind);
    if let Some(choice) = own.choices.iter().find(|choice| !check::is_of_kind(choice, kind)) {
        return Err(value_type("enum", choice, kind));
    }
    if let Some(default) = &own.default {
        if !own.kind.is_scalar() {
            return Err(ModelFault::DefaultNotScalar { name: place });
        }
        if !own.required {
            return Err(ModelFault::DefaultNotRequired { name: place });
        }
        if !check::is_of_kind(default, own.kind) {
            return Err(value_type("default", default, own.kind));
        }
    }
    if own.choices.is_empty() || !own.strict.unwrap_or(true) {
        return Ok(());
    }
    let conditions = own.ifvalues.keys().map(|key| ("ifvalues", Value::from(key.as_str())));
    let default = own.default.clone().map(|value| ("default", value));
    for (aspect, value) in default.into_iter().chain(conditions) {
        if !check::is_choice(&value, &own.choices) {
            let value = shortened(&value);
            return Err(ModelFault::NotAChoice { place, aspect, value });
        }
    }
    Ok(())
}

fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) => beginning(text).into(),
        other => beginning(&other.to_string()).into(),
    }
}

/// Checks that attributes from `ifvalues` don't have the names of attributes that always exist
/// beside them. `names` are all names of the level.
pub(super) fn check_conditions<'a>(
    place: &str,
    attributes: impl IntoIterator<Item = &'a Attribute>,
    names: &BTreeSet<String>,
) -> Result<(), ModelFault> {
    for attribute in attributes {
        let place = || format!("{place}.{}.ifvalues", attribute.name);
        let mut values = BTreeSet::new();
        for (value, siblings) in &attribute.ifvalues {
            if value.is_empty() || value.starts_with('^') {
                return Err(ModelFault::ConditionKey { place: place(), key: beginning(value) });
            }
            if !values.insert(value.to_lowercase()) {
                return Err(ModelFault::NameTaken { place: place(), name: beginning(value) });
            }
            let mut beside = names.clone();
            for sibling in siblings.iter() {
                if !beside.insert(sibling.name.clone()) {
                    let name = beginning(&sibling.name);
                    return Err(ModelFault::NameTaken { place: place(), name });
                }
            }
            check_conditions(&place(), siblings.iter(), &beside)?;
        }
    }
    Ok(())
}
