use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{Attribute, AttributeFault, TypeNames, check};

/// The attributes of one level (registry, group, resource, meta, version, or an object in one of
/// those), in the order in which the specification writes them.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    ordered: Vec<Arc<Attribute>>,
    places: BTreeMap<String, usize>,
    names: Arc<TypeNames>,
    /// Whether some attribute has `ifvalues`, so that the set depends on what is there.
    conditional: bool,
}

/// Two sets are equal that define the same in the same order, in whatever models they stand.
impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.ordered == other.ordered
    }
}

/// What [`Attributes::check`] does with a value of a `readonly` attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readonly {
    /// A client sent it: it's silently taken out, whatever it is (core, "Attributes").
    Drop,
    /// The server set it, and it is checked like the others: for what is stored.
    Keep,
}

impl Attributes {
    /// A set in that order. Of two with one name, the first counts.
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

    /// The attribute of that name; `*` is only found under its own name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.places.get(name).and_then(|place| self.ordered.get(*place)).map(AsRef::as_ref)
    }

    /// The attribute that a value of that name belongs to: its own, or else `*`.
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

    /// Checks what an entity of this level shall hold, and brings it into the form that is kept.
    ///
    /// Takes out `null` members, gives timestamps in UTC, fills in defaults, refuses unknown
    /// names, wrong types, values outside a strict enum, names and keys outside their character
    /// set, `null` in arrays, scalars over 4,096 bytes, and missing required attributes (but not
    /// those that the server supplies). It reads neither ids nor `epoch`: who needs them takes
    /// them out before. Nested collections and `meta` pass as they are, and so does a document.
    /// A `$schema` at the top is taken out (core, "JSON `$schema` keyword").
    ///
    /// # Errors
    /// The first fact that doesn't hold; missing attributes are named all at once. What is left
    /// in `entity` then is of no use.
    pub fn check(
        &self,
        entity: &mut Map<String, Value>,
        readonly: Readonly,
    ) -> Result<(), AttributeFault> {
        check::entity(self, &self.names, entity, readonly)
    }

    /// A value that came as text (an HTTP header) in the type that this level gives it:
    /// `true` for a boolean, digits for a number. A text that isn't of that type stays a text,
    /// and [`Attributes::check`] says so. `name` may name a member of a map or an object, with a
    /// dot between (`labels.owner`).
    #[must_use]
    pub fn value_of_text(&self, name: &str, text: &str) -> Value {
        check::value_of_text(self, name, text)
    }
}
