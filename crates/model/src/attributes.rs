use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{Attribute, AttributeFault, TypeNames, check};

/// The attributes of one level (registry, group, resource, Meta, version, or a nested object), in
/// the specification's order of serialisation.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    ordered: Vec<Arc<Attribute>>,
    places: BTreeMap<String, usize>,
    names: Arc<TypeNames>,
    /// Whether an attribute has `ifvalues`, so that the set depends on the values.
    conditional: bool,
}

/// Two sets are equal if they define the same attributes in the same order, in any model.
impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.ordered == other.ordered
    }
}

/// What [`Attributes::check`] does with the value of a `readonly` attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readonly {
    /// Removes it silently, valid or not, because a client sent it (core, "Attributes").
    Drop,
    /// Keeps and checks it, because the server set it.
    Keep,
}

impl Attributes {
    /// A set in this order. If two attributes have the same name, the first one counts.
    pub(super) fn new(attributes: Vec<Attribute>) -> Self {
        let mut places = BTreeMap::new();
        for (place, attribute) in attributes.iter().enumerate() {
            places.entry(attribute.name.clone()).or_insert(place);
        }
        let conditional = attributes.iter().any(|attribute| !attribute.ifvalues.is_empty());
        let ordered = attributes.into_iter().map(Arc::new).collect();
        Self { ordered, places, names: Arc::default(), conditional }
    }

    pub(super) fn with_names(self, names: &Arc<TypeNames>) -> Self {
        Self { names: Arc::clone(names), ..self }
    }

    pub(super) const fn is_conditional(&self) -> bool {
        self.conditional
    }

    /// The attribute with this name; `*` is only found as `*`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.places.get(name).and_then(|place| self.ordered.get(*place)).map(AsRef::as_ref)
    }

    /// The attribute for a value with this name: the one with the name, or else `*`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Attribute> {
        self.get(name).or_else(|| self.get("*"))
    }

    /// All of them in the order of serialisation.
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.ordered.iter().map(AsRef::as_ref)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ordered.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ordered.is_empty()
    }

    /// Checks the attributes of an entity and normalises them for storage.
    ///
    /// Removes `null` members, converts timestamps to UTC, and fills in defaults. Refuses unknown
    /// names, wrong types, values outside a strict enum, invalid names and keys, `null` in arrays,
    /// scalars over 4,096 bytes, and missing required attributes, except those that the server
    /// supplies. It ignores ids and `epoch`; a caller that needs them must take them out before.
    /// Nested collections, `meta` and documents aren't checked. A `$schema` at the top is removed
    /// (core, "JSON `$schema` keyword").
    ///
    /// # Errors
    /// The first fault; missing attributes are reported together. The content of `entity` is
    /// undefined then.
    pub fn check(
        &self,
        entity: &mut Map<String, Value>,
        readonly: Readonly,
    ) -> Result<(), AttributeFault> {
        check::entity(self, &self.names, entity, readonly)
    }

    /// Converts a text (from an HTTP header) to the type that this level defines: `true` to a
    /// boolean, digits to a number. If that is impossible, it stays a text, and
    /// [`Attributes::check`] reports it. `name` may name a member of a map or an object, with a dot
    /// (`labels.owner`).
    #[must_use]
    pub fn value_of_text(&self, name: &str, text: &str) -> Value {
        check::value_of_text(self, name, text)
    }
}
