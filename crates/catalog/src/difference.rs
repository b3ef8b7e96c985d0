use std::sync::Arc;

use imbl::OrdMap;
use muster_words::{Id, Xid};

use crate::{
    Catalog,
    state::{
        Chained, EntityMap, Group, GroupState, HiddenEntity, Meta, RegisteredKey, RememberedAnswer,
        Resource, ResourcePast, Subtree, Version,
    },
};

/// Whether facts belong to the model in force. Hidden entities keep the facts of the model under
/// which they were hidden, but after a replay they have those of the newest model. A restore lifts
/// them anew, so they aren't compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FactComparison {
    Now,
    Old,
}

impl Catalog {
    /// The first difference between two catalogs, for people; none if they are equivalent.
    ///
    /// Everything is compared that is served or that later commands depend on: entities with all
    /// their states, hidden and purged entities, keys, remembered answers, the model and the
    /// capabilities. The sharing of states isn't compared.
    #[must_use]
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let parts = [
            ("/", self.same_registry(other)),
            ("/model", self.same_model(other)),
            ("/capabilities", self.same_capabilities(other)),
            ("the number of documents", self.documents == other.documents),
            ("the registry's past", self.past.is_like(&other.past)),
            ("the purged names", self.purged == other.purged),
            ("the referrers", self.referrers == other.referrers),
            ("the order of remembered answers", self.remembered_order == other.remembered_order),
        ];
        if let Some((place, _)) = parts.iter().find(|(_, is_same)| !is_same) {
            return Some((*place).to_owned());
        }
        let remembered = first(&self.remembered, &other.remembered, same_remembered);
        remembered
            .map(|key| format!("the remembered answer of {key}"))
            .or_else(|| first(&self.keys, &other.keys, same_key).map(|id| format!("/keys/{id}")))
            .or_else(|| self.groups_difference(other))
            .or_else(|| {
                let hidden = first(&self.hidden, &other.hidden, same_hidden);
                hidden.map(|name| format!("the deleted states of {name}"))
            })
    }

    fn same_registry(&self, other: &Self) -> bool {
        let own = |catalog: &Self| {
            let state = &catalog.registry;
            let own = (state.attributes, state.epoch, state.created, state.modified);
            (
                catalog.id.clone(),
                catalog.ledger.clone(),
                catalog.stamp,
                catalog.moment,
                own,
                state.own,
                state.members,
            )
        };
        own(self) == own(other)
    }

    fn same_model(&self, other: &Self) -> bool {
        (self.model_source, self.model_stamp) == (other.model_source, other.model_stamp)
    }

    fn same_capabilities(&self, other: &Self) -> bool {
        let sources = (self.capabilities_source, other.capabilities_source);
        sources.0 == sources.1
            && self.capabilities_stamp == other.capabilities_stamp
            && self.capabilities == other.capabilities
    }

    fn groups_difference(&self, other: &Self) -> Option<String> {
        let (mine, theirs) = (flat(&self.groups), flat(&other.groups));
        if mine.len() != theirs.len() {
            return Some("the number of groups".to_owned());
        }
        mine.iter().zip(&theirs).find_map(|((groups, group), (other_groups, other_group))| {
            let xid = Xid::Group { groups: (*groups).clone(), group: group.id.clone() };
            if groups != other_groups || !same_group(group, other_group, FactComparison::Now) {
                return Some(xid.to_string());
            }
            resources_difference(&xid, group, other_group, FactComparison::Now)
        })
    }
}

/// The first key at which two maps differ.
fn first<K: Ord + Clone, V>(
    left: &OrdMap<K, V>,
    right: &OrdMap<K, V>,
    is_same: fn(&V, &V) -> bool,
) -> Option<K> {
    let mut theirs = right.iter();
    for (key, value) in left {
        match theirs.next() {
            Some((other_key, other)) if key == other_key && is_same(value, other) => {}
            Some((other_key, _)) => return Some(key.min(other_key).clone()),
            None => return Some(key.clone()),
        }
    }
    theirs.next().map(|(key, _)| key.clone())
}

fn same_key(left: &Arc<RegisteredKey>, right: &Arc<RegisteredKey>) -> bool {
    let times = |key: &RegisteredKey| (key.created, key.revoked, key.expires);
    let facts = |key: &RegisteredKey| (key.record, times(key), key.is_limited, key.is_forgotten);
    facts(left) == facts(right)
}

fn same_remembered(left: &Arc<RememberedAnswer>, right: &Arc<RememberedAnswer>) -> bool {
    let facts = |answer: &RememberedAnswer| {
        let what = (answer.outcome, answer.subject.clone(), answer.shown);
        (answer.request, answer.position, answer.moment, what)
    };
    facts(left) == facts(right)
}

