use std::{ops::Bound, sync::Arc};

use imbl::OrdSet;
use muster_model::VersionMode;
use muster_words::{Id, Moment};

use super::{CaseFoldedId, EntityMap, Version, exact};

/// The versions of a resource, with answers to the questions of lineage (xRegistry model,
/// `versionmode`): which version is the newest, which is the oldest, and which derives from which.
///
/// Each answer is a set that is updated when a version is added, changed or removed. So a write
/// costs about the same for many versions as for few. The sets depend only on the versions, not on
/// the order of the writes.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    by_id: EntityMap<Version>,
    by_age: OrdSet<Age>,
    /// The versions in `stable` or `deprecated`.
    offered: OrdSet<Age>,
    /// The versions that are their own ancestor.
    roots: OrdSet<Age>,
    /// The versions that aren't roots, by the id of their ancestor.
    children: OrdSet<(Id, Option<Id>)>,
    /// The versions that no other version names as its ancestor.
    leaves: OrdSet<Age>,
    /// The versions whose ancestor doesn't exist.
    orphans: OrdSet<Age>,
    /// The versions whose ancestor isn't the next older version.
    misplaced: OrdSet<Age>,
}

/// The age of a version: `createdat`, then the id without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Age {
    created: Moment,
    id: CaseFoldedId,
}

impl Age {
    fn of(version: &Version) -> Self {
        Self { created: version.created, id: CaseFoldedId(version.id.clone()) }
    }

    const fn id(&self) -> &Id {
        &self.id.0
    }
}

impl FromIterator<Arc<Version>> for Lineage {
    fn from_iter<T: IntoIterator<Item = Arc<Version>>>(versions: T) -> Self {
        let by_id = versions.into_iter().map(|version| (CaseFoldedId(version.id.clone()), version));
        let mut lineage = Self { by_id: by_id.collect(), ..Self::default() };
        let all = lineage.by_id.clone();
        all.values().for_each(|version| lineage.set(version, true));
        all.values().for_each(|version| lineage.review(&version.id));
        lineage
    }
}

impl Lineage {
    /// All versions by id.
    #[must_use]
    pub const fn by_id(&self) -> &EntityMap<Version> {
        &self.by_id
    }

    /// The version with exactly this id.
    #[must_use]
    pub fn get(&self, id: &Id) -> Option<&Arc<Version>> {
        exact(&self.by_id, id)
    }

    /// The newest version, which is the default unless another one is pinned.
    ///
    /// In the mode `manual` it is the newest version without descendants. In the mode `lifecycle`
    /// it is the newest in `stable` or `deprecated`, or the newest of all if there is none.
    #[must_use]
    pub fn newest(&self, mode: VersionMode) -> Option<&Id> {
        let newest = match mode {
            VersionMode::Manual => self.leaves.get_max(),
            VersionMode::CreatedAt => self.by_age.get_max(),
            VersionMode::Lifecycle => self.offered.get_max().or_else(|| self.by_age.get_max()),
        };
        newest.map(Age::id)
    }

    /// The oldest version, except the one that must stay.
    ///
    /// In the mode `manual` it is the oldest root; descendants of a removed version count as roots.
    /// If the only root must stay, it is the oldest of the others.
    #[must_use]
    pub fn oldest_but(&self, mode: VersionMode, stays: Option<&Id>) -> Option<&Id> {
        let first = first_but(&self.by_age, stays);
        let oldest = match mode {
            VersionMode::Manual => {
                let roots = [&self.roots, &self.orphans].map(|set| first_but(set, stays));
                roots.into_iter().flatten().min().or(first)
            }
            VersionMode::CreatedAt | VersionMode::Lifecycle => first,
        };
        oldest.map(Age::id)
    }

    /// Whether a version names this one as its ancestor, even if this one doesn't exist.
    #[must_use]
    pub fn has_children(&self, id: &Id) -> bool {
        self.children.get_next(&(id.clone(), None)).is_some_and(|(ancestor, _)| ancestor == id)
    }

    /// How many versions are their own ancestor.
    #[must_use]
    pub fn roots_count(&self) -> usize {
        self.roots.len()
    }

    /// The versions whose ancestor doesn't exist, oldest first.
    pub fn orphans(&self) -> impl Iterator<Item = &Id> {
        self.orphans.iter().map(Age::id)
    }

    /// The versions whose ancestor isn't the next older version, each with that older version. The
    /// oldest version is its own.
    pub fn misplaced(&self) -> impl Iterator<Item = (&Id, &Id)> {
        self.misplaced.iter().map(|age| (age.id(), self.older(age)))
    }

