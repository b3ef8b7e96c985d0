use std::sync::Arc;

use imbl::OrdMap;
use muster_words::{Id, Xid};

use super::{Fold, Misfit};
use crate::{
    Catalog,
    changes::{
        GroupWritten, MembersMoved, MetaWritten, ModelWritten, RegistryWritten, VersionWritten,
    },
    state::{Folded, Group, GroupState, Meta, RegistryState, Resource, Stamp, Version, Versions},
};

const NO_GROUP: Misfit = "whose group isn't there";
const NO_RESOURCE: Misfit = "whose resource isn't there";
const WRONG_LEVEL: Misfit = "which is of another level than the change";

impl Catalog {
    pub(super) fn group_mut(&mut self, xid: &Xid) -> Option<&mut Group> {
        let Some(Xid::Group { groups, group }) = xid.group() else { return None };
        // Another's id may be the same but for case.
        let found = self.groups.get_mut(&groups)?.get_mut(&Folded(group.clone()))?;
        (found.id == group).then(|| Arc::make_mut(found))
    }

    pub(crate) fn resource_mut(&mut self, xid: &Xid) -> Option<&mut Resource> {
        let Some(Xid::Resource { resources, resource, .. }) = xid.resource() else { return None };
        let group = self.group_mut(xid)?;
        let found = group.resources.get_mut(&resources)?.get_mut(&Folded(resource.clone()))?;
        (found.id == resource).then(|| Arc::make_mut(found))
    }

    pub(super) fn write_registry(&mut self, fold: &Fold<'_>, body: &RegistryWritten) {
        self.registry = Arc::new(RegistryState {
            attributes: body.attributes.map(|named| named.resolve(fold.entry)),
            epoch: body.epoch,
            created: body.created,
            modified: body.modified,
            own: fold.stamp,
            members: self.registry.members,
        });
    }

    pub(super) fn write_model(
        &mut self,
        fold: &mut Fold<'_>,
        body: &ModelWritten,
    ) -> Result<(), Misfit> {
        let model = fold.facts.model.clone().ok_or("whose compiled form wasn't given")?;
        let old = Self::model_targets(&self.model);
        let new = Self::model_targets(&model);
        self.unrefer(&Xid::Registry, old.iter());
        self.refer(&Xid::Registry, new.iter());
        self.model_source = Some(body.source.resolve(fold.entry));
        self.model = model;
        self.model_stamp = fold.stamp;
        let changed = self.set_facts(&fold.facts.versions);
        fold.touched.extend(changed);
        Ok(())
    }

    pub(super) fn write_group(
        &mut self,
        fold: &mut Fold<'_>,
        body: &GroupWritten,
    ) -> Result<(), Misfit> {
        let Xid::Group { groups, group } = &body.group else { return Err(WRONG_LEVEL) };
        let bindings = fold.facts.bindings.get(&body.group).cloned().unwrap_or_default();
        let mut own = GroupState {
            attributes: body.attributes.map(|named| named.resolve(fold.entry)),
            bindings,
            created: body.created,
            stamp: fold.stamp,
            previous: None,
        };
        if let Some(old) = self.group(groups, group).cloned() {
            self.unrefer(&body.group, old.own.bindings.targets());
            own.previous = Some(old.own.clone());
        }
        let key = Folded(group.clone());
        let collection = self.groups.entry(groups.clone()).or_default();
        let entity = collection.entry(key).or_insert_with(|| {
            Arc::new(Group {
                id: group.clone(),
                own: Arc::new(own.clone()),
                epoch: 0,
                modified: body.modified,
                members: Stamp::default(),
                resources: OrdMap::new(),
            })
        });
        let entity = Arc::make_mut(entity);
        entity.own = Arc::new(own);
        entity.epoch = body.epoch;
        entity.modified = body.modified;
        fold.touched.insert(body.group.clone());
        Ok(())
    }

    pub(super) fn write_meta(
        &mut self,
        fold: &mut Fold<'_>,
        body: &MetaWritten,
    ) -> Result<(), Misfit> {
        let Xid::Resource { resources, resource, .. } = &body.resource else {
            return Err(WRONG_LEVEL);
        };
        let mut meta = Meta {
            attributes: body.attributes.map(|named| named.resolve(fold.entry)),
            epoch: body.epoch,
            created: body.created,
            modified: body.modified,
            default: body.default.clone(),
            sticky: body.sticky,
            last_number: body.last_number,
            stamp: fold.stamp,
            previous: None,
        };
        let group = self.group_mut(&body.resource).ok_or(NO_GROUP)?;
        let collection = group.resources.entry(resources.clone()).or_default();
        let is_new = match collection.get_mut(&Folded(resource.clone())).map(Arc::make_mut) {
            Some(entity) => {
                if entity.meta.default != meta.default {
                    entity.pointer = fold.stamp;
                }
                meta.previous = Some(entity.meta.clone());
                entity.meta = Arc::new(meta);
                entity.any = fold.stamp;
                false
            }
            None => {
                let entity = new_resource(resource, meta, fold.stamp);
                collection.insert(Folded(resource.clone()), Arc::new(entity));
                true
            }
        };
        self.documents += u64::from(is_new);
        fold.touched.insert(body.resource.clone());
        Ok(())
    }

    pub(super) fn write_version(
        &mut self,
        fold: &mut Fold<'_>,
        body: &VersionWritten,
    ) -> Result<(), Misfit> {
        let Xid::Version { version, .. } = &body.version else { return Err(WRONG_LEVEL) };
        let facts = fold.facts.versions.get(&body.version).cloned().unwrap_or_default();
        let (stamp, entry) = (fold.stamp, fold.entry);
        let resource = self.resource_mut(&body.version).ok_or(NO_RESOURCE)?;
        let previous = resource.versions.get(version).cloned();
        resource.versions.insert(Arc::new(Version {
            id: version.clone(),
            attributes: body.attributes.map(|named| named.resolve(entry)),
            epoch: body.epoch,
            created: body.created,
            modified: body.modified,
            ancestor: body.ancestor.clone(),
            document: body.document.map(|named| named.resolve(entry)),
            content_type: body.content_type.as_deref().map(Into::into),
            state: body.state,
            stamp,
            facts,
            previous,
        }));
        resource.any = stamp;
        fold.touched.extend(body.version.resource());
        Ok(())
    }

    pub(super) fn move_members(
        &mut self,
        fold: &Fold<'_>,
        body: &MembersMoved,
    ) -> Result<(), Misfit> {
        if body.parent == Xid::Registry {
            let registry = Arc::make_mut(&mut self.registry);
            registry.epoch = body.epoch;
            registry.modified = body.modified;
            registry.members = fold.stamp;
            return Ok(());
        }
        let group = self.group_mut(&body.parent).ok_or(NO_GROUP)?;
        group.epoch = body.epoch;
        group.modified = body.modified;
        group.members = fold.stamp;
        Ok(())
    }
}

fn new_resource(id: &Id, meta: Meta, stamp: Stamp) -> Resource {
    Resource {
        id: id.clone(),
        meta: Arc::new(meta),
        pointer: stamp,
        any: stamp,
        versions: Versions::default(),
        indexed: Arc::default(),
    }
}
