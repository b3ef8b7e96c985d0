//! The lineage of versions: their ancestors, the newest version, and the ones to remove (xRegistry
//! model, `versionmode`, `maxversions`, `singleversionroot`).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use muster_model::VersionMode;
use muster_words::{Id, Moment};

use super::draft::{ResourceEdit, VersionEdit};
use crate::{
    Refusal, VersionRefusal,
    state::{CaseFoldedId, Lineage, Stamp, Version},
};

/// The number of versions in a circle that a refusal lists; it bounds the size of the answer.
const CIRCLE_SHOWN_MAX: usize = 100;

impl ResourceEdit {
    /// Sets the ancestor of every version according to the version mode, and finds the newest
    /// version.
    pub(super) fn resolve_ancestors(&mut self, now: Moment) -> Result<(), Refusal> {
        // Most resources have a single version, which needs no comparison.
        if self.count() == 1
            && let Some((id, edit)) = self.versions.iter_mut().next()
            && edit.ancestor.as_ref().is_none_or(|ancestor| ancestor == id)
        {
            edit.ancestor = Some(id.clone());
            self.newest = Some(id.clone());
            return Ok(());
        }
        if self.kind.versionmode != VersionMode::Manual {
            for (id, edit) in &mut self.versions {
                edit.ancestor.get_or_insert_with(|| id.clone());
            }
        }
        let mut lineage = self.lineage();
        if self.kind.versionmode == VersionMode::Manual {
            let found = self.descend_from_newest(&mut lineage, now);
            self.refuse_unknown_ancestors(&lineage)?;
            self.refuse_circles(&lineage, &found)?;
        }
        self.resolve_remaining(lineage, now)
    }

    /// Removes the oldest versions beyond the limit, except the default version. Their descendants
    /// become roots, even if this command named a removed version as their ancestor.
    pub(super) fn prune(&mut self, now: Moment) -> Result<(), Refusal> {
        let max = usize::try_from(self.kind.maxversions).unwrap_or(usize::MAX);
        let surplus = self.count().saturating_sub(max);
        if max == 0 || surplus == 0 {
            return Ok(());
        }
        let mut lineage = self.lineage();
        for _ in 0..surplus {
            let oldest = lineage.oldest_but(self.kind.versionmode, self.default.as_ref());
            let Some(oldest) = oldest.cloned() else { break };
            lineage.remove(&oldest);
            self.remove(&oldest);
        }
        self.resolve_remaining(lineage, now)
    }

    /// Removes a version.
    pub(super) fn remove(&mut self, id: &Id) {
        let edited = self.versions.remove(id);
        let was_there = self.old.as_ref().is_some_and(|old| old.versions.get(id).is_some());
        if was_there && edited.is_none_or(|edit| edit.old.is_some()) {
            self.removed.insert(id.clone());
        }
    }

    /// Why there can be no default version: there is no version, or all belong to circles, which an
    /// earlier release allowed.
    pub(super) fn no_default(&self) -> Refusal {
        let lineage = self.lineage();
        match self.walk(&lineage, lineage.by_id().values().map(|version| &version.id)) {
            Err(circle) => circle,
            Ok(()) => Refusal::new(&self.xid, VersionRefusal::MissingVersions),
        }
    }

    /// The future versions that already have an ancestor.
    fn lineage(&self) -> Lineage {
        let old = self.old.as_ref();
        let mut lineage = old.map_or_else(Lineage::default, |old| old.versions.lineage());
        for id in &self.removed {
            lineage.remove(id);
        }
        for (id, edit) in self.versions.iter().filter(|(_, edit)| edit.changes_place()) {
            match &edit.ancestor {
                Some(ancestor) => lineage.insert(edit.for_lineage(id, ancestor)),
                None => drop(lineage.remove(id)),
            }
        }
        lineage
    }

    /// Sets the remaining ancestors according to the version mode, and finds the newest version,
    /// which doesn't depend on them.
    fn resolve_remaining(&mut self, mut lineage: Lineage, now: Moment) -> Result<(), Refusal> {
        match self.kind.versionmode {
            VersionMode::Manual => {
                // Descendants of a removed version become roots.
                let orphans: Vec<Id> = lineage.orphans().cloned().collect();
                for id in orphans {
                    self.set_ancestor(&mut lineage, &id, id.clone(), now);
                }
                if self.kind.singleversionroot && lineage.roots_count() > 1 {
                    let plural = self.kind.plural.clone();
                    return Err(Refusal::new(&self.xid, VersionRefusal::MultipleRoots { plural }));
                }
            }
            VersionMode::CreatedAt | VersionMode::Lifecycle => {
                for (id, older) in lineage.misplaced() {
                    if let Some(edit) = self.version_edit(id, now) {
                        edit.ancestor = Some(older.clone());
                    }
                }
            }
        }
        self.newest = lineage.newest(self.kind.versionmode).cloned();
        Ok(())
    }