    /// Adds a version, or replaces the one with its id.
    pub fn insert(&mut self, version: Arc<Version>) {
        let old = self.by_id.insert(CaseFoldedId(version.id.clone()), version.clone());
        if !old.as_ref().is_some_and(|old| old.has_place_of(&version)) {
            self.update(old.as_deref(), Some(&version));
        }
    }

    /// Removes a version.
    pub fn remove(&mut self, id: &Id) -> Option<Arc<Version>> {
        self.get(id)?;
        let old = self.by_id.remove(&CaseFoldedId(id.clone()))?;
        self.update(Some(&old), None);
        Some(old)
    }

    /// Updates the sets after a version was added, changed or removed.
    fn update(&mut self, old: Option<&Version>, new: Option<&Version>) {
        old.into_iter().for_each(|old| self.set(old, false));
        new.into_iter().for_each(|new| self.set(new, true));
        let mut affected = Vec::new();
        for version in old.into_iter().chain(new) {
            affected.extend([version.id.clone(), version.ancestor.clone()]);
            affected.extend(self.next_younger(&Age::of(version)).cloned());
            if old.map(|old| &old.id) != new.map(|new| &new.id) {
                affected.extend(self.children(&version.id).cloned());
            }
        }
        affected.sort();
        affected.dedup();
        affected.iter().for_each(|id| self.review(id));
    }

    /// Adds or removes a version in the sets that depend only on itself.
    fn set(&mut self, version: &Version, is_there: bool) {
        let age = Age::of(version);
        let is_root = version.ancestor == version.id;
        let link = (version.ancestor.clone(), Some(version.id.clone()));
        if is_there {
            if version.state.is_offered() {
                self.offered.insert(age.clone());
            }
            if is_root {
                self.roots.insert(age.clone());
            } else {
                self.children.insert(link);
            }
            self.by_age.insert(age);
        } else {
            self.children.remove(&link);
            for set in [
                &mut self.by_age,
                &mut self.offered,
                &mut self.roots,
                &mut self.leaves,
                &mut self.orphans,
                &mut self.misplaced,
            ] {
                set.remove(&age);
            }
        }
    }

    /// Updates the sets that depend on a version's relation to others, if it exists.
    fn review(&mut self, id: &Id) {
        let Some(version) = self.get(id) else { return };
        let age = Age::of(version);
        let is_orphan = self.get(&version.ancestor).is_none();
        let is_misplaced = version.ancestor != *self.older(&age);
        let is_leaf = !self.has_children(id);
        toggle(&mut self.orphans, &age, is_orphan);
        toggle(&mut self.misplaced, &age, is_misplaced);
        toggle(&mut self.leaves, &age, is_leaf);
    }

    /// The ids of the versions that name this one as their ancestor, even if this one doesn't
    /// exist.
    fn children(&self, id: &Id) -> impl Iterator<Item = &Id> + use<'_> {
        let own = id.clone();
        let after = (Bound::Excluded((id.clone(), None)), Bound::Unbounded);
        let links = self.children.range(after);
        links.take_while(move |(ancestor, _)| *ancestor == own).filter_map(|(_, id)| id.as_ref())
    }

    /// The next older version; for the oldest version, itself.
    fn older<'a>(&'a self, age: &'a Age) -> &'a Id {
        self.by_age.range::<_, Age>(..age).next_back().unwrap_or(age).id()
    }

    fn next_younger(&self, age: &Age) -> Option<&Id> {
        let younger = (Bound::Excluded(age), Bound::Unbounded);
        self.by_age.range::<_, Age>(younger).next().map(Age::id)
    }
}

impl Version {
    /// Whether both have the same id and the same place in the lineage.
    fn has_place_of(&self, other: &Self) -> bool {
        let place = |version: &Self| (version.created, version.state.is_offered());
        self.id == other.id && self.ancestor == other.ancestor && place(self) == place(other)
    }
}

fn first_but<'a>(set: &'a OrdSet<Age>, stays: Option<&Id>) -> Option<&'a Age> {
    set.iter().find(|age| Some(age.id()) != stays)
}

/// Adds an item to a set or removes it. If nothing changes, the set stays shared.
fn toggle<T: Ord + Clone>(set: &mut OrdSet<T>, item: &T, is_member: bool) {
    match (is_member, set.contains(item)) {
        (true, false) => drop(set.insert(item.clone())),
        (false, true) => drop(set.remove(item)),
        _ => {}
    }
}
