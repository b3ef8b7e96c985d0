use std::sync::Arc;

use imbl::OrdMap;
use muster_words::{Id, Xid};

use super::{ApplyReason, Fold};
use crate::{
    Catalog,
    changes::{
        GroupWritten, MembersMoved, MetaWritten, ModelWritten, RegistryWritten, VersionWritten,
    },
    state::{
        CaseFoldedId, Chained, Earlier, FormerModel, Group, GroupState, Member, Meta,
        RegistryState, Resource, Stamp, Version, Versions,
    },
};

const NO_GROUP: ApplyReason = "whose group isn't there";
const NO_RESOURCE: ApplyReason = "whose resource isn't there";
const WRONG_LEVEL: ApplyReason = "which is of another level than the change";

impl Catalog {
    pub(super) fn group_mut(&mut self, xid: &Xid) -> Option<&mut Group> {
        let Some(Xid::Group { groups, group }) = xid.group() else { return None };
        // Another group's id may differ only in case.
        let found = self.groups.get_mut(&groups)?.get_mut(&CaseFoldedId(group.clone()))?;
        (found.id == group).then(|| Arc::make_mut(found))
    }

    pub(crate) fn resource_mut(&mut self, xid: &Xid) -> Option<&mut Resource> {
        let Some(Xid::Resource { resources, resource, .. }) = xid.resource() else { return None };
        let group = self.group_mut(xid)?;
        let found =
            group.resources.get_mut(&resources)?.get_mut(&CaseFoldedId(resource.clone()))?;
        (found.id == resource).then(|| Arc::make_mut(found))
    }

    pub(super) fn write_registry(&mut self, fold: &Fold<'_>, body: &RegistryWritten) {
        self.supersede(fold.stamp);
        let old = self.registry.clone();
        self.registry = Arc::new(RegistryState {
            attributes: body.attributes.map(|named| named.resolve(fold.entry)),
            epoch: body.epoch,
            created: body.created,
            modified: body.modified,
            own: fold.stamp,
            members: old.members,
            settings: fold.facts.settings.get(&Xid::Registry).cloned(),
            earlier: old.into(),
        });
    }

    pub(super) fn write_model(
        &mut self,
        fold: &mut Fold<'_>,
        body: &ModelWritten,
    ) -> Result<(), ApplyReason> {
        let model = fold.facts.model.clone().ok_or("whose compiled form wasn't given")?;
        let old = Self::model_targets(&self.model);
        let new = Self::model_targets(&model);
        self.remove_references(&Xid::Registry, old.iter());
        self.add_references(&Xid::Registry, new.iter());
        let old = FormerModel {
            stamp: self.model_stamp,
            model: self.model.clone(),
            source: self.model_source,
        };
        Arc::make_mut(&mut self.past).models.push(old);
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
    ) -> Result<(), ApplyReason> {
        let Xid::Group { groups, group } = &body.group else { return Err(WRONG_LEVEL) };
        let bindings = fold.facts.bindings.get(&body.group).cloned().unwrap_or_default();
        let old = self.group_at(&body.group).map(|old| old.own.clone());
        if let Some(old) = &old {
            self.remove_references(&body.group, old.bindings.targets());
        }
        let own = Arc::new(GroupState {
            attributes: body.attributes.map(|named| named.resolve(fold.entry)),
            bindings,
            created: body.created,
            stamp: fold.stamp,
            earlier: old.into(),
        });
        if let Some(entity) = self.group_mut(&body.group) {
            entity.supersede(fold.stamp);
            entity.own = own;
            entity.epoch = body.epoch;
            entity.modified = body.modified;
        } else {
            self.insert_group(fold, groups, Group::new(group.clone(), own, body));
        }
        fold.touched.insert(body.group.clone());
        Ok(())
    }

    /// Adds a group whose name doesn't exist yet.
    pub(super) fn insert_group(&mut self, fold: &Fold<'_>, groups: &Id, group: Group) {
        let collection = self.groups.entry(groups.clone()).or_default();
        let past = &mut Arc::make_mut(&mut self.past).groups;
        let member = Member { id: &group.id, is_back: group.own.previous().is_some() };
        past.begin(groups, member, collection.len(), fold.stamp);
        collection.insert(CaseFoldedId(group.id.clone()), Arc::new(group));
    }

    /// Stores the registry's present attributes before a command changes them.
    fn supersede(&mut self, by: Stamp) {
        let old = self.registry.moved();
        Arc::make_mut(&mut self.past).groups.supersede(old, by);
    }

