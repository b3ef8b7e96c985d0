use std::{cmp::Ordering, ops::Bound, sync::Arc};

use imbl::OrdMap;
use muster_words::Id;

/// An id as the key of a collection. The order ignores case, because ids in one parent must differ
/// in more than case.
#[derive(Clone, Debug)]
pub struct CaseFoldedId(pub Id);

impl Ord for CaseFoldedId {
    fn cmp(&self, other: &Self) -> Ordering {
        Self::order(self.0.as_str(), other.0.as_str())
    }
}

impl CaseFoldedId {
    /// The order of two ids without regard to case.
    #[must_use]
    pub fn order(one: &str, other: &str) -> Ordering {
        let fold = |byte: u8| byte.to_ascii_lowercase();
        one.bytes().map(fold).cmp(other.bytes().map(fold))
    }
}

impl PartialOrd for CaseFoldedId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for CaseFoldedId {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for CaseFoldedId {}

/// A collection's entities by id.
pub type EntityMap<T> = OrdMap<CaseFoldedId, Arc<T>>;

/// Finds the entity with exactly this id.
#[must_use]
pub fn exact<'a, T>(collection: &'a EntityMap<T>, id: &Id) -> Option<&'a Arc<T>> {
    let (found, entity) = collection.get_key_value(&CaseFoldedId(id.clone()))?;
    (found.0 == *id).then_some(entity)
}

/// Finds the existing id that differs from this one at most in case.
#[must_use]
pub fn taken<'a, T>(collection: &'a EntityMap<T>, id: &Id) -> Option<&'a Id> {
    collection.get_key_value(&CaseFoldedId(id.clone())).map(|(found, _)| &found.0)
}

/// The members of a collection in order: all, or those after an id. Earlier members aren't visited.
pub fn members_after<'a, T>(
    collection: Option<&'a EntityMap<T>>,
    after: Option<&Id>,
) -> impl Iterator<Item = &'a Arc<T>> + use<'a, T> {
    let from = match after {
        Some(id) => Bound::Excluded(CaseFoldedId(id.clone())),
        None => Bound::Unbounded,
    };
    let members = collection.map(|members| members.range((from, Bound::Unbounded)));
    members.into_iter().flatten().map(|(_, member)| member)
}
