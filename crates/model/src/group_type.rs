use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{Attributes, ResourceType};

/// A type of groups (model, `groups.<STRING>`).
#[derive(Clone, Debug)]
pub struct GroupType {
    /// The name of the collection (`providers`).
    pub plural: String,
    /// The name of one of them (`provider`).
    pub singular: String,
    /// What is for people: `description`, `documentation`, `icon`, `labels`, `modelversion`,
    /// `modelcompatiblewith`, as far as they were given.
    pub notes: Map<String, Value>,
    /// What a group of this type holds.
    pub attributes: Attributes,
    /// Its resource types by plural name, imported ones too.
    pub resources: BTreeMap<String, Arc<ResourceType>>,
    /// As they were given. They are shown and not yet enforced.
    pub constraints: Map<String, Value>,
    /// Whether the type is the built-in model's.
    pub built_in: bool,
}

impl GroupType {
    /// The resource type of that plural name.
    #[must_use]
    pub fn resource_type(&self, plural: &str) -> Option<&Arc<ResourceType>> {
        self.resources.get(plural)
    }

    /// The attribute that holds the id of a group (`providerid`).
    #[must_use]
    pub fn id_name(&self) -> String {
        format!("{}id", self.singular)
    }
}
