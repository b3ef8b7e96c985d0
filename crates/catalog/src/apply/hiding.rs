use std::sync::Arc;

use muster_words::Xid;

use super::{ApplyReason, Fold};
use crate::{
    Catalog, Content,
    state::{
        CaseFoldedId, Group, HiddenEntity, Resource, Subtree, Version, contents_of, exact,
        resource_in,
    },
};

const NOT_THERE: ApplyReason = "which isn't there";

impl Catalog {
    /// Hides an entity and keeps it for a restore.
    pub(super) fn hide(&mut self, fold: &mut Fold<'_>, xid: &Xid) -> Result<(), ApplyReason> {
        let what = self.take(fold, xid).ok_or(NOT_THERE)?;
        let name: Arc<str> = xid.to_string().into();
        let before = self.hidden.get(&*name).cloned();
        self.hidden
            .insert(name.clone(), Arc::new(HiddenEntity { stamp: fold.stamp, what, before }));
        self.record_deletion(fold, name);
        Ok(())
    }

    /// Records which deletion of a name a restore could undo from here on.
    fn record_deletion(&mut self, fold: &Fold<'_>, name: Arc<str>) {
        let deletion = self.hidden.get(&*name).map(|hidden| hidden.stamp);
        Arc::make_mut(&mut self.past).deletions.insert((name, fold.stamp.position), deletion);
    }

    fn take(&mut self, fold: &mut Fold<'_>, xid: &Xid) -> Option<Subtree> {
        match xid {
            Xid::Registry | Xid::Meta { .. } => None,
            Xid::Group { groups, group } => {
                let collection = self.groups.get_mut(groups)?;
                exact(collection, group)?;
                let count = collection.len();
                let taken = collection.remove(&CaseFoldedId(group.clone()))?;
                let past = &mut Arc::make_mut(&mut self.past).groups;
                past.end(groups, group, taken.clone(), count, fold.stamp);
                self.remove_references(xid, taken.own.bindings.targets());
                for (resources, collection) in &taken.resources {
                    for resource in collection.values() {
                        let source = Xid::Resource {
                            groups: groups.clone(),
                            group: group.clone(),
                            resources: resources.clone(),
                            resource: resource.id.clone(),
                        };
                        self.remove_references(&source, resource.indexed.iter());
                        self.remove_addresses(&source, resource.addresses.as_deref());
                        self.index.remove(resource);
                        self.documents -= 1;
                    }
                }
                Some(Subtree::Group(taken))
            }
            Xid::Resource { resources, resource, .. } => {
                let group = self.group_mut(xid)?;
                let collection = group.resources.get_mut(resources)?;
                exact(collection, resource)?;
                let count = collection.len();
                let taken = collection.remove(&CaseFoldedId(resource.clone()))?;
                let past = Arc::make_mut(&mut group.past);
                past.end(resources, resource, taken.clone(), count, fold.stamp);
                if collection.is_empty() {
                    group.resources.remove(resources);
                }
                self.remove_references(xid, taken.indexed.iter());
                self.remove_addresses(xid, taken.addresses.as_deref());
                self.index.remove(&taken);
                self.documents -= 1;
                Some(Subtree::Resource(taken))
            }
            Xid::Version { version, .. } => {
                let taken = self.resource_mut(xid)?.end_version(version, fold.stamp)?;
                fold.touched.extend(xid.resource());
                Some(Subtree::Version(taken))
            }
        }
    }

    /// Restores what the last deletion of the name hid, as new states.
    pub(super) fn restore(&mut self, fold: &mut Fold<'_>, xid: &Xid) -> Result<(), ApplyReason> {
        let name = xid.to_string();
        let hidden = self.hidden.remove(name.as_str()).ok_or("which isn't hidden")?;
        if let Some(before) = &hidden.before {
            self.hidden.insert(name.as_str().into(), before.clone());
        }
        self.record_deletion(fold, name.into());
        match (&hidden.what, xid) {
            (Subtree::Group(group), Xid::Group { groups, group: id }) => {
                let group = fold.revive_group(xid, group);
                for (resources, collection) in &group.resources {
                    for resource in collection.values() {
                        fold.touched.insert(Xid::Resource {
                            groups: groups.clone(),
                            group: id.clone(),
                            resources: resources.clone(),
                            resource: resource.id.clone(),
                        });
                        self.documents += 1;
                    }
                }
                self.insert_group(fold, groups, group);
                fold.touched.insert(xid.clone());
            }
            (Subtree::Resource(resource), Xid::Resource { resources, .. }) => {
                let resource = fold.revive_resource(xid, resource);
                let group = self.group_mut(xid).ok_or(NOT_THERE)?;
                group.insert(fold, resources, resource);
                self.documents += 1;
                fold.touched.insert(xid.clone());
            }
            (Subtree::Version(version), Xid::Version { .. }) => {
                let version = Arc::new(fold.revive_version(xid, version));
                let resource = self.resource_mut(xid).ok_or(NOT_THERE)?;
                resource.begin_version(version, fold.stamp);
                fold.touched.extend(xid.resource());
            }
            _ => return Err("which was hidden as something else"),
        }
        Ok(())
    }

