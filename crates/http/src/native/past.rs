//! Where an entity's earlier states are found: behind what lives, and in what deletions hid.

use std::sync::Arc;

use muster_catalog::{
    Catalog,
    state::{Chained, Group, GroupState, Hidden, Meta, Resource, Subtree, Version, exact},
};
use muster_words::{Position, Xid};

/// Deletions of one name that are looked into, newest first: a name that is made and deleted
/// over and over has any number.
const DELETIONS_MAX: usize = 64;

/// States that are looked at to find one: those of a document that is written all day have any
/// number, and the newest are those that are asked for.
const STATES_MAX: usize = 256;

/// What a name's deletions hid, newest first.
pub(super) fn deletions<'a>(
    view: &'a Catalog,
    xid: &Xid,
) -> impl Iterator<Item = &'a Arc<Hidden>> + use<'a> {
    let newest = view.hidden.get(xid.to_string().as_str());
    std::iter::successors(newest, |hidden| hidden.before.as_ref())
}

/// The incarnations of a group: the living one, then hidden ones.
pub(super) fn groups<'a>(
    view: &'a Catalog,
    xid: &Xid,
) -> impl Iterator<Item = &'a Arc<Group>> + use<'a> {
    let group = xid.group();
    let live = group.as_ref().and_then(|group| view.group_at(group));
    let hidden = group.map(|group| deletions(view, &group).take(DELETIONS_MAX));
    live.into_iter().chain(hidden.into_iter().flatten().filter_map(|hidden| match &hidden.what {
        Subtree::Group(group) => Some(group),
        _ => None,
    }))
}

/// The incarnations of a resource.
pub(super) fn resources<'a>(
    view: &'a Catalog,
    xid: &Xid,
) -> impl Iterator<Item = &'a Arc<Resource>> + use<'a> {
    let own = xid.resource();
    let hidden = own.as_ref().map(|own| deletions(view, own).take(DELETIONS_MAX));
    let hidden = hidden.into_iter().flatten().filter_map(|hidden| match &hidden.what {
        Subtree::Resource(resource) => Some(resource),
        _ => None,
    });
    let name = own.clone();
    let of_groups = groups(view, xid).filter_map(move |group| in_group(group, name.as_ref()?));
    of_groups.chain(hidden)
}

/// The resource of that name in a group.
pub(super) fn in_group<'a>(group: &'a Group, xid: &Xid) -> Option<&'a Arc<Resource>> {
    let Xid::Resource { resources, resource, .. } = xid else { return None };
    exact(group.resources.get(resources)?, resource)
}

/// The state of a group that was in force at a position.
pub(super) fn group_as_of(view: &Catalog, xid: &Xid, at: Position) -> Option<Arc<GroupState>> {
    groups(view, xid).find_map(|group| find(&group.own, |state| state.stamp.position <= at))
}

/// The state of a Meta that was in force at a position: the newest that isn't later.
pub(super) fn meta_as_of(view: &Catalog, xid: &Xid, at: Position) -> Option<Arc<Meta>> {
    let found = resources(view, xid)
        .filter_map(|resource| find(&resource.meta, |meta| meta.stamp.position <= at));
    found.max_by_key(|meta| meta.stamp.position)
}

/// The state of a version that was in force at a position.
pub(super) fn version_as_of(view: &Catalog, xid: &Xid, at: Position) -> Option<Arc<Version>> {
    let Xid::Version { version, .. } = xid else { return None };
    let within = resources(view, xid).filter_map(|resource| resource.versions.get(version));
    let hidden = deletions(view, xid).take(DELETIONS_MAX).filter_map(|hidden| match &hidden.what {
        Subtree::Version(version) => Some(version),
        _ => None,
    });
    within.chain(hidden).find_map(|newest| find(newest, |version| version.stamp.position <= at))
}

fn find<T: Chained>(newest: &Arc<T>, wanted: impl Fn(&T) -> bool) -> Option<Arc<T>> {
    let mut states = std::iter::successors(Some(newest), |state| state.previous());
    states.by_ref().take(STATES_MAX).find(|state| wanted(state)).cloned()
}
