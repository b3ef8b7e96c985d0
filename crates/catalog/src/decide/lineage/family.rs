use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use imbl::OrdSet;
use muster_words::{Id, Moment};

use super::super::draft::{ResourceEdit, Seen, VersionEdit};
use crate::state::{Age, Many, Stamp, Version, Versions};
use muster_model::VersionMode;

/// All versions that there will be, as the rules about lineage ask of them.
///
/// Few are walked through at each question; of many the catalog keeps the answers, to which only
/// what this command changes is added. Both answer the same.
pub(in crate::decide) enum Family {
    Walked(Walked),
    Indexed(Box<Many>),
}

pub(in crate::decide) struct Walked {
    seen: Vec<Seen>,
    parents: OnceCell<BTreeSet<Id>>,
}

/// Finds what descends directly from a version.
type Children<'a> = dyn Fn(&Id) -> Vec<Age> + 'a;

impl Family {
    /// The newest version, which is the default where nobody pinned another.
    ///
    /// In mode `manual` it is the newest of those that nothing descends from; in mode `lifecycle`
    /// the newest in `stable` or `deprecated`, and the newest of all where there is none.
    pub(in crate::decide) fn newest(&self, mode: VersionMode) -> Option<Id> {
        match (mode, self) {
            (VersionMode::Manual, _) => self.newest_leaf(),
            (VersionMode::CreatedAt, Self::Indexed(many)) => many.newest().cloned(),
            (VersionMode::CreatedAt, Self::Walked(walked)) => walked.newest_of(|_| true),
            (VersionMode::Lifecycle, Self::Indexed(many)) => {
                many.newest_offered().or_else(|| many.newest()).cloned()
            }
            (VersionMode::Lifecycle, Self::Walked(walked)) => {
                let offered = walked.newest_of(|version| version.state.is_offered());
                offered.or_else(|| walked.newest_of(|_| true))
            }
        }
    }

    /// The newest of the versions that nothing descends from.
    pub(in crate::decide) fn newest_leaf(&self) -> Option<Id> {
        match self {
            Self::Indexed(many) => many.leaves().get_max().map(|age| age.id().clone()),
            Self::Walked(walked) => {
                // Nearly always nothing descends from the youngest of all.
                let youngest = walked.newest_of(|_| true)?;
                if !walked.seen.iter().any(|version| version.descends_from(&youngest)) {
                    return Some(youngest);
                }
                walked.newest_of(|version| !walked.parents().contains(&version.id))
            }
        }
    }

    /// The versions that nothing descends from.
    pub(in crate::decide) fn leaves(&self) -> OrdSet<Age> {
        match self {
            Self::Indexed(many) => many.leaves().clone(),
            Self::Walked(walked) => {
                let leaves =
                    walked.seen.iter().filter(|version| !walked.parents().contains(&version.id));
                leaves.map(Seen::age).collect()
            }
        }
    }

    /// Whether a version names this one, be it there or not, as its ancestor.
    pub(in crate::decide) fn has_children(&self, id: &Id) -> bool {
        match self {
            Self::Indexed(many) => many.has_children(id),
            Self::Walked(walked) => walked.parents().contains(id),
        }
    }

    /// The versions whose ancestor isn't there, in the order of their ids.
    pub(in crate::decide) fn orphans(&self) -> Vec<Id> {
        match self {
            Self::Indexed(many) => many.orphans().cloned().collect(),
            Self::Walked(walked) => {
                let there: BTreeSet<&Id> = walked.seen.iter().map(|version| &version.id).collect();
                let is_gone = |version: &&Seen| {
                    version.ancestor.as_ref().is_some_and(|ancestor| !there.contains(ancestor))
                };
                let gone = walked.seen.iter().filter(is_gone);
                gone.map(|version| version.id.clone())
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect()
            }
        }
    }

    /// Each version that doesn't descend from the next older one, with that one; the oldest is its
    /// own.
    pub(in crate::decide) fn misplaced(&self) -> BTreeMap<Id, Id> {
        match self {
            Self::Indexed(many) => {
                many.misplaced().map(|(id, older)| (id.clone(), older.clone())).collect()
            }
            Self::Walked(walked) => {
                let mut ages: Vec<(Age, Option<&Id>)> = walked
                    .seen
                    .iter()
                    .map(|version| (version.age(), version.ancestor.as_ref()))
                    .collect();
                ages.sort();
                let mut misplaced = BTreeMap::new();
                let mut older: Option<&Age> = None;
                for (age, ancestor) in &ages {
                    let expected = older.unwrap_or(age).id();
                    if *ancestor != Some(expected) {
                        misplaced.insert(age.id().clone(), expected.clone());
                    }
                    older = Some(age);
                }
                misplaced
            }
        }
    }

    /// The versions that descend from no other.
    pub(in crate::decide) fn roots(&self) -> OrdSet<Age> {
        match self {
            Self::Indexed(many) => many.roots().clone(),
            Self::Walked(walked) => {
                walked.seen.iter().filter(|version| version.is_root()).map(Seen::age).collect()
            }
        }
    }