/// Compares all deletions of a name, newest first.
fn same_hidden(left: &Arc<HiddenEntity>, right: &Arc<HiddenEntity>) -> bool {
    left.chain().count() == right.chain().count()
        && left
            .chain()
            .zip(right.chain())
            .all(|(left, right)| left.stamp == right.stamp && same_subtree(&left.what, &right.what))
}

fn same_subtree(left: &Subtree, right: &Subtree) -> bool {
    match (left, right) {
        (Subtree::Group(left), Subtree::Group(right)) => {
            same_group(left, right, FactComparison::Old)
                && resources_difference(&Xid::Registry, left, right, FactComparison::Old).is_none()
        }
        (Subtree::Resource(left), Subtree::Resource(right)) => {
            same_resource(left, right, FactComparison::Old)
        }
        (Subtree::Version(left), Subtree::Version(right)) => {
            same_version(left, right, FactComparison::Old)
        }
        _ => false,
    }
}

/// Compares all states of two entities, newest first.
fn same_states<T: Chained>(left: &Arc<T>, right: &Arc<T>, is_same: fn(&T, &T) -> bool) -> bool {
    let (mut left, mut right) = (Some(left), Some(right));
    loop {
        match (left, right) {
            (None, None) => return true,
            (Some(one), Some(other)) if Arc::ptr_eq(one, other) => return true,
            (Some(one), Some(other)) if is_same(one, other) => {
                (left, right) = (one.previous(), other.previous());
            }
            _ => return false,
        }
    }
}

fn same_group(left: &Group, right: &Group, facts: FactComparison) -> bool {
    let own = |group: &Group| (group.id.clone(), group.epoch, group.modified, group.members);
    let state = |left: &GroupState, right: &GroupState| {
        (left.attributes, left.created, left.stamp)
            == (right.attributes, right.created, right.stamp)
    };
    own(left) == own(right)
        && (facts == FactComparison::Old || left.own.bindings == right.own.bindings)
        && same_states(&left.own, &right.own, state)
        && left.past.is_like(&right.past)
}

/// Everything in collections, with the plural of its type.
fn flat<T: Clone>(all: &OrdMap<Id, EntityMap<T>>) -> Vec<(&Id, &Arc<T>)> {
    all.iter().flat_map(|(plural, all)| all.values().map(move |member| (plural, member))).collect()
}

fn resources_difference(
    xid: &Xid,
    left: &Group,
    right: &Group,
    facts: FactComparison,
) -> Option<String> {
    let (mine, theirs) = (flat(&left.resources), flat(&right.resources));
    if mine.len() != theirs.len() {
        return Some(xid.to_string());
    }
    mine.iter().zip(&theirs).find_map(|((resources, resource), (other_type, other))| {
        let is_same = resources == other_type && same_resource(resource, other, facts);
        (!is_same).then(|| format!("{xid}/{resources}/{}", resource.id))
    })
}

fn same_resource(left: &Resource, right: &Resource, facts: FactComparison) -> bool {
    let own = |resource: &Resource| (resource.id.clone(), resource.pointer, resource.any);
    own(left) == own(right)
        && left.maker == right.maker
        && (facts == FactComparison::Old || left.indexed == right.indexed)
        && same_states(&left.meta, &right.meta, same_meta)
        && ResourcePast::is_like(left.past.as_ref(), right.past.as_ref())
        && left.versions.len() == right.versions.len()
        && left.versions.iter().zip(right.versions.iter()).all(|(l, r)| same_version(l, r, facts))
}

fn same_meta(left: &Meta, right: &Meta) -> bool {
    let own = |meta: &Meta| {
        let times = (meta.attributes, meta.epoch, meta.created, meta.modified);
        (times, meta.default.clone(), meta.sticky, meta.last_number, meta.stamp)
    };
    own(left) == own(right)
}

fn same_version(left: &Arc<Version>, right: &Arc<Version>, facts: FactComparison) -> bool {
    (facts == FactComparison::Old || left.facts == right.facts)
        && same_states(left, right, same_version_state)
}

fn same_version_state(left: &Version, right: &Version) -> bool {
    let own = |version: &Version| {
        let times = (version.epoch, version.created, version.modified, version.stamp);
        let contents = (version.attributes, version.document, version.content_type.clone());
        (version.id.clone(), times, contents, version.ancestor.clone(), version.state)
    };
    own(left) == own(right)
}

#[cfg(test)]
mod tests;
