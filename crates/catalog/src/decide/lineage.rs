//! Which version descends from which, which is the newest, and which must go (xRegistry model,
//! `versionmode`, `maxversions`, `singleversionroot`).

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use muster_words::{Id, Moment};

use super::draft::{ResourceEdit, Seen};
use crate::{Refusal, model::VersionMode};

/// Oldest first: by `createdat`, then by id without regard to case.
pub(super) fn by_age(left: &Seen, right: &Seen) -> Ordering {
    left.created.cmp(&right.created).then_with(|| left.id.folded().cmp(&right.id.folded()))
}

/// The newest version, which is the default where nobody pinned another.
///
/// In mode `manual` it is the newest of those that nothing descends from; in mode `lifecycle` the
/// newest in `stable` or `deprecated`, and the newest of all where there is none.
pub(super) fn newest(mode: VersionMode, seen: &[Seen]) -> Option<Id> {
    let pick = |candidates: &mut dyn Iterator<Item = &Seen>| {
        candidates.max_by(|left, right| by_age(left, right)).map(|version| version.id.clone())
    };
    match mode {
        VersionMode::Manual => {
            let parents: BTreeSet<&Id> = seen
                .iter()
                .filter(|version| version.ancestor.as_ref() != Some(&version.id))
                .filter_map(|version| version.ancestor.as_ref())
                .collect();
            pick(&mut seen.iter().filter(|version| !parents.contains(&version.id)))
        }
        VersionMode::CreatedAt => pick(&mut seen.iter()),
        VersionMode::Lifecycle => {
            pick(&mut seen.iter().filter(|version| version.state.is_offered()))
                .or_else(|| pick(&mut seen.iter()))
        }
    }
}

impl ResourceEdit {
    /// Gives every version its ancestor, as the type's mode says.
    pub(super) fn settle_ancestors(&mut self, now: Moment) -> Result<(), Refusal> {
        match self.kind.versionmode {
            VersionMode::Manual => self.settle_manual_ancestors(now)?,
            VersionMode::CreatedAt | VersionMode::Lifecycle => self.chain_by_age(now),
        }
        if self.kind.singleversionroot {
            let seen = self.seen();
            let roots =
                seen.iter().filter(|version| version.ancestor.as_ref() == Some(&version.id));
            if roots.count() > 1 {
                return Err(
                    Refusal::new("multiple_roots", &self.xid).arg("plural", &self.kind.plural)
                );
            }
        }
        Ok(())
    }

    /// New versions without an ancestor descend from the newest that was there; what descended
    /// from a version that goes becomes a root.
    fn settle_manual_ancestors(&mut self, now: Moment) -> Result<(), Refusal> {
        let mut rootless: Vec<Id> = self
            .versions
            .iter()
            .filter(|(_, version)| version.ancestor.is_none())
            .map(|(id, _)| id.clone())
            .collect();
        rootless.sort_by_key(Id::folded);
        for id in rootless {
            let before: Vec<Seen> =
                self.seen().into_iter().filter(|version| version.ancestor.is_some()).collect();
            let ancestor = newest(VersionMode::Manual, &before).unwrap_or_else(|| id.clone());
            if let Some(version) = self.versions.get_mut(&id) {
                version.ancestor = Some(ancestor);
            }
        }
        let seen = self.seen();
        let there: BTreeSet<&Id> = seen.iter().map(|version| &version.id).collect();
        for version in &seen {
            let Some(ancestor) = &version.ancestor else { continue };
            if there.contains(ancestor) {
                continue;
            }
            if self.names_ancestor(version) {
                let name = self.xid.version(version.id.clone());
                let subject = name.unwrap_or_else(|| self.xid.clone());
                return Err(Refusal::unknown_version(subject, ancestor));
            }
            if let Some(edit) = self.version_edit(&version.id, now) {
                edit.ancestor = Some(version.id.clone());
            }
        }
        self.refuse_circles(&seen)
    }

    /// Whether this command itself names the version's ancestor. What an earlier one named may
    /// have gone since, and come back without its ancestor: such a version is a root.
    fn names_ancestor(&self, version: &Seen) -> bool {
        self.versions.get(&version.id).is_some_and(|edit| {
            let before = edit.old.as_ref().map(|old| &old.ancestor);
            before != version.ancestor.as_ref()
        })
    }

    fn refuse_circles(&self, seen: &[Seen]) -> Result<(), Refusal> {
        let ancestors: BTreeMap<&Id, &Id> = seen
            .iter()
            .filter_map(|version| Some((&version.id, version.ancestor.as_ref()?)))
            .collect();
        // Only a version whose ancestor was written can close a circle.
        for start in self.versions.keys() {
            let mut passed = vec![start];
            let mut at = start;
            while let Some(next) = ancestors.get(at).filter(|next| **next != at) {
                if *next == start {
                    let list = passed.iter().map(ToString::to_string).collect::<Vec<_>>();
                    return Err(Refusal::new("ancestor_circular_reference", &self.xid)
                        .arg("list", list.join(",")));
                }
                if passed.len() > seen.len() {
                    break;
                }
                passed.push(next);
                at = next;
            }
        }
        Ok(())
    }

    /// Each version descends from the next older one.
    fn chain_by_age(&mut self, now: Moment) {
        let mut seen = self.seen();
        seen.sort_by(by_age);
        let mut before: Option<Id> = None;
        for version in seen {
            let ancestor = before.clone().unwrap_or_else(|| version.id.clone());
            before = Some(version.id.clone());
            if version.ancestor.as_ref() != Some(&ancestor)
                && let Some(edit) = self.version_edit(&version.id, now)
            {
                edit.ancestor = Some(ancestor);
            }
        }
    }

    /// Lets the oldest versions go that are too many, the default one excepted.
    pub(super) fn prune(&mut self, now: Moment) -> Result<(), Refusal> {
        let max = usize::try_from(self.kind.maxversions).unwrap_or(usize::MAX);
        if max == 0 || self.count() <= max {
            return Ok(());
        }
        let mut seen = self.seen();
        seen.sort_by(by_age);
        let surplus = seen.len() - max;
        let going: Vec<Id> = seen
            .into_iter()
            .map(|version| version.id)
            .filter(|id| Some(id) != self.default.as_ref())
            .take(surplus)
            .collect();
        for id in going {
            self.remove(&id);
        }
        self.settle_ancestors(now)
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