    pub(super) fn write_meta(
        &mut self,
        fold: &mut Fold<'_>,
        body: &MetaWritten,
    ) -> Result<(), ApplyReason> {
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
            settings: fold.facts.settings.get(&body.resource).cloned(),
            pointer: fold.stamp.position,
            stamp: fold.stamp,
            earlier: Earlier::default(),
        };
        let number = match self.resource_at(&body.resource) {
            Some(there) => there.number,
            None => self.index.number(&body.resource),
        };
        let group = self.group_mut(&body.resource).ok_or(NO_GROUP)?;
        let found = group.resources.get_mut(resources);
        match found.and_then(|all| all.get_mut(&CaseFoldedId(resource.clone()))).map(Arc::make_mut)
        {
            Some(entity) => {
                entity.touch(fold.stamp);
                if entity.meta.default == meta.default {
                    meta.default = entity.meta.default.clone();
                    meta.pointer = entity.meta.pointer;
                } else {
                    entity.pointer = fold.stamp;
                }
                meta.earlier = entity.meta.clone().into();
                entity.meta = Arc::new(meta);
            }
            None => {
                let new = new_resource(resource, meta, fold, number);
                group.insert(fold, resources, new);
                self.documents += 1;
            }
        }
        fold.touched.insert(body.resource.clone());
        Ok(())
    }

    pub(super) fn write_version(
        &mut self,
        fold: &mut Fold<'_>,
        body: &VersionWritten,
    ) -> Result<(), ApplyReason> {
        let Xid::Version { version, .. } = &body.version else { return Err(WRONG_LEVEL) };
        let mut facts = fold.facts.versions.get(&body.version).cloned().unwrap_or_default();
        facts.indexed = self.index.interned(&facts.indexed);
        let labels = fold.facts.labels.get(&body.version).map(|terms| self.index.interned(terms));
        let (stamp, entry) = (fold.stamp, fold.entry);
        let resource = self.resource_mut(&body.version).ok_or(NO_RESOURCE)?;
        let old = resource.versions.get(version).cloned();
        let text = SharedTexts::of(resource, old.as_deref(), body, version);
        let attributes = body.attributes.map(|named| named.resolve(entry));
        // Attributes that stay aren't read again.
        let kept = old.as_ref().filter(|old| old.attributes == attributes);
        let labels = kept.map(|old| old.labels.clone()).or(labels).unwrap_or_default();
        let version = Arc::new(Version {
            id: text.id,
            attributes,
            epoch: body.epoch,
            created: body.created,
            modified: body.modified,
            ancestor: text.ancestor,
            document: body.document.map(|named| named.resolve(entry)),
            content_type: text.content_type,
            state: body.state,
            stamp,
            facts,
            labels,
            former: None,
            earlier: old.clone().into(),
        });
        if old.is_some() {
            resource.touch(stamp);
            resource.versions.insert(version);
        } else {
            resource.begin_version(version, stamp);
        }
        fold.touched.extend(body.version.resource());
        Ok(())
    }

    pub(super) fn move_members(
        &mut self,
        fold: &Fold<'_>,
        body: &MembersMoved,
    ) -> Result<(), ApplyReason> {
        if body.parent == Xid::Registry {
            self.supersede(fold.stamp);
            let registry = Arc::make_mut(&mut self.registry);
            registry.epoch = body.epoch;
            registry.modified = body.modified;
            registry.members = fold.stamp;
            return Ok(());
        }
        let group = self.group_mut(&body.parent).ok_or(NO_GROUP)?;
        group.supersede(fold.stamp);
        group.epoch = body.epoch;
        group.modified = body.modified;
        group.members = fold.stamp;
        Ok(())
    }
}

fn new_resource(id: &Id, meta: Meta, fold: &Fold<'_>, number: u32) -> Resource {
    let stamp = fold.stamp;
    Resource {
        id: id.clone(),
        meta: Arc::new(meta),
        pointer: stamp,
        any: stamp,
        versions: Versions::default(),
        indexed: Arc::default(),
        addresses: None,
        searched: None,
        number,
        past: None,
        maker: fold.actor.clone(),
    }
}

/// The strings of a written version. Strings that stay the same are shared with the previous state.
struct SharedTexts {
    id: Id,
    ancestor: Id,
    content_type: Option<Arc<str>>,
}

impl SharedTexts {
    fn of(resource: &Resource, old: Option<&Version>, body: &VersionWritten, id: &Id) -> Self {
        let known = [old.map(|old| &old.id), Some(&resource.meta.default)];
        let known = known.into_iter().flatten().find(|known| *known == id);
        let id = known.unwrap_or(id).clone();
        let known = [Some(&id), old.map(|old| &old.ancestor)];
        let known = known.into_iter().flatten().find(|known| **known == body.ancestor);
        let ancestor = known.unwrap_or(&body.ancestor).clone();
        let known = old.and_then(|old| old.content_type.as_ref());
        let known = known.filter(|known| body.content_type.as_deref() == Some(&***known));
        let content_type = known.cloned().or_else(|| body.content_type.as_deref().map(Into::into));
        Self { id, ancestor, content_type }
    }
}

impl Group {
    fn new(id: Id, own: Arc<GroupState>, body: &GroupWritten) -> Self {
        Self {
            id,
            own,
            epoch: body.epoch,
            modified: body.modified,
            members: Stamp::default(),
            resources: OrdMap::new(),
            past: Arc::default(),
        }
    }

    /// Adds a resource whose name doesn't exist yet.
    pub(super) fn insert(&mut self, fold: &Fold<'_>, resources: &Id, resource: Resource) {
        let collection = self.resources.entry(resources.clone()).or_default();
        let past = Arc::make_mut(&mut self.past);
        let member = Member { id: &resource.id, is_back: resource.meta.previous().is_some() };
        past.begin(resources, member, collection.len(), fold.stamp);
        collection.insert(CaseFoldedId(resource.id.clone()), Arc::new(resource));
    }
}