    /// All versions, oldest first.
    fn by_age(&self) -> OrdSet<Age> {
        match self {
            Self::Indexed(many) => many.by_age().clone(),
            Self::Walked(walked) => walked.seen.iter().map(Seen::age).collect(),
        }
    }

    /// The oldest versions, that many at most and without this one.
    ///
    /// In mode `manual` the oldest is the oldest root, and what descends from it is a root when it
    /// has gone.
    pub(in crate::decide) fn oldest_but(
        &self,
        mode: VersionMode,
        spared: Option<&Id>,
        count: usize,
    ) -> Vec<Id> {
        let by_age = self.by_age();
        let mut others = by_age.iter().map(Age::id).filter(|id| Some(*id) != spared);
        if mode != VersionMode::Manual {
            return others.take(count).cloned().collect();
        }
        let children = self.children();
        let mut roots = self.roots();
        let mut going = BTreeSet::new();
        let mut oldest = Vec::new();
        while oldest.len() < count {
            let root = roots.iter().find(|age| Some(age.id()) != spared).cloned();
            if let Some(root) = &root {
                roots.remove(root);
            }
            // Where nothing is a root but the one that stays, what is next to it goes.
            let next = root.map(|root| root.id().clone());
            let next = next.or_else(|| others.find(|id| !going.contains(*id)).cloned());
            let Some(next) = next else { break };
            let children = children(&next);
            roots.extend(children.into_iter().filter(|child| !going.contains(child.id())));
            going.insert(next.clone());
            oldest.push(next);
        }
        oldest
    }

    /// Finds what descends directly from a version.
    fn children(&self) -> Box<Children<'_>> {
        match self {
            Self::Indexed(many) => Box::new(move |id| {
                let children = many.children(id).filter_map(|child| many.get(child));
                children.map(|version| Age::of(version)).collect()
            }),
            Self::Walked(walked) => {
                let mut children: BTreeMap<&Id, Vec<Age>> = BTreeMap::new();
                for version in walked.seen.iter().filter(|version| !version.is_root()) {
                    if let Some(ancestor) = &version.ancestor {
                        children.entry(ancestor).or_default().push(version.age());
                    }
                }
                Box::new(move |id| children.get(id).cloned().unwrap_or_default())
            }
        }
    }
}

impl Walked {
    fn newest_of(&self, wanted: impl Fn(&Seen) -> bool) -> Option<Id> {
        let wanted = self.seen.iter().filter(|version| wanted(version));
        let age = |version: &&Seen| (version.created, crate::state::Folded(version.id.clone()));
        wanted.max_by_key(age).map(|version| version.id.clone())
    }

    fn parents(&self) -> &BTreeSet<Id> {
        self.parents.get_or_init(|| {
            let descend = self.seen.iter().filter(|version| !version.is_root());
            descend.filter_map(|version| version.ancestor.clone()).collect()
        })
    }
}

impl Seen {
    fn age(&self) -> Age {
        Age::new(self.created, self.id.clone())
    }

    fn is_root(&self) -> bool {
        self.ancestor.as_ref() == Some(&self.id)
    }

    fn descends_from(&self, other: &Id) -> bool {
        self.ancestor.as_ref() == Some(other) && self.id != *other
    }
}

impl ResourceEdit {
    /// All versions that there will be; one that has no ancestor yet counts as a root.
    pub(in crate::decide) fn family(&self) -> Family {
        self.indexed(true).unwrap_or_else(|| Family::walked(self.seen()))
    }

    /// Those of them that have an ancestor already.
    pub(in crate::decide) fn settled_family(&self) -> Family {
        self.indexed(false).unwrap_or_else(|| {
            let mut seen = self.seen();
            seen.retain(|version| version.ancestor.is_some());
            Family::walked(seen)
        })
    }

    fn indexed(&self, with_unsettled: bool) -> Option<Family> {
        let Versions::Many(many) = &self.old.as_ref()?.versions else { return None };
        let mut many = many.clone();
        for id in &self.removed {
            many.remove(id);
        }
        for (id, version) in self.versions.iter().filter(|(_, version)| version.moves()) {
            if version.ancestor.is_some() || with_unsettled {
                many.insert(Arc::new(version.placed(id)));
            } else {
                many.remove(id);
            }
        }
        Some(Family::Indexed(many))
    }
}

impl Family {
    pub(in crate::decide) fn walked(seen: Vec<Seen>) -> Self {
        Self::Walked(Walked { seen, parents: OnceCell::new() })
    }
}

impl VersionEdit {
    /// Whether its place among the others changes.
    fn moves(&self) -> bool {
        self.old.as_ref().is_none_or(|old| {
            old.created != self.created
                || Some(&old.ancestor) != self.ancestor.as_ref()
                || old.state != self.state
        })
    }

    /// As much of the version as its place among the others needs.
    fn placed(&self, id: &Id) -> Version {
        Version {
            id: id.clone(),
            attributes: None,
            epoch: 0,
            created: self.created,
            modified: Moment::EPOCH,
            ancestor: self.ancestor.clone().unwrap_or_else(|| id.clone()),
            document: None,
            content_type: None,
            state: self.state,
            stamp: Stamp::default(),
            references: Arc::new([]),
            previous: None,
        }
    }
}
