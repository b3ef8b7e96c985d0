//! The model: the types of groups and resources in a registry and their attributes (xRegistry model
//! specification, 1.0-rc4), compiled from a user's source.
//!
//! It defines what may exist, but knows no entities. To find out whether stored entities comply
//! with it, their owner calls [`check`](Attributes::check). Constraints
//! (`groups.<STRING>.constraints`) are read, stored and shown, but not enforced yet.

mod agreement;
mod aspect;
mod attribute;
mod attributes;
mod check;
mod compile;
mod fault;
mod foundation;
mod group_type;
mod include;
mod kind;
mod labels;
mod level;
mod limits;
mod names;
mod parsed;
mod print;
mod resource_type;
mod specified;
mod typemap;

use std::{collections::BTreeMap, sync::Arc};

use muster_words::{Collection, Id};
use serde_json::{Map, Value};

pub use agreement::Agreement;
pub use aspect::{Aspect, IndexKind, Indexed, Reference};
pub use attribute::{Attribute, AttributeOrigin, Charset, Item};
pub use attributes::{Attributes, Readonly};
pub use fault::{AttributeFault, ModelFault};
pub use group_type::GroupType;
pub use kind::Kind;
pub use labels::aspects_in_labels;
pub use names::{TypeNames, is_attribute_name, is_map_key};
pub use resource_type::{ResourceType, VersionMode};
pub use specified::{SPECVERSION, is_specversion};
pub use typemap::{DocumentForm, TypeMap};

/// A compiled, immutable model. It serialises as the full model, in the specification's order, as
/// `GET /model` returns it.
#[derive(Clone, Debug)]
pub struct Model {
    source: Value,
    notes: Map<String, Value>,
    attributes: Attributes,
    groups: BTreeMap<String, Arc<GroupType>>,
}

/// The model below the user's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foundation {
    /// Only the specification.
    Bare,
    /// The built-in model, and Muster's own attributes on every type.
    BuiltIn,
}

impl Model {
    /// Compiles a `modelsource` (`{}` if it was never set).
    ///
    /// # Errors
    /// See [`ModelFault`].
    pub fn compile(source: &Value, foundation: Foundation) -> Result<Self, ModelFault> {
        compile::compile(source, foundation)
    }

    /// The full model as a JSON value. It loses the specification's order; to show it to people,
    /// serialise the model itself.
    #[must_use]
    pub fn to_json(&self) -> Value {
        // A model always serialises: keys are strings, and numbers come from JSON.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The user's source, as `GET /modelsource` returns it: as it was sent, but with Muster's aspects
    /// of types as labels.
    #[must_use]
    pub const fn source(&self) -> &Value {
        &self.source
    }

    /// The attributes of the registry.
    #[must_use]
    pub const fn registry(&self) -> &Attributes {
        &self.attributes
    }

    /// The group type with this plural name.
    #[must_use]
    pub fn group_type(&self, plural: &str) -> Option<&Arc<GroupType>> {
        self.groups.get(plural)
    }

    /// The resource type with these plural names.
    #[must_use]
    pub fn resource_type(&self, groups: &str, resources: &str) -> Option<&Arc<ResourceType>> {
        self.group_type(groups)?.resource_type(resources)
    }

    /// All group types by plural name.
    pub fn group_types(&self) -> impl Iterator<Item = &Arc<GroupType>> {
        self.groups.values()
    }

    /// Every collection of this model: one for each group type, and one for each resource type in
    /// it.
    pub fn collections(&self) -> impl Iterator<Item = Collection> {
        self.groups.values().flat_map(|group| {
            let resources = group.resources.keys().map(|plural| Some(plural.as_str()));
            std::iter::once(None).chain(resources).filter_map(|resources| {
                let resources: Option<Id> = resources.map(str::parse).transpose().ok()?;
                Some(Collection { groups: group.plural.parse().ok()?, resources })
            })
        })
    }

    /// The collections that `newer` removes. The caller must check that they are empty.
    #[must_use]
    pub fn dropped_by(&self, newer: &Self) -> Vec<Collection> {
        let kept: std::collections::BTreeSet<Collection> = newer.collections().collect();
        self.collections().filter(|collection| !kept.contains(collection)).collect()
    }

    /// Checks whether this model may replace an older one. It only compares the models: the types
    /// that stay must keep their singular names.
    ///
    /// # Errors
    /// [`ModelFault::Singular`].
    pub fn check_successor_of(&self, older: &Self) -> Result<(), ModelFault> {
        let changed = |place: &str| Err(ModelFault::Singular { place: place.to_owned() });
        for group in self.groups.values() {
            let Some(before) = older.groups.get(&group.plural) else { continue };
            if before.singular != group.singular {
                return changed(&group.plural);
            }
            for resource in group.resources.values() {
                let before = before.resource_type(&resource.plural);
                if before.is_some_and(|before| before.singular != resource.singular) {
                    return changed(&resource.plural);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
