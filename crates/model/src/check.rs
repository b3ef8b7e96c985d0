//! Checks values against a model and normalises them for storage.

use std::fmt;

use muster_words::{Moment, Xid};
use serde_json::{Map, Value};

use super::{
    Attribute, AttributeFault, AttributeOrigin, Attributes, Charset, Item, Kind, Readonly,
    TypeNames,
    limits::{SCALAR_BYTES_MAX, beginning},
    names::{ATTRIBUTE_RULE, KEY_RULE, TargetType, is_attribute_name, is_map_key},
};

mod scalar;
pub(super) use scalar::{is_choice, is_of_kind, value_of_text};

/// See [`Attributes::check`].
pub(super) fn entity(
    attributes: &Attributes,
    names: &TypeNames,
    entity: &mut Map<String, Value>,
    readonly: Readonly,
) -> Result<(), AttributeFault> {
    entity.remove("$schema");
    if let Some(name) = entity.keys().find(|name| !is_attribute_name(name)) {
        return Err(AttributeFault::Name {
            path: beginning(name),
            name: beginning(name),
            rule: ATTRIBUTE_RULE,
        });
    }
    Check { names, readonly }.object(attributes, Charset::Strict, &Path::Top, entity)?;
    check_deprecation(attributes, entity)
}

/// Removal must not come before deprecation (core, "`deprecated` Attribute").
fn check_deprecation(
    attributes: &Attributes,
    entity: &Map<String, Value>,
) -> Result<(), AttributeFault> {
    let is_ours = attributes
        .get("deprecated")
        .is_some_and(|own| own.origin == AttributeOrigin::Specification);
    let Some(deprecated) = entity.get("deprecated").filter(|_| is_ours) else { return Ok(()) };
    let moment = |name: &str| Moment::parse(deprecated.get(name)?.as_str()?).ok();
    match (moment("effective"), moment("removal")) {
        (Some(effective), Some(removal)) if removal < effective => {
            Err(AttributeFault::TooSoon { path: "deprecated.removal".to_owned() })
        }
        _ => Ok(()),
    }
}

/// The path to a value. It becomes a text only if the value is wrong.
#[derive(Clone, Copy)]
enum Path<'a> {
    Top,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

/// Dot notation (core, "xRegistry Dot Notation"): `labels.owner`, `tags[2]`, `labels['a.b']`.
impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Item(of, index) => write!(f, "{of}[{index}]"),
            Self::Member(Path::Top, name) => f.write_str(&beginning(name)),
            Self::Member(of, name) if is_attribute_name(name) => write!(f, "{of}.{name}"),
            Self::Member(of, name) => write!(f, "{of}['{}']", beginning(name)),
        }
    }
}

/// The expected type of a value, from an attribute or an item.
struct Expected<'a> {
    kind: Kind,
    target: Option<&'a str>,
    charset: Option<Charset>,
    attributes: Option<&'a Attributes>,
    item: Option<&'a Item>,
}

impl<'a> From<&'a Attribute> for Expected<'a> {
    fn from(attribute: &'a Attribute) -> Self {
        Self {
            kind: attribute.kind,
            target: attribute.target.as_deref(),
            charset: attribute.charset,
            attributes: attribute.attributes.as_ref(),
            item: attribute.item.as_deref(),
        }
    }
}

impl<'a> From<&'a Item> for Expected<'a> {
    fn from(item: &'a Item) -> Self {
        Self {
            kind: item.kind,
            target: item.target.as_deref(),
            charset: item.charset,
            attributes: item.attributes.as_ref(),
            item: item.item.as_deref(),
        }
    }
}

/// The sets of attributes for one object: its own, and those that `ifvalues` add.
struct ActiveAttributes<'a> {
    own: &'a Attributes,
    conditional: Vec<&'a Attributes>,
}

impl<'a> ActiveAttributes<'a> {
    fn get(&self, name: &str) -> Option<&'a Attribute> {
        self.own.get(name).or_else(|| self.conditional.iter().find_map(|set| set.get(name)))
    }

    fn sets(&self) -> impl Iterator<Item = &'a Attributes> {
        std::iter::once(self.own).chain(self.conditional.iter().copied())
    }
}

