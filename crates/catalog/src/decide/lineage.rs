//! Which version descends from which, which is the newest, and which must go (xRegistry model,
//! `versionmode`, `maxversions`, `singleversionroot`).

mod family;

use std::collections::BTreeSet;

use muster_words::{Id, Moment};

use super::draft::{ResourceEdit, VersionEdit};
use crate::{
    Refusal,
    state::{Age, Folded},
};
use muster_model::VersionMode;

/// Versions of a circle that a refusal names: enough to find it, and an answer of bounded size.
const CIRCLE_SHOWN_MAX: usize = 100;

/// The versions that got the newest as their ancestor because the command names none.
#[derive(Default)]
struct Placed {
    /// Those that nothing named as its ancestor before.
    appended: BTreeSet<Id>,
    /// Those that have descendants, which come with them.
    moved: BTreeSet<Id>,
}

impl Placed {
    fn note(&mut self, id: Id, has_children: bool) {
        if has_children {
            self.moved.insert(id)
        } else {
            self.appended.insert(id)
        };
    }
}

impl ResourceEdit {
    /// The newest version there will be.
    pub(super) fn newest(&self) -> Option<Id> {
        self.family().newest(self.kind.versionmode)
    }

    /// Gives every version its ancestor, as the type's mode says.
    pub(super) fn settle_ancestors(&mut self, now: Moment) -> Result<(), Refusal> {
        match self.kind.versionmode {
            VersionMode::Manual => self.settle_manual_ancestors(now)?,
            VersionMode::CreatedAt | VersionMode::Lifecycle => self.chain_by_age(now),
        }
        self.check_roots()
    }

    fn check_roots(&self) -> Result<(), Refusal> {
        if self.kind.singleversionroot && self.family().roots().len() > 1 {
            return Err(Refusal::new("multiple_roots", &self.xid).arg("plural", &self.kind.plural));
        }
        Ok(())
    }

    /// A new version can't descend from one that isn't there.
    fn settle_manual_ancestors(&mut self, now: Moment) -> Result<(), Refusal> {
        let placed = self.descend_from_newest();
        let orphans = self.family().orphans();
        if let Some(orphan) = orphans.iter().find(|id| self.names_ancestor(id)) {
            let name = self.xid.version(orphan.clone());
            let ancestor = self.ancestor_of(orphan).map(ToString::to_string).unwrap_or_default();
            let subject = name.unwrap_or_else(|| self.xid.clone());
            return Err(Refusal::unknown_version(subject, ancestor));
        }
        self.refuse_circles(&placed)?;
        self.make_roots(orphans, now);
        Ok(())
    }

    /// What descended from a version that goes becomes a root.
    fn make_roots(&mut self, orphans: Vec<Id>, now: Moment) {
        for id in orphans {
            if let Some(edit) = self.version_edit(&id, now) {
                edit.ancestor = Some(id);
            }
        }
    }

    /// New versions without an ancestor descend, in the order of their ids, from the newest that
    /// was there: each from the one before it. So do old ones of which the command takes it.
    fn descend_from_newest(&mut self) -> Placed {
        let is_rootless = |version: &VersionEdit| version.ancestor.is_none();
        let mut rootless: Vec<Folded> = self
            .versions
            .iter()
            .filter(|(_, version)| is_rootless(version))
            .map(|(id, _)| Folded(id.clone()))
            .collect();
        let mut placed = Placed::default();
        if rootless.is_empty() {
            return placed;
        }
        rootless.sort();
        let settled = self.settled_family();
        if let [Folded(only)] = rootless.as_slice() {
            let ancestor = settled.newest_leaf().unwrap_or_else(|| only.clone());
            if let Some(version) = self.versions.get_mut(only) {
                version.ancestor = Some(ancestor);
            }
            placed.note(only.clone(), settled.has_children(only));
            return placed;
        }
        let mut leaves = settled.leaves();
        for Folded(own) in rootless {
            let Some(version) = self.versions.get_mut(&own) else { continue };
            let newest = leaves.remove_max();
            version.ancestor = Some(newest.map_or_else(|| own.clone(), |leaf| leaf.id().clone()));
            let has_children = settled.has_children(&own);
            if !has_children {
                leaves.insert(Age::new(version.created, own.clone()));
            }
            placed.note(own, has_children);
        }
        placed
    }

    /// Whether this command itself names the version's ancestor. What an earlier one named may
    /// have gone since, and come back without its ancestor: such a version is a root.
    fn names_ancestor(&self, id: &Id) -> bool {
        self.versions.get(id).is_some_and(|edit| {
            let before = edit.old.as_ref().map(|old| &old.ancestor);
            before != edit.ancestor.as_ref()
        })
    }

