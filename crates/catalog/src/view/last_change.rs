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
    /// The newest change of a name up to the view's position, whether it is there or not: a write
    /// of it or of anything in it, and the deletions, restores and purges that took or brought it.
    /// Of a Meta only its own writes count, not those of versions; of a group and of the registry
    /// those that members cause in them, but not what changes in a member.
    ///
    /// Stepping back from one change to the one before gives a name's whole history. Of several
    /// purges of one name the last is known.
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

    /// Whether a name, anything in it or what it lies in was ever purged: then
    /// [`last_change`](Self::last_change) may know less than happened.
    #[must_use]
    pub fn has_purges(&self, xid: &Xid) -> bool {
        self.purges(xid).next().is_some()
    }

    fn last_purge(&self, xid: &Xid) -> Option<Stamp> {
        let at = self.seen();
        self.purges(xid).filter(|stamp| stamp.position <= at).max().copied()
    }

    /// The last purges of a name, of what it lies in and of a resource's versions.
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

/// The newest change up to a position of something, found in what one name named: what it names
/// now, and its lives. `holds` says whether an ended life took it along, `within` finds its newest
/// change in one.
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

/// Whether a name is a group's own, or lies in it.
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
