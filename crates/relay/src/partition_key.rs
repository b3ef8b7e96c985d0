//! What keeps events together in a queue.

use serde::Deserialize;

use crate::changes::DocumentChange;

/// What the events have in common that a queue keeps together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionKey {
    /// The document's xid.
    #[default]
    Document,
    /// The xid of its group.
    Group,
    /// The type of its group.
    Type,
    /// Nothing: events have no key. Only for queues that need none.
    #[serde(rename = "none")]
    Nothing,
}

impl PartitionKey {
    /// The key of the event about a change; empty: it has none.
    #[must_use]
    pub fn of(self, change: &DocumentChange) -> String {
        match (self, change.resource.group_ids()) {
            (Self::Group, Some((groups, group))) => format!("/{groups}/{group}"),
            (Self::Type, Some((groups, _))) => format!("/{groups}"),
            (Self::Nothing, _) => String::new(),
            _ => change.resource.to_string(),
        }
    }
}
