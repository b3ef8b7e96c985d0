use std::{ops::Bound, sync::Arc};

use imbl::OrdSet;
use muster_words::{Id, Moment};

use super::{Collection, Folded, Version, exact, taken};

/// Many versions, with what the rules about lineage ask of all of them, kept as they come and go:
/// so that a write costs no more the more versions there are.
///
/// All of it follows from the versions alone, and nothing of it from the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Many {
    by_id: Collection<Version>,
    by_age: OrdSet<Age>,
    /// Those in `stable` or `deprecated`.
    offered: OrdSet<Age>,
    /// Those from which nothing descends.
    leaves: OrdSet<Age>,
    /// Each version that isn't a root, behind its ancestor's id.
    links: OrdSet<Link>,
    /// Those whose ancestor isn't there.
    orphans: OrdSet<Id>,
    /// Those that don't descend from the next older version.
    misplaced: OrdSet<Id>,
    /// Those that descend from no other.
    roots: OrdSet<Age>,
}

/// A version's place among the others: by `createdat`, then by id without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age {
    created: Moment,
    id: Folded,
}

/// An ancestor and what descends from it; none stands before all of them.
type Link = (Id, Option<Id>);

impl Age {
    /// The place of a version of that id, created then.
    #[must_use]
    pub const fn new(created: Moment, id: Id) -> Self {
        Self { created, id: Folded(id) }
    }

    /// The version's id.
    #[must_use]
    pub const fn id(&self) -> &Id {
        &self.id.0
    }

    /// The place of that version.
    #[must_use]
    pub fn of(version: &Version) -> Self {
        Self::new(version.created, version.id.clone())
    }
}

impl FromIterator<Arc<Version>> for Many {
    fn from_iter<T: IntoIterator<Item = Arc<Version>>>(versions: T) -> Self {
        let mut many = Self::default();
        versions.into_iter().for_each(|version| many.insert(version));
        many
    }
}

impl Many {
    /// All versions by id.
    #[must_use]
    pub const fn by_id(&self) -> &Collection<Version> {
        &self.by_id
    }

    /// The version of exactly that id.
    #[must_use]
    pub fn get(&self, id: &Id) -> Option<&Arc<Version>> {
        exact(&self.by_id, id)
    }

    /// All versions, oldest first.
    #[must_use]
    pub const fn by_age(&self) -> &OrdSet<Age> {
        &self.by_age
    }

    /// The newest version.
    #[must_use]
    pub fn newest(&self) -> Option<&Id> {
        self.by_age.get_max().map(Age::id)
    }

    /// The newest version in `stable` or `deprecated`.
    #[must_use]
    pub fn newest_offered(&self) -> Option<&Id> {
        self.offered.get_max().map(Age::id)
    }

    /// The versions from which nothing descends.
    #[must_use]
    pub const fn leaves(&self) -> &OrdSet<Age> {
        &self.leaves
    }

    /// Whether a version names this one, be it there or not, as its ancestor.
    #[must_use]
    pub fn has_children(&self, id: &Id) -> bool {
        self.children(id).next().is_some()
    }

    /// The ids of the versions whose ancestor isn't there.
    pub fn orphans(&self) -> impl Iterator<Item = &Id> {
        self.orphans.iter()
    }

    /// Each version that doesn't descend from the next older one, with that one; the oldest is its
    /// own.
    pub fn misplaced(&self) -> impl Iterator<Item = (&Id, &Id)> {
        self.misplaced.iter().filter_map(|id| {
            let version = self.get(id)?;
            Some((id, self.older(&Age::of(version)).unwrap_or(id)))
        })
    }

    /// The versions that descend from no other.
    #[must_use]
    pub const fn roots(&self) -> &OrdSet<Age> {
        &self.roots
    }

    /// The ids of the versions that name this one, be it there or not, as their ancestor.
    pub fn children(&self, id: &Id) -> impl Iterator<Item = &Id> + use<'_> {
        let own = id.clone();
        let from = Bound::Excluded((id.clone(), None));
        let behind = self.links.range((from, Bound::Unbounded));
        behind.take_while(move |(ancestor, _)| *ancestor == own).filter_map(|(_, id)| id.as_ref())
    }

    /// Adds a version or replaces the one of that id.
    pub fn insert(&mut self, version: Arc<Version>) {
        let other = taken(&self.by_id, &version.id).filter(|other| **other != version.id).cloned();
        if let Some(other) = other {
            self.remove(&other);
        }
        match self.by_id.insert(Folded(version.id.clone()), version.clone()) {
            Some(old) => self.unlink(&old),
            None => self.adopt(&version.id),
        }
        self.link(&version);
    }

    /// Takes a version out.
    pub fn remove(&mut self, id: &Id) -> Option<Arc<Version>> {
        self.get(id)?;
        let old = self.by_id.remove(&Folded(id.clone()))?;
        self.unlink(&old);
        self.orphan(id);
        Some(old)
    }

    fn link(&mut self, version: &Version) {
        let age = Age::of(version);
        self.by_age.insert(age.clone());
        if version.state.is_offered() {
            self.offered.insert(age.clone());
        }
        if version.ancestor == version.id {
            self.roots.insert(age.clone());
        } else {
            self.links.insert((version.ancestor.clone(), Some(version.id.clone())));
            if self.get(&version.ancestor).is_none() {
                self.orphans.insert(version.id.clone());
            }
            self.weigh(&version.ancestor);
        }
        self.weigh(&version.id);
        self.place(&age);
        self.place_next(&age);
    }

    fn unlink(&mut self, version: &Version) {
        let age = Age::of(version);
        self.by_age.remove(&age);
        self.offered.remove(&age);
        self.leaves.remove(&age);
        self.misplaced.remove(&version.id);
        self.roots.remove(&age);
        if version.ancestor != version.id {
            self.links.remove(&(version.ancestor.clone(), Some(version.id.clone())));
            self.orphans.remove(&version.id);
            self.weigh(&version.ancestor);
        }
        self.place_next(&age);
    }

    fn adopt(&mut self, id: &Id) {
        let children: Vec<Id> = self.children(id).cloned().collect();
        for child in children {
            self.orphans.remove(&child);
        }
    }

    fn orphan(&mut self, id: &Id) {
        let children: Vec<Id> = self.children(id).cloned().collect();
        self.orphans.extend(children);
    }

    /// Notes whether a version is a leaf.
    fn weigh(&mut self, id: &Id) {
        let Some(age) = self.get(id).map(|version| Age::of(version)) else { return };
        if self.has_children(id) {
            self.leaves.remove(&age);
        } else {
            self.leaves.insert(age);
        }
    }

    fn older(&self, age: &Age) -> Option<&Id> {
        self.by_age.range(..age.clone()).next_back().map(Age::id)
    }

    /// Notes whether a version descends from the next older one.
    fn place(&mut self, age: &Age) {
        let Some(version) = self.get(age.id()) else { return };
        let older = self.older(age).unwrap_or(age.id());
        if version.ancestor == *older {
            self.misplaced.remove(age.id());
        } else {
            self.misplaced.insert(age.id().clone());
        }
    }

    fn place_next(&mut self, age: &Age) {
        let behind = (Bound::Excluded(age.clone()), Bound::Unbounded);
        if let Some(next) = self.by_age.range(behind).next().cloned() {
            self.place(&next);
        }
    }
}