    fn ancestor_of(&self, id: &Id) -> Option<&Id> {
        match self.versions.get(id) {
            Some(edit) => edit.ancestor.as_ref(),
            None if self.removed.contains(id) => None,
            None => self.old.as_ref()?.versions.get(id).map(|version| &version.ancestor),
        }
    }

    /// Only a version whose ancestor this command names or finds can close a circle, and only one
    /// that has descendants. What was only appended isn't walked at all: of those that nothing
    /// names but others of them, each descends from one before it, so that every circle through one
    /// leads through another version that is walked.
    fn refuse_circles(&self, placed: &Placed) -> Result<(), Refusal> {
        let named: Vec<&Id> = self
            .versions
            .keys()
            .filter(|id| !placed.appended.contains(*id))
            .filter(|id| placed.moved.contains(*id) || self.names_ancestor(id))
            .collect();
        if named.is_empty() {
            return Ok(());
        }
        let family = self.family();
        self.walk(named.into_iter().filter(|id| family.has_children(id)))
    }

    /// Refuses what doesn't lead to a root. What was passed once and led to one isn't walked again,
    /// so that all of a command costs one walk.
    fn walk<'a>(&'a self, starts: impl Iterator<Item = &'a Id>) -> Result<(), Refusal> {
        let mut sound: BTreeSet<&Id> = BTreeSet::new();
        for start in starts {
            let mut passed: Vec<&Id> = Vec::new();
            let mut on_the_way: BTreeSet<&Id> = BTreeSet::new();
            let mut next = Some(start);
            while let Some(at) = next.filter(|id| !sound.contains(id)) {
                if !on_the_way.insert(at) {
                    return Err(self.circle(&passed, at));
                }
                passed.push(at);
                next = self.ancestor_of(at).filter(|ancestor| *ancestor != at);
            }
            sound.extend(passed);
        }
        Ok(())
    }

    /// Why no version can be the default: there is none, or all of them lead into circles, as an
    /// earlier release let them.
    pub(super) fn no_default(&self) -> Refusal {
        let all: Vec<Id> = self.seen().into_iter().map(|version| version.id).collect();
        match self.walk(all.iter()) {
            Err(circle) => circle,
            Ok(()) => Refusal::new("missing_versions", &self.xid),
        }
    }

    /// The refusal of a circle: it begins with the first of its versions that the command writes.
    fn circle(&self, passed: &[&Id], closed_at: &Id) -> Refusal {
        let tail = passed.iter().skip_while(|id| **id != closed_at);
        let circle: Vec<&Id> = tail.copied().collect();
        let first = circle.iter().enumerate().filter(|(_, id)| self.versions.contains_key(**id));
        let first = first.min_by_key(|(_, id)| **id).map_or(0, |(index, _)| index);
        let turned = circle.iter().cycle().skip(first).take(circle.len().min(CIRCLE_SHOWN_MAX));
        let list = turned.map(ToString::to_string).collect::<Vec<_>>();
        Refusal::new("ancestor_circular_reference", &self.xid).arg("list", list.join(","))
    }

    /// Each version descends from the next older one.
    fn chain_by_age(&mut self, now: Moment) {
        for (id, ancestor) in self.family().misplaced() {
            if let Some(edit) = self.version_edit(&id, now) {
                edit.ancestor = Some(ancestor);
            }
        }
        for (id, edit) in &mut self.versions {
            edit.ancestor.get_or_insert_with(|| id.clone());
        }
    }

    /// Lets the oldest versions go that are too many, the default one excepted. What descended
    /// from them becomes a root, be it that this command named them.
    pub(super) fn prune(&mut self, now: Moment) -> Result<(), Refusal> {
        let max = usize::try_from(self.kind.maxversions).unwrap_or(usize::MAX);
        let surplus = self.count().saturating_sub(max);
        if max == 0 || surplus == 0 {
            return Ok(());
        }
        for id in self.family().oldest_but(self.kind.versionmode, self.default.as_ref(), surplus) {
            self.remove(&id);
        }
        match self.kind.versionmode {
            VersionMode::Manual => self.make_roots(self.family().orphans(), now),
            VersionMode::CreatedAt | VersionMode::Lifecycle => self.chain_by_age(now),
        }
        self.check_roots()
    }

    /// Lets a version go.
    pub(super) fn remove(&mut self, id: &Id) {
        let edited = self.versions.remove(id);
        let was_there = self.old.as_ref().is_some_and(|old| old.versions.get(id).is_some());
        if was_there && edited.is_none_or(|edit| edit.old.is_some()) {
            self.removed.insert(id.clone());
        }
    }
}