    /// Purges a name: all states of all its incarnations and of everything below it, including
    /// those in hidden entities.
    pub(super) fn purge(&mut self, fold: &mut Fold<'_>, xid: &Xid) {
        let mut contents = Vec::new();
        if let Some(what) = self.take(fold, xid) {
            contents.extend(what.contents());
        }
        let own = xid.to_string();
        let inside = format!("{own}/");
        let names: Vec<Arc<str>> = self
            .hidden
            .range::<_, Arc<str>>(Arc::from(own.as_str())..)
            .map(|(name, _)| name.clone())
            .take_while(|name| name.starts_with(&own))
            .filter(|name| **name == *own || name.starts_with(&inside))
            .collect();
        for name in names {
            if let Some(newest) = self.hidden.remove(&*name) {
                contents.extend(newest.chain().flat_map(|hidden| hidden.what.contents()));
                self.record_deletion(fold, name);
            }
        }
        for outer in std::iter::successors(xid.parent(), Xid::parent) {
            self.purge_inside(&outer, xid, &mut contents);
        }
        fold.effects.purges.extend(contents.iter().map(|content| content.reference()));
        self.registrations.forget(xid);
        self.purged.insert(own.into(), fold.stamp);
    }

    /// Purges a name within what deletions of its parents hid.
    fn purge_inside(&mut self, outer: &Xid, xid: &Xid, contents: &mut Vec<Content>) {
        let name = outer.to_string();
        let Some(newest) = self.hidden.get(name.as_str()) else { return };
        if !newest.chain().any(|hidden| hidden.what.holds(xid)) {
            return;
        }
        let chain: Vec<Arc<HiddenEntity>> = newest.chain().cloned().collect();
        let mut before = None;
        for hidden in chain.into_iter().rev() {
            let what = hidden.what.without(xid, contents);
            before = Some(Arc::new(HiddenEntity { stamp: hidden.stamp, what, before }));
        }
        if let Some(newest) = before {
            self.hidden.insert(name.into(), newest);
        }
    }
}

impl Subtree {
    /// The subtree without a purged entity, whose contents are added to `contents`.
    ///
    /// A default version that is purged stays the default by name, because no other was ever
    /// decided. Such a resource can't be restored any more.
    fn without(&self, xid: &Xid, contents: &mut Vec<Content>) -> Self {
        match self {
            Self::Version(_) => self.clone(),
            Self::Resource(resource) => {
                Self::Resource(Arc::new(resource_without(resource, xid, contents)))
            }
            Self::Group(group) => {
                let mut group = (**group).clone();
                if let Some(old) = resource_in(&group, xid).cloned()
                    && let Xid::Resource { resources, resource, .. }
                    | Xid::Version { resources, resource, .. } = xid
                    && let Some(collection) = group.resources.get_mut(resources)
                {
                    let key = CaseFoldedId(resource.clone());
                    if let Xid::Version { .. } = xid {
                        let new = resource_without(&old, xid, contents);
                        collection.insert(key, Arc::new(new));
                    } else {
                        contents.extend(Self::Resource(old).contents());
                        collection.remove(&key);
                    }
                }
                Self::Group(Arc::new(group))
            }
        }
    }
}

fn resource_without(resource: &Resource, xid: &Xid, contents: &mut Vec<Content>) -> Resource {
    let mut new = resource.clone();
    let Xid::Version { version, .. } = xid else { return new };
    let Some(old) = resource.versions.get(version) else { return new };
    contents.extend(contents_of(old));
    if resource.meta.default != *version {
        new.versions.remove(version);
    }
    new
}

impl Fold<'_> {
    fn revive_version(&self, xid: &Xid, old: &Arc<Version>) -> Version {
        let mut new = (**old).clone();
        new.epoch += 1;
        new.modified = self.moment;
        new.stamp = self.stamp;
        new.earlier = old.clone().into();
        new.facts = self.facts.versions.get(xid).cloned().unwrap_or_default();
        new.former = None;
        new
    }

    fn revive_resource(&self, xid: &Xid, old: &Resource) -> Resource {
        let mut new = old.clone();
        new.touch(self.stamp);
        let mut meta = (*old.meta).clone();
        meta.epoch += 1;
        meta.modified = self.moment;
        meta.stamp = self.stamp;
        meta.pointer = self.stamp.position;
        meta.earlier = old.meta.clone().into();
        new.meta = Arc::new(meta);
        new.pointer = self.stamp;
        // Its entries in the index were removed when the resource was hidden.
        new.indexed = Arc::default();
        new.addresses = None;
        new.searched = None;
        for version in old.versions.iter() {
            let name = xid.version(version.id.clone()).unwrap_or_else(|| xid.clone());
            new.versions.insert(Arc::new(self.revive_version(&name, version)));
        }
        new
    }

    fn revive_group(&self, xid: &Xid, old: &Group) -> Group {
        let mut new = old.clone();
        new.supersede(self.stamp);
        let mut own = (*old.own).clone();
        own.stamp = self.stamp;
        own.earlier = old.own.clone().into();
        own.bindings = self.facts.bindings.get(xid).cloned().unwrap_or_default();
        new.own = Arc::new(own);
        new.epoch += 1;
        new.modified = self.moment;
        let Xid::Group { groups, group } = xid else { return new };
        for (resources, collection) in &old.resources {
            for (key, resource) in collection {
                let name = Xid::Resource {
                    groups: groups.clone(),
                    group: group.clone(),
                    resources: resources.clone(),
                    resource: resource.id.clone(),
                };
                let revived = self.revive_resource(&name, resource);
                if let Some(collection) = new.resources.get_mut(resources) {
                    collection.insert(key.clone(), Arc::new(revived));
                }
            }
        }
        new
    }
}
