use std::{ops::Deref, sync::Arc};

use muster_words::{Position, Xid};

use super::{GroupView, ResourceView, View};
use crate::{
    Catalog,
    state::{
        Chained, ExactId, FormerNames, Group, Lives, Resource, Stamp, exact, locate, resource_in,
        state_at,
    },
};

impl<C: Deref<Target = Catalog>> View<C> {
    /// The last change of a name up to the view's position, whether it exists or not: a write of it
    /// or of anything in it, or a deletion, restore or purge that affected it. For a Meta, only its
    /// own writes count, not those of versions. For a group and the registry, changes of their set
    /// of members count, but not changes within a member.
    ///
    /// Stepping back from one change to the previous one gives a name's whole history. Only the
    /// last of several purges is known.
    #[must_use]
    pub fn last_change(&self, xid: &Xid) -> Option<Stamp> {
        let at = self.seen();
        let Some(Xid::Group { groups, group }) = xid.group() else {
            return Some(self.registry().stamp);
        };
        let now = self.catalog.groups.get(&groups).and_then(|all| exact(all, &group));
        let former = self.catalog.past.groups.former(groups.as_str());
        let lives = former.and_then(|former| former.get(&ExactId(group)));
        let written = newest_change(
            (now, lives),
            at,
            |group| holds(group, xid),
            |group| match xid {
                Xid::Group { .. } => GroupView::at(group, at).map(|group| group.stamp()),
                _ => in_group(group, xid, at),
            },
        );
        written.max(self.last_purge(xid))
    }

    /// Whether the name, anything in it or a parent of it was ever purged. Then
    /// [`last_change`](Self::last_change) may not know everything.
    #[must_use]
    pub fn has_purges(&self, xid: &Xid) -> bool {
        self.purges(xid).next().is_some()
    }

    /// The last purge of a name, of one of its parents or of a version of it, up to the view's
    /// position.
    #[must_use]
    pub fn last_purge(&self, xid: &Xid) -> Option<Stamp> {
        let at = self.seen();
        self.purges(xid).filter(|stamp| stamp.position <= at).max().copied()
    }

    /// The position of the newest purge of anything, up to the view's position.
    #[must_use]
    pub fn newest_purge(&self) -> Option<Position> {
        let at = self.seen();
        self.catalog.purged.values().map(|stamp| stamp.position).filter(|purge| *purge <= at).max()
    }

    /// The last purges of a name, of its parents and of a resource's versions.
    fn purges(&self, xid: &Xid) -> impl Iterator<Item = &Stamp> {
        let purged = &self.catalog.purged;
        let around = std::iter::successors(Some(xid.clone()), Xid::parent)
            .filter_map(|name| purged.get(name.to_string().as_str()));
        let inside = matches!(xid, Xid::Resource { .. }).then(|| format!("{xid}/"));
        let below = inside.into_iter().flat_map(|inside| {
            let all = purged.range::<_, Arc<str>>(Arc::from(inside.as_str())..);
            all.take_while(move |(name, _)| name.starts_with(&inside)).map(|(_, stamp)| stamp)
        });
        around.chain(below)
    }
}

/// The last change of something within a name, up to a position: in the name's present entity and
/// in its earlier lifetimes. `holds` says whether an ended lifetime contained it, `within` finds
/// its last change in one.
fn newest_change<T>(
    (now, lives): (Option<&Arc<T>>, Option<&Lives<T>>),
    at: Position,
    holds: impl Fn(&T) -> bool,
    within: impl Fn(&Arc<T>) -> Option<Stamp>,
) -> Option<Stamp> {
    if let Some(change) = locate(now, lives, at).and_then(&within) {
        return Some(change);
    }
    let mut life = lives.and_then(|lives| state_at(lives.last()?, at));
    while let Some(ended) = life {
        if holds(&ended.what) {
            return Some(ended.until);
        }
        if let Some(change) = within(&ended.what) {
            return Some(change);
        }
        life = ended.previous();
    }
    None
}

/// Whether a name is the group itself or is in it.
fn holds(group: &Group, xid: &Xid) -> bool {
    match xid {
        Xid::Registry | Xid::Group { .. } => true,
        Xid::Resource { .. } | Xid::Meta { .. } => resource_in(group, xid).is_some(),
        Xid::Version { version, .. } => {
            resource_in(group, xid).is_some_and(|resource| resource.versions.get(version).is_some())
        }
    }
}

fn in_group(group: &Group, xid: &Xid, at: Position) -> Option<Stamp> {
    let Some(Xid::Resource { resources, resource, .. }) = xid.resource() else { return None };
    let former: Option<&FormerNames<Resource>> = group.past.former(resources.as_str());
    let lives = former.and_then(|former| former.get(&ExactId(resource)));
    newest_change(
        (resource_in(group, xid), lives),
        at,
        |resource| match xid {
            Xid::Version { version, .. } => resource.versions.get(version).is_some(),
            _ => true,
        },
        |resource| in_resource(resource, xid, at),
    )
}

fn in_resource(resource: &Resource, xid: &Xid, at: Position) -> Option<Stamp> {
    match xid {
        Xid::Version { version, .. } => {
            let former = resource.past.as_deref().map(|past| past.former());
            let lives = former.and_then(|former| former.get(&ExactId(version.clone())));
            newest_change(
                (resource.versions.get(version), lives),
                at,
                |_| true,
                |version| state_at(version, at).map(|version| version.stamp),
            )
        }
        Xid::Meta { .. } => state_at(&resource.meta, at).map(|meta| meta.stamp),
        _ => ResourceView::at(resource, at).map(|resource| resource.stamp()),
    }
}
