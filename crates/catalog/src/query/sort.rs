use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::{
    compare::{self, SortKey},
    path::{AttributePath, PathStep},
};
use crate::entity::Entity;

/// The order of a collection's members (core, "Sort Flag").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The attribute.
    pub path: AttributePath,
    /// Whether the highest value comes first.
    pub descending: bool,
}

impl Sort {
    /// The key by which a member with these attributes is sorted.
    #[must_use]
    pub fn key(&self, attributes: &Map<String, Value>) -> SortKey {
        SortKey::of(self.path.select(attributes).first().copied())
    }

    /// The order of two members, given by their ids and keys.
    pub fn order(&self, left: (&str, &SortKey), right: (&str, &SortKey)) -> Ordering {
        // Members with equal values are sorted by id, in the same direction (core, "Sort Flag").
        let order = left.1.order(right.1).then_with(|| compare::texts(left.0, right.0));
        if self.descending { order.reverse() } else { order }
    }

    /// Whether such entities are sorted by id, so that no attributes are needed.
    pub(super) fn is_by_id(&self, entity: &Entity<'_>) -> bool {
        let [PathStep::Key(name)] = self.path.0.as_slice() else { return false };
        match entity {
            Entity::Group(kind, _) => *name == kind.id_name(),
            Entity::Resource(kind, _) => *name == kind.id_name(),
            Entity::Version(..) => name == "versionid",
            Entity::Registry | Entity::Meta(..) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use serde_json::json;

    use super::*;

    #[test]
    fn orders_by_value_then_by_id_and_puts_what_is_missing_lowest() {
        let members = [
            ("d", json!({})),
            ("b", json!({"n": 2})),
            ("C", json!({"n": 2})),
            ("a", json!({"n": 10})),
        ];
        let sorted = |text: &str| {
            let sort = Sort::parse([text].into_iter()).unwrap().unwrap();
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|left, right| {
                let key = |member: &Value| sort.key(member.as_object().unwrap());
                sort.order((left.0, &key(&left.1)), (right.0, &key(&right.1)))
            });
            members.into_iter().map(|(id, _)| *id).collect::<Vec<_>>()
        };
        assert_eq!(sorted("n"), ["d", "b", "C", "a"]);
        assert_eq!(sorted("n=desc"), ["a", "C", "b", "d"]);
    }
}
