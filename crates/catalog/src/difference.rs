use muster_words::Xid;

use crate::{
    Catalog,
    state::{Group, Resource, Version},
};

impl Catalog {
    /// Where two catalogs differ first, for people; none: they mean the same.
    ///
    /// What is compared is what is served: entities with their epochs, times, contents and
    /// references, what is hidden, keys, and the model's source. How states are shared isn't.
    #[must_use]
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let registry = |catalog: &Self| {
            let state = &catalog.registry;
            (state.attributes, state.epoch, state.created, state.modified)
        };
        if self.stamp != other.stamp || registry(self) != registry(other) {
            return Some("/".to_owned());
        }
        if self.model_source != other.model_source
            || self.capabilities_source != other.capabilities_source
        {
            return Some("/model".to_owned());
        }
        if self.documents != other.documents {
            return Some("the number of documents".to_owned());
        }
        if !self.hidden.keys().eq(other.hidden.keys()) {
            return Some("what is hidden".to_owned());
        }
        if self.referrers != other.referrers {
            return Some("who refers to what".to_owned());
        }
        if !self.keys.keys().eq(other.keys.keys()) {
            return Some("/keys".to_owned());
        }
        self.groups_difference(other)
    }

    fn groups_difference(&self, other: &Self) -> Option<String> {
        let flat = |catalog: &Self| {
            catalog
                .groups
                .iter()
                .flat_map(|(groups, all)| {
                    let groups = groups.clone();
                    all.values().map(move |group| (groups.clone(), group.clone()))
                })
                .collect::<Vec<_>>()
        };
        let (mine, theirs) = (flat(self), flat(other));
        if mine.len() != theirs.len() {
            return Some("the number of groups".to_owned());
        }
        mine.iter().zip(&theirs).find_map(|((groups, group), (other_groups, other_group))| {
            let xid = Xid::Group { groups: groups.clone(), group: group.id.clone() };
            if groups != other_groups || !same_group(group, other_group) {
                return Some(xid.to_string());
            }
            resources_difference(&xid, group, other_group)
        })
    }
}

fn same_group(left: &Group, right: &Group) -> bool {
    let facts = |group: &Group| {
        (group.id.clone(), group.own.attributes, group.own.created, group.epoch, group.modified)
    };
    facts(left) == facts(right) && left.own.bindings == right.own.bindings
}

fn resources_difference(xid: &Xid, left: &Group, right: &Group) -> Option<String> {
    let flat = |group: &Group| {
        group
            .resources
            .iter()
            .flat_map(|(resources, all)| {
                let resources = resources.clone();
                all.values().map(move |resource| (resources.clone(), resource.clone()))
            })
            .collect::<Vec<_>>()
    };
    let (mine, theirs) = (flat(left), flat(right));
    if mine.len() != theirs.len() {
        return Some(xid.to_string());
    }
    mine.iter().zip(&theirs).find_map(|((resources, resource), (other_type, other))| {
        let is_same = resources == other_type && same_resource(resource, other);
        (!is_same).then(|| format!("{xid}/{resources}/{}", resource.id))
    })
}

fn same_resource(left: &Resource, right: &Resource) -> bool {
    let facts = |resource: &Resource| {
        let meta = &resource.meta;
        let own = (meta.attributes, meta.epoch, meta.created, meta.modified);
        (resource.id.clone(), own, meta.default.clone(), meta.sticky, meta.last_number)
    };
    facts(left) == facts(right)
        && left.indexed == right.indexed
        && left.versions.len() == right.versions.len()
        && left.versions.iter().zip(right.versions.iter()).all(|(l, r)| same_version(l, r))
}

fn same_version(left: &Version, right: &Version) -> bool {
    let facts = |version: &Version| {
        let times = (version.epoch, version.created, version.modified);
        let contents = (version.attributes, version.document, version.content_type.clone());
        (version.id.clone(), times, contents, version.ancestor.clone(), version.state)
    };
    facts(left) == facts(right) && left.references == right.references
}
