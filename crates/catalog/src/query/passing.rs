use super::Filter;
use crate::entity::Entity;

/// An entity that passes a filter, or contains something that does.
#[derive(Clone, Debug)]
pub struct PassingEntity<'a> {
    /// The entity.
    pub entity: Entity<'a>,
    /// Its path, which is its xid.
    pub path: String,
    /// The collections with members that pass; none if everything in it passes.
    pub parts: Option<Vec<PassingMembers<'a>>>,
}

/// The members of a collection that pass a filter; at least one.
#[derive(Clone, Debug)]
pub struct PassingMembers<'a> {
    /// The name of the collection.
    pub plural: &'a str,
    /// The filter from the members' perspective.
    pub filter: Filter,
    /// The members.
    pub members: Vec<PassingEntity<'a>>,
}

impl<'a> PassingEntity<'a> {
    /// An entity with everything in it.
    #[must_use]
    pub const fn whole(entity: Entity<'a>, path: String) -> Self {
        Self { entity, path, parts: None }
    }
}
