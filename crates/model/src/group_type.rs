use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{Attributes, ResourceType};

/// A type of groups (model, `groups.<STRING>`).
#[derive(Clone, Debug)]
pub struct GroupType {
    /// The plural name, which is the name of the collection (`providers`).
    pub plural: String,
    /// The singular name (`provider`).
    pub singular: String,
    /// The given members for people: `description`, `documentation`, `icon`, `labels`,
    /// `modelversion`, `modelcompatiblewith`.
    pub notes: Map<String, Value>,
    /// The attributes of its groups.
    pub attributes: Attributes,
    /// Its resource types by plural name, including imported ones.
    pub resources: BTreeMap<String, Arc<ResourceType>>,
    /// The constraints as they were given. They are shown, but not enforced yet.
    pub constraints: Map<String, Value>,
    /// Whether the type is built in.
    pub built_in: bool,
}

impl GroupType {
    /// The resource type with this plural name.
    #[must_use]
    pub fn resource_type(&self, plural: &str) -> Option<&Arc<ResourceType>> {
        self.resources.get(plural)
    }

    /// The attribute with the id of a group (`providerid`).
    #[must_use]
    pub fn id_name(&self) -> String {
        format!("{}id", self.singular)
    }
}
