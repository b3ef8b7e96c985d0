use std::{cmp::Ordering, ops::Bound, sync::Arc};

use muster_words::{Id, Position};

use crate::state::{
    CaseFoldedId, EntityMap, ExactId, FormerNames, Lives, Past, exact, locate, members_after,
};

/// A collection in a view: its present members and its deleted ones.
#[derive(Clone, Copy)]
pub(super) struct Members<'a, T> {
    now: Option<&'a EntityMap<T>>,
    former: Option<&'a FormerNames<T>>,
    count: Option<usize>,
    at: Position,
}

impl<'a, T: Clone> Members<'a, T> {
    /// The collection with this plural name, up to a position.
    pub fn of(
        now: Option<&'a EntityMap<T>>,
        past: &'a Past<T>,
        plural: &str,
        at: Position,
    ) -> Self {
        if at == Position(u64::MAX) {
            return Self { now, former: None, count: None, at };
        }
        Self { now, former: past.former(plural), count: past.count(plural, at), at }
    }

    /// The number of members.
    pub fn count(&self) -> usize {
        self.count.unwrap_or_else(|| self.now.map_or(0, |now| now.len()))
    }

    /// The member with exactly this id, if it existed then.
    pub fn get(&self, id: &Id) -> Option<&'a Arc<T>> {
        let now = self.now.and_then(|now| exact(now, id));
        let lives = self.former.and_then(|former| former.get(&ExactId(id.clone())));
        locate(now, lives, self.at)
    }

    /// Candidates in order: all, or those after an id.
    pub fn after(self, after: Option<&Id>) -> impl Iterator<Item = &'a Arc<T>> + use<'a, T>
    where
        T: HasId,
    {
        merged(members_after(self.now, after), former_after(self.former, after), self.at)
    }
}

/// Candidates at a position in order: present members and deleted ones.
pub(super) fn merged<'a, T: HasId + 'a>(
    now: impl Iterator<Item = &'a Arc<T>>,
    former: impl Iterator<Item = (&'a ExactId, &'a Lives<T>)>,
    at: Position,
) -> impl Iterator<Item = &'a Arc<T>> {
    let (mut now, mut former) = (now.peekable(), former.peekable());
    let next = move || {
        let order = match (now.peek(), former.peek()) {
            (Some(now), Some((name, _))) => name.cmp_id(now.id()).reverse(),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let now = if order.is_le() { now.next() } else { None };
        let lives = if order.is_ge() { former.next().map(|(_, lives)| lives) } else { None };
        Some(locate(now, lives, at))
    };
    std::iter::from_fn(next).flatten()
}

/// Something with an id.
pub(super) trait HasId {
    fn id(&self) -> &Id;
}

/// Deleted names in order: all, or those after an id.
pub(super) fn former_after<'a, T: Clone>(
    former: Option<&'a FormerNames<T>>,
    after: Option<&Id>,
) -> impl Iterator<Item = (&'a ExactId, &'a Lives<T>)> + use<'a, T> {
    let after = after.map(|id| CaseFoldedId(id.clone()));
    let from = match &after {
        Some(after) => Bound::Included(ExactId(after.0.clone())),
        None => Bound::Unbounded,
    };
    // An id that differs only in case isn't another id.
    let follows = move |(name, _): &(&ExactId, &Lives<T>)| {
        after.as_ref().is_none_or(|after| CaseFoldedId(name.0.clone()) > *after)
    };
    let found = former.map(|former| former.range((from, Bound::Unbounded)));
    found.into_iter().flatten().filter(follows)
}