    /// Sets the ancestors of the versions that have none, in the order of their ids: each derives
    /// from the newest version that has one. Returns these versions, and whether others derive from
    /// them.
    fn descend_from_newest(&mut self, lineage: &mut Lineage, now: Moment) -> BTreeMap<Id, bool> {
        let has_none = |(_, edit): &(&Id, &VersionEdit)| edit.ancestor.is_none();
        let without = self.versions.iter().filter(has_none);
        let mut without: Vec<CaseFoldedId> =
            without.map(|(id, _)| CaseFoldedId(id.clone())).collect();
        without.sort();
        let mut found = BTreeMap::new();
        for CaseFoldedId(id) in without {
            let has_children = lineage.has_children(&id);
            let newest = lineage.newest(VersionMode::Manual).unwrap_or(&id).clone();
            self.set_ancestor(lineage, &id, newest, now);
            found.insert(id, has_children);
        }
        found
    }

    fn set_ancestor(&mut self, lineage: &mut Lineage, id: &Id, ancestor: Id, now: Moment) {
        if let Some(edit) = self.version_edit(id, now) {
            lineage.insert(edit.for_lineage(id, &ancestor));
            edit.ancestor = Some(ancestor);
        }
    }

    /// Refuses versions whose ancestor doesn't exist.
    fn refuse_unknown_ancestors(&self, lineage: &Lineage) -> Result<(), Refusal> {
        let Some(id) = lineage.orphans().filter(|id| self.names_ancestor(id)).min() else {
            return Ok(());
        };
        let subject = self.xid.version(id.clone()).unwrap_or_else(|| self.xid.clone());
        let ancestor = lineage.get(id).map(|version| version.ancestor.to_string());
        Err(Refusal::unknown_version(subject, ancestor.unwrap_or_default()))
    }

    /// Whether this command itself names the version's ancestor. An ancestor that an earlier
    /// command named may have been removed, or restored without its own ancestor: such a version is
    /// a root.
    fn names_ancestor(&self, id: &Id) -> bool {
        self.versions.get(id).is_some_and(|edit| {
            let before = edit.old.as_ref().map(|old| &old.ancestor);
            before != edit.ancestor.as_ref()
        })
    }

    /// Refuses circles. Only a version whose ancestor this command sets can close a circle, and
    /// only if it has descendants. A version without descendants that found its ancestor itself
    /// isn't walked: it derives from an older version, so any circle through it also passes another
    /// walked version.
    fn refuse_circles(&self, lineage: &Lineage, found: &BTreeMap<Id, bool>) -> Result<(), Refusal> {
        let can_close = |id: &&Id| match found.get(*id) {
            Some(had_children) => *had_children,
            None => self.names_ancestor(id) && lineage.has_children(id),
        };
        self.walk(lineage, self.versions.keys().filter(can_close))
    }

    /// Refuses a version that doesn't lead to a root. Versions that are known to lead to one aren't
    /// walked again, so a command costs at most one walk.
    fn walk<'a>(
        &self,
        lineage: &'a Lineage,
        starts: impl Iterator<Item = &'a Id>,
    ) -> Result<(), Refusal> {
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
                let ancestor = lineage.get(at).map(|version| &version.ancestor);
                next = ancestor.filter(|ancestor| *ancestor != at);
            }
            sound.extend(passed);
        }
        Ok(())
    }

    /// The refusal of a circle, beginning with the first version that the command writes.
    fn circle(&self, passed: &[&Id], closed_at: &Id) -> Refusal {
        let tail = passed.iter().skip_while(|id| **id != closed_at);
        let circle: Vec<&Id> = tail.copied().collect();
        let first = circle.iter().enumerate().filter(|(_, id)| self.versions.contains_key(**id));
        let first = first.min_by_key(|(_, id)| **id).map_or(0, |(index, _)| index);
        let turned = circle.iter().cycle().skip(first).take(circle.len().min(CIRCLE_SHOWN_MAX));
        let circle = turned.map(|id| Id::clone(id)).collect();
        Refusal::new(&self.xid, VersionRefusal::CircularAncestors { circle })
    }
}

impl VersionEdit {
    /// Whether its place in the lineage changes.
    fn changes_place(&self) -> bool {
        self.old.as_ref().is_none_or(|old| {
            let place = (old.created, old.state, Some(&old.ancestor));
            place != (self.created, self.state, self.ancestor.as_ref())
        })
    }

    /// A version with only the fields that the lineage needs.
    fn for_lineage(&self, id: &Id, ancestor: &Id) -> Arc<Version> {
        Arc::new(Version {
            id: id.clone(),
            attributes: None,
            epoch: 0,
            created: self.created,
            modified: self.modified,
            ancestor: ancestor.clone(),
            document: None,
            content_type: None,
            state: self.state,
            stamp: Stamp::default(),
            facts: self.facts.clone(),
            labels: Arc::default(),
            former: None,
            earlier: crate::state::Earlier::default(),
        })
    }
}
