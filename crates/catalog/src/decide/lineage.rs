//! Which version descends from which, which is the newest, and which must go (xRegistry model,
//! `versionmode`, `maxversions`, `singleversionroot`).

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use muster_words::{Id, Moment};

use super::draft::{ResourceEdit, Seen, VersionEdit};
use crate::{Refusal, model::VersionMode, state::Folded};

/// Versions of a circle that a refusal names: enough to find it, and an answer of bounded size.
const CIRCLE_SHOWN_MAX: usize = 100;

/// Oldest first: by `createdat`, then by id without regard to case.
pub(super) fn by_age(left: &Seen, right: &Seen) -> Ordering {
    let folded = |id: &Id| Folded(id.clone());
    left.created.cmp(&right.created).then_with(|| folded(&left.id).cmp(&folded(&right.id)))
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
        VersionMode::Manual => newest_leaf(seen),
        VersionMode::CreatedAt => pick(&mut seen.iter()),
        VersionMode::Lifecycle => {
            pick(&mut seen.iter().filter(|version| version.state.is_offered()))
                .or_else(|| pick(&mut seen.iter()))
        }
    }
}

fn newest_leaf(seen: &[Seen]) -> Option<Id> {
    let youngest = seen.iter().max_by(|left, right| by_age(left, right))?;
    let descends_from = |version: &Seen, other: &Id| {
        version.ancestor.as_ref() == Some(other) && version.id != *other
    };
    // Nearly always nothing descends from the youngest of all, and nobody else need be looked at.
    if !seen.iter().any(|version| descends_from(version, &youngest.id)) {
        return Some(youngest.id.clone());
    }
    let parents: BTreeSet<&Id> = seen
        .iter()
        .filter(|version| version.ancestor.as_ref() != Some(&version.id))
        .filter_map(|version| version.ancestor.as_ref())
        .collect();
    let leaves = seen.iter().filter(|version| !parents.contains(&version.id));
    leaves.max_by(|left, right| by_age(left, right)).map(|version| version.id.clone())
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

    /// What descended from a version that goes becomes a root; a new version can't descend from
    /// one that isn't there.
    fn settle_manual_ancestors(&mut self, now: Moment) -> Result<(), Refusal> {
        self.descend_from_newest();
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

    /// New versions without an ancestor descend, in the order of their ids, from the newest that
    /// was there: each from the one before it.
    fn descend_from_newest(&mut self) {
        let is_rootless = |version: &VersionEdit| version.ancestor.is_none();
        let mut rootless: Vec<Folded> = self
            .versions
            .iter()
            .filter(|(_, version)| is_rootless(version))
            .map(|(id, _)| Folded(id.clone()))
            .collect();
        if rootless.is_empty() {
            return;
        }
        rootless.sort();
        let mut seen = self.seen();
        if let [only] = rootless.as_slice() {
            seen.retain(|version| version.ancestor.is_some());
            let ancestor = newest_leaf(&seen).unwrap_or_else(|| only.0.clone());
            if let Some(version) = self.versions.get_mut(&only.0) {
                version.ancestor = Some(ancestor);
            }
            return;
        }
        let settled = || seen.iter().filter(|version| version.ancestor.is_some());
        let parents: BTreeSet<&Id> = settled()
            .filter(|version| version.ancestor.as_ref() != Some(&version.id))
            .filter_map(|version| version.ancestor.as_ref())
            .collect();
        let mut leaves: BTreeSet<(Moment, Folded)> = settled()
            .filter(|version| !parents.contains(&version.id))
            .map(|version| (version.created, Folded(version.id.clone())))
            .collect();
        for own in rootless {
            let Some(version) = self.versions.get_mut(&own.0) else { continue };
            let ancestor = leaves.pop_last().map_or_else(|| own.0.clone(), |(_, leaf)| leaf.0);
            version.ancestor = Some(ancestor);
            if !parents.contains(&own.0) {
                leaves.insert((version.created, own));
            }
        }
    }

    /// Whether this command itself names the version's ancestor. What an earlier one named may
    /// have gone since, and come back without its ancestor: such a version is a root.
    fn names_ancestor(&self, version: &Seen) -> bool {
        self.versions.get(&version.id).is_some_and(|edit| {
            let before = edit.old.as_ref().map(|old| &old.ancestor);
            before != version.ancestor.as_ref()
        })
    }

    /// Only a version whose ancestor was written can close a circle. What was passed once and led
    /// to a root isn't walked again, so that all of a command costs one walk.
    fn refuse_circles<'a>(&self, seen: &'a [Seen]) -> Result<(), Refusal> {
        let links = || {
            let link = |version: &'a Seen| Some((&version.id, version.ancestor.as_ref()?));
            seen.iter().filter_map(link).filter(|(id, ancestor)| id != ancestor)
        };
        // A circle leads through each of its versions, so each is another's ancestor.
        let starts: BTreeSet<&Id> = links()
            .map(|(_, ancestor)| ancestor)
            .filter(|ancestor| self.versions.contains_key(*ancestor))
            .collect();
        if starts.is_empty() {
            return Ok(());
        }
        let ancestors: BTreeMap<&Id, &Id> = links().collect();
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
                next = ancestors.get(at).copied();
            }
            sound.extend(passed);
        }
        Ok(())
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
