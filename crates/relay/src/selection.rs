//! Whether a route selects a document by what it says: the same for what is sent and for what is
//! fetched.

use muster_catalog::View;
use muster_registry::{FetchError, Registry};
use muster_words::{
    Xid,
    json::{Map, Value},
};

use crate::route::Selector;

impl Selector {
    /// Whether places don't decide alone, so that documents must be read.
    #[must_use]
    pub fn must_read(&self) -> bool {
        !(self.labels.is_empty() && self.classes.is_empty() && self.states.is_empty())
    }

    /// Whether a document with these attributes, in this state, is selected.
    #[must_use]
    pub fn holds(&self, attributes: &Map<String, Value>, state: Option<&str>) -> bool {
        let labels = attributes.get("labels").and_then(Value::as_object);
        let has_labels = self.labels.iter().all(|(name, value)| {
            labels.and_then(|all| all.get(name)).and_then(Value::as_str) == Some(value)
        });
        let has_state = self.states.is_empty()
            || state.is_some_and(|state| self.states.iter().any(|one| one == state));
        has_labels && has_state
    }

    /// Whether the class of a document is selected: the id of its group, or the family that the group
    /// names in a view.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn has_class(
        &self,
        registry: &Registry,
        view: &View,
        resource: &Xid,
    ) -> Result<bool, FetchError> {
        let Some((_, group)) = resource.group_ids() else { return Ok(false) };
        let is_one = |class: &str| self.classes.iter().any(|one| one == class);
        if self.classes.is_empty() || is_one(group.as_str()) {
            return Ok(true);
        }
        let content = view.group_at(resource).and_then(|group| group.attributes());
        let Some(content) = content else { return Ok(false) };
        let read = registry.attributes(&[content]).await?;
        let family = read.first().and_then(|map| map.get("classification")?.as_str());
        Ok(family.is_some_and(is_one))
    }
}