#[derive(Clone, Copy)]
struct Check<'a> {
    names: &'a TypeNames,
    readonly: Readonly,
}

impl Check<'_> {
    fn object(
        self,
        attributes: &Attributes,
        charset: Charset,
        path: &Path<'_>,
        object: &mut Map<String, Value>,
    ) -> Result<(), AttributeFault> {
        object.retain(|_, value| !value.is_null());
        let mut in_force = ActiveAttributes { own: attributes, conditional: Vec::new() };
        self.apply_defaults(attributes, object);
        if attributes.is_conditional() {
            self.activate_conditional(&mut in_force, path, object)?;
        }
        for (name, value) in object.iter_mut() {
            let here = Path::Member(path, name);
            let Some(attribute) = in_force.get(name).or_else(|| in_force.get("*")) else {
                return Err(AttributeFault::Unknown { path: here.to_string() });
            };
            let (fits, rule) = match charset {
                Charset::Strict => (is_attribute_name(name), ATTRIBUTE_RULE),
                Charset::Extended => (is_map_key(name), KEY_RULE),
            };
            if !fits {
                let (path, name) = (here.to_string(), beginning(name));
                return Err(AttributeFault::Name { path, name, rule });
            }
            self.attribute(attribute, &here, value)?;
        }
        missing(&in_force, path, object)
    }

    /// Removes values that clients can't set, and fills in defaults.
    fn apply_defaults(self, attributes: &Attributes, object: &mut Map<String, Value>) {
        for attribute in attributes.iter() {
            if attribute.readonly && self.readonly == Readonly::Drop {
                object.remove(&attribute.name);
            }
            if let (Some(default), false) = (&attribute.default, attribute.supplied)
                && !object.contains_key(&attribute.name)
            {
                object.insert(attribute.name.clone(), default.clone());
            }
        }
    }

    /// Finds the sets that `ifvalues` add, and the sets that those add in turn.
    fn activate_conditional<'m>(
        self,
        in_force: &mut ActiveAttributes<'m>,
        path: &Path<'_>,
        object: &mut Map<String, Value>,
    ) -> Result<(), AttributeFault> {
        let mut open = vec![in_force.own];
        while let Some(set) = open.pop() {
            for attribute in set.iter().filter(|attribute| !attribute.ifvalues.is_empty()) {
                let Some(value) = object.get(&attribute.name) else { continue };
                let text = scalar::text_of(value).to_lowercase();
                let cases = attribute.ifvalues.iter();
                for (_, siblings) in cases.filter(|(case, _)| case.to_lowercase() == text) {
                    let taken = |sibling: &&Attribute| in_force.get(&sibling.name).is_some();
                    if let Some(sibling) = siblings.iter().find(taken) {
                        return Err(AttributeFault::Sibling {
                            path: Path::Member(path, &attribute.name).to_string(),
                            sibling: sibling.name.clone(),
                        });
                    }
                    self.apply_defaults(siblings, object);
                    in_force.conditional.push(siblings);
                    open.push(siblings);
                }
            }
        }
        Ok(())
    }

    fn attribute(
        self,
        attribute: &Attribute,
        path: &Path<'_>,
        value: &mut Value,
    ) -> Result<(), AttributeFault> {
        match attribute.origin {
            AttributeOrigin::Nested => return Ok(()),
            // Documents aren't limited to the size of a header.
            AttributeOrigin::Document if attribute.kind == Kind::Any || value.is_string() => {
                return Ok(());
            }
            _ => {}
        }
        self.value(&Expected::from(attribute), path, value)?;
        if attribute.kind.is_scalar() {
            let length = attribute.name.len() + scalar::text_of(value).len();
            if length > SCALAR_BYTES_MAX {
                return Err(AttributeFault::TooLong { path: path.to_string(), length });
            }
        }
        if attribute.is_strict() && !attribute.choices.is_empty() {
            return chosen(&attribute.choices, path, value);
        }
        Ok(())
    }

    fn value(
        self,
        expected: &Expected<'_>,
        path: &Path<'_>,
        value: &mut Value,
    ) -> Result<(), AttributeFault> {
        let wrong = || AttributeFault::Type { path: path.to_string(), kind: expected.kind };
        match (expected.kind, value) {
            (Kind::Any, _) => Ok(()),
            (Kind::Array, Value::Array(items)) => {
                let Some(item) = expected.item else { return Ok(()) };
                let expected = Expected::from(item);
                items.iter_mut().enumerate().try_for_each(|(index, value)| {
                    self.value(&expected, &Path::Item(path, index), value)
                })
            }
            (Kind::Map, Value::Object(members)) => self.map(expected.item, path, members),
            (Kind::Object, Value::Object(members)) => {
                let none = Attributes::default();
                let attributes = expected.attributes.unwrap_or(&none);
                let charset = expected.charset.unwrap_or(Charset::Strict);
                self.object(attributes, charset, path, members)
            }
            (Kind::Array | Kind::Map | Kind::Object, _) => Err(wrong()),
            (kind, value) => {
                if !scalar::normalise(value, kind) {
                    return Err(wrong());
                }
                self.names_fit(expected, path, value)
            }
        }
    }

    fn map(
        self,
        item: Option<&Item>,
        path: &Path<'_>,
        members: &mut Map<String, Value>,
    ) -> Result<(), AttributeFault> {
        members.retain(|_, value| !value.is_null());
        for (key, value) in members.iter_mut() {
            if !is_map_key(key) {
                let (path, name) = (path.to_string(), beginning(key));
                return Err(AttributeFault::Name { path, name, rule: KEY_RULE });
            }
            let Some(item) = item else { continue };
            let here = Path::Member(path, key);
            self.value(&Expected::from(item), &here, value)?;
            if item.kind.is_scalar() {
                let length = key.len() + scalar::text_of(value).len();
                if length > SCALAR_BYTES_MAX {
                    return Err(AttributeFault::TooLong { path: here.to_string(), length });
                }
            }
        }
        Ok(())
    }

    /// Whether the types in an xid or a target exist in the model.
    fn names_fit(
        self,
        expected: &Expected<'_>,
        path: &Path<'_>,
        value: &Value,
    ) -> Result<(), AttributeFault> {
        let Value::String(text) = value else { return Ok(()) };
        let refuse = |target: &str| {
            Err(AttributeFault::Target {
                path: path.to_string(),
                value: beginning(text),
                target: target.to_owned(),
            })
        };
        match expected.kind {
            Kind::XidType if !self.names.has_xid_type(text) => {
                return refuse("type of this registry");
            }
            Kind::Xid if !text.parse::<Xid>().is_ok_and(|xid| self.names.has_types_of(&xid)) => {
                return refuse("entity that this registry could have");
            }
            // A target applies only to xids, not to absolute URLs.
            _ if !text.starts_with('/') => return Ok(()),
            _ => {}
        }
        let Some(target) = expected.target else { return Ok(()) };
        let takes = TargetType::parse(target)
            .is_some_and(|parsed| text.parse::<Xid>().is_ok_and(|xid| parsed.takes(&xid)));
        if takes { Ok(()) } else { refuse(target) }
    }
}

/// Whether a value is allowed; for arrays and maps, whether each item is.
fn chosen(choices: &[Value], path: &Path<'_>, value: &Value) -> Result<(), AttributeFault> {
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| chosen(choices, &Path::Item(path, index), item)),
        Value::Object(members) => members
            .iter()
            .try_for_each(|(key, member)| chosen(choices, &Path::Member(path, key), member)),
        value if is_choice(value, choices) => Ok(()),
        value => Err(AttributeFault::NotAChoice {
            path: path.to_string(),
            value: value.clone(),
            choices: choices.to_vec(),
        }),
    }
}

/// Reports all required attributes without a value.
fn missing(
    in_force: &ActiveAttributes<'_>,
    path: &Path<'_>,
    object: &Map<String, Value>,
) -> Result<(), AttributeFault> {
    let paths: Vec<String> = in_force
        .sets()
        .flat_map(Attributes::iter)
        .filter(|attribute| attribute.required && !attribute.supplied)
        .filter(|attribute| !object.contains_key(&attribute.name))
        .map(|attribute| Path::Member(path, &attribute.name).to_string())
        .collect();
    if paths.is_empty() { Ok(()) } else { Err(AttributeFault::Missing { paths }) }
}
