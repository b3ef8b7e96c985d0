use std::collections::{BTreeMap, BTreeSet};

use muster_catalog::{
    Catalog,
    state::{Group, Resource},
};
use muster_words::{Id, Xid};

/// What doesn't hold in a catalog that must hold in each: what is derived says what it is derived
/// from, and every document has a default version.
pub fn fault(catalog: &Catalog) -> Option<String> {
    let mut referrers: BTreeMap<String, BTreeSet<Xid>> = BTreeMap::new();
    let mut refer = |target: &Xid, source: &Xid| {
        referrers.entry(target.to_string()).or_default().insert(source.clone());
    };
    let mut documents = 0;
    for (groups, all) in &catalog.groups {
        for group in all.values() {
            let xid = Xid::Group { groups: groups.clone(), group: group.id.clone() };
            group.own.bindings.targets().for_each(|target| refer(target, &xid));
            for (name, resource) in resources(groups, group) {
                documents += 1;
                if let Some(fault) = resource_fault(catalog, &name, resource) {
                    return Some(format!("{name}: {fault}"));
                }
                resource.indexed.iter().for_each(|target| refer(target, &name));
            }
        }
    }
    let indexed: BTreeMap<String, BTreeSet<Xid>> = catalog
        .referrers
        .iter()
        .map(|(target, all)| {
            let all = all.iter().filter(|source| **source != Xid::Registry).cloned();
            (target.to_string(), all.collect::<BTreeSet<Xid>>())
        })
        .filter(|(_, all)| !all.is_empty())
        .collect();
    if indexed != referrers {
        return Some(format!(
            "the index of referrers says {indexed:?}, and there are {referrers:?}"
        ));
    }
    let is_counted = catalog.documents == documents;
    (!is_counted).then(|| format!("{} documents are counted of {documents}", catalog.documents))
}

fn resources<'a>(
    groups: &'a Id,
    group: &'a Group,
) -> impl Iterator<Item = (Xid, &'a Resource)> + 'a {
    group.resources.iter().flat_map(move |(resources, all)| {
        all.values().map(move |resource| {
            let name = Xid::Resource {
                groups: groups.clone(),
                group: group.id.clone(),
                resources: resources.clone(),
                resource: resource.id.clone(),
            };
            (name, &**resource)
        })
    })
}

fn resource_fault(catalog: &Catalog, name: &Xid, resource: &Resource) -> Option<String> {
    if resource.default_version().is_none() {
        return Some(format!("its default version {} isn't there", resource.meta.default));
    }
    if resource.references(name) != resource.indexed {
        return Some("what is indexed isn't what it refers to".to_owned());
    }
    let Xid::Resource { groups, resources, .. } = name else { return None };
    let Some(kind) = catalog.model.resource_type(groups.as_str(), resources.as_str()) else {
        return Some("the model hasn't its type".to_owned());
    };
    let newest = resource.versions.iter().map(|version| version.stamp).max();
    if newest.is_some_and(|newest| newest > resource.any) {
        return Some("a version changed after the resource did".to_owned());
    }
    let has_room = kind.maxversions == 0 || resource.versions.len() as u64 <= kind.maxversions;
    (!has_room).then(|| format!("it has {} versions", resource.versions.len()))
}
