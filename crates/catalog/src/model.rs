//! The model: which groups, resources and attributes a registry has (xRegistry model
//! specification, 1.0-rc4), compiled from what a user sent.
//!
//! It says what may be there. What is there is not its business: a model knows no entity, so
//! whether existing ones comply is asked by whoever has them, with the same
//! [`check`](Attributes::check).

mod aspect;
mod attribute;
mod attributes;
mod fault;
mod group_type;
mod kind;
mod names;
mod resource_type;
mod typemap;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

pub use aspect::{Aspect, IndexKind, Indexed, Reference};
pub use attribute::{Attribute, Charset, Item, Origin};
pub use attributes::{Attributes, Readonly};
pub use fault::{AttributeFault, ModelFault};
pub use group_type::GroupType;
pub use kind::Kind;
pub use names::TypeNames;
pub use resource_type::{ResourceType, VersionMode};
pub use typemap::{DocumentForm, TypeMap};

/// A compiled model. It never changes: a new model is another value.
#[derive(Clone, Debug)]
pub struct Model {
    source: Value,
    notes: Map<String, Value>,
    attributes: Attributes,
    groups: BTreeMap<String, Arc<GroupType>>,
}

/// What lies under the user's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foundation {
    /// Nothing but the specification.
    Bare,
    /// The built-in model, and Muster's own attributes on every type.
    BuiltIn,
}

impl Model {
    /// Compiles what a user sent as `modelsource` (`{}` if never set).
    ///
    /// # Errors
    /// See [`ModelFault`].
    pub fn compile(source: &Value, foundation: Foundation) -> Result<Self, ModelFault> {
        let _ = foundation;
        Ok(Self {
            source: source.clone(),
            notes: Map::new(),
            attributes: Attributes::default(),
            groups: BTreeMap::new(),
        })
    }

    /// The full model, as `GET /model` answers it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Object(self.notes.clone())
    }

    /// What the user sent, as `GET /modelsource` answers it.
    #[must_use]
    pub const fn source(&self) -> &Value {
        &self.source
    }

    /// What the registry itself holds.
    #[must_use]
    pub const fn registry(&self) -> &Attributes {
        &self.attributes
    }

    /// The group type of that plural name.
    #[must_use]
    pub fn group_type(&self, plural: &str) -> Option<&Arc<GroupType>> {
        self.groups.get(plural)
    }

    /// The resource type of those plural names.
    #[must_use]
    pub fn resource_type(&self, groups: &str, resources: &str) -> Option<&Arc<ResourceType>> {
        self.group_type(groups)?.resource_type(resources)
    }

    /// All group types by plural name.
    pub fn group_types(&self) -> impl Iterator<Item = &Arc<GroupType>> {
        self.groups.values()
    }
}
