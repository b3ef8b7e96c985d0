use std::{collections::BTreeSet, sync::Arc};

use muster_words::{Id, Moment, Xid};
use serde_json::{Map, Value};

use super::{
    AnswerSubject, Decision, NoDecision, PreparedCommand, StoredAttributes,
    attributes::mismatched_epoch,
    conditions,
    draft::{Draft, ResourceEdit},
};
use crate::{
    Catalog, Reason, Refusal,
    apply::CommandFacts,
    changes::{Change, Hidden, Outcome, Purged},
    command::{Delete, Target},
    state::Group,
    sync::CONFLICTS,
};
use muster_model::{Kind, ResourceType};

/// Deletes or purges entities.
pub(super) fn delete(
    catalog: &Catalog,
    stored_attributes: &dyn StoredAttributes,
    prepared: &PreparedCommand,
    action: &Delete,
    now: Moment,
) -> Result<Decision, NoDecision> {
    let mut draft = Draft::new(catalog, stored_attributes, prepared, now);
    draft.check_deletable(&action.target)?;
    if let Some(conflict) = undecided(catalog, &action.target).filter(|_| !action.force) {
        return Err(Refusal::new(conflict, Reason::Undecided).into());
    }
    if action.purge {
        return purge(&mut draft, prepared, action);
    }
    match &action.target {
        Target::Entity(xid) => {
            if !catalog.has(xid) {
                return Err(Refusal::not_found(xid).into());
            }
            conditions::check(catalog, xid, &prepared.conditions)?;
            draft.check_delete_epoch(xid, action.epoch)?;
            draft.remove_entity(xid)?;
        }
        Target::Groups(groups) => {
            let all = catalog.groups.get(groups).into_iter().flat_map(|all| all.values());
            let all = all.map(|group| group.id.clone()).collect();
            let name = |group: Id| Xid::Group { groups: groups.clone(), group };
            draft.remove_members(action, all, name, false)?;
        }
        Target::Resources { group, resources } => {
            let found = catalog.group_at(group).ok_or_else(|| Refusal::not_found(group))?;
            let all = found.resources.get(resources).into_iter().flat_map(|all| all.values());
            let all = all.map(|resource| resource.id.clone()).collect();
            let name = |id: Id| resource_name(group, resources, id);
            draft.remove_members(action, all, name, true)?;
        }
        Target::Versions(resource) => {
            let found =
                catalog.resource_at(resource).ok_or_else(|| Refusal::not_found(resource))?;
            let all = found.versions.iter().map(|version| version.id.clone()).collect();
            let name = |version: Id| resource.version(version).unwrap_or_else(|| resource.clone());
            draft.remove_members(action, all, name, false)?;
        }
        Target::Model | Target::Capabilities => {
            return Err(Refusal::new("/model", Reason::NotDeletable).into());
        }
    }
    draft.finish_removals()?;
    draft.check_references()?;
    draft.check_referrers(action.force)?;
    let mut decision = draft.emit(CommandFacts::default())?;
    decision.outcome = Some(Outcome::Removed);
    decision.shows = AnswerSubject::Nothing;
    Ok(decision)
}

/// The name of what would be deleted, if conflicts are there that nobody has decided.
fn undecided(catalog: &Catalog, target: &Target) -> Option<Xid> {
    let xid = match target {
        Target::Entity(xid) | Target::Versions(xid) => xid,
        Target::Resources { group, .. } => group,
        Target::Groups(groups) => {
            let all = catalog.groups.get(groups).filter(|_| groups.as_str() == CONFLICTS)?;
            let group = all.values().find(|group| has_resources(group))?;
            return Some(Xid::Group { groups: groups.clone(), group: group.id.clone() });
        }
        Target::Model | Target::Capabilities => return None,
    };
    let (groups, _) = xid.group_ids()?;
    let has_conflicts = match xid {
        Xid::Group { .. } => catalog.group_at(xid).is_some_and(|group| has_resources(group)),
        _ => catalog.has(xid),
    };
    (groups.as_str() == CONFLICTS && has_conflicts).then(|| xid.clone())
}

fn has_resources(group: &Group) -> bool {
    group.resources.values().any(|all| !all.is_empty())
}

fn resource_name(group: &Xid, resources: &Id, resource: Id) -> Xid {
    match group {
        Xid::Group { groups, group } => Xid::Resource {
            groups: groups.clone(),
            group: group.clone(),
            resources: resources.clone(),
            resource,
        },
        other => other.clone(),
    }
}

/// Purges a name, whether it exists or is hidden.
fn purge(
    draft: &mut Draft<'_>,
    prepared: &PreparedCommand,
    action: &Delete,
) -> Result<Decision, NoDecision> {
    let Target::Entity(xid) = &action.target else {
        return Err(Refusal::new("/", Reason::PurgeOfMany).into());
    };
    let is_there = draft.catalog.has(xid);
    if !is_there && !draft.catalog.hides(xid) {
        return Err(Refusal::not_found(xid).into());
    }
    conditions::check(draft.catalog, xid, &prepared.conditions)?;
    // Conflicts hold copies of what is erased.
    let conflicts = draft.catalog.conflicts_about(xid);
    let open: Vec<&Xid> = conflicts.iter().filter(|name| draft.catalog.has(name)).collect();
    if is_there {
        draft.check_delete_epoch(xid, action.epoch)?;
        draft.remove_entity(xid)?;
        draft.finish_removals()?;
        draft.check_references()?;
        draft.check_referrers(action.force)?;
    }
    open.into_iter().try_for_each(|name| draft.remove_entity(name))?;
    // Without its last version, the whole resource is removed.
    let last = xid.resource().filter(|resource| draft.hidden.contains(resource));
    let xid = last.as_ref().unwrap_or(xid);
    let mut decision = draft.emit(CommandFacts::default())?;
    let covered = |change: &Change| match change {
        Change::Hidden(Hidden { xid: gone }) => gone == xid || conflicts.contains(gone),
        _ => false,
    };
    decision.changes.retain(|change| !covered(change));
    let purged = std::iter::once(xid).chain(&conflicts);
    decision.changes.extend(purged.map(|xid| Change::Purged(Purged { xid: xid.clone() })));
    decision.outcome = Some(Outcome::Removed);
    Ok(decision)
}

impl Draft<'_> {
    /// Checks the epoch that a deletion requires; for a resource, it is the epoch of its Meta.
    fn check_delete_epoch(&self, xid: &Xid, wanted: Option<u64>) -> Result<(), Refusal> {
        let Some(wanted) = wanted.filter(|_| !self.ignore.epoch) else { return Ok(()) };
        let current = match xid {
            Xid::Registry => Some(self.catalog.registry.epoch),
            Xid::Group { .. } => self.catalog.group_at(xid).map(|group| group.epoch),
            Xid::Resource { .. } | Xid::Meta { .. } => {
                self.catalog.resource_at(xid).map(|resource| resource.meta.epoch)
            }
            Xid::Version { .. } => self.catalog.version_at(xid).map(|version| version.epoch),
        };
        match current {
            Some(current) if current != wanted => {
                let meta = if matches!(xid, Xid::Resource { .. }) { xid.meta() } else { None };
                Err(mismatched_epoch(meta.as_ref().unwrap_or(xid), wanted, current))
            }
            _ => Ok(()),
        }
    }

    /// Deletes some or all entities of a collection. Names that don't exist are skipped.
    fn remove_members(
        &mut self,
        action: &Delete,
        all: Vec<Id>,
        name: impl Fn(Id) -> Xid,
        in_meta: bool,
    ) -> Result<(), NoDecision> {
        let Some(chosen) = &action.chosen else {
            for id in all {
                self.remove_entity(&name(id))?;
            }
            return Ok(());
        };
        for (key, said) in chosen {
            let Ok(id) = key.parse::<Id>() else { continue };
            let xid = name(id);
            if !self.catalog.has(&xid) {
                continue;
            }
            let epoch = sent_epoch(&xid, said, in_meta)?;
            self.check_delete_epoch(&xid, epoch)?;
            self.remove_entity(&xid)?;
        }
        Ok(())
    }

    /// Deletes the groups and resources of a plan. Names that don't exist are skipped.
    pub(super) fn remove_planned(&mut self, removed: &BTreeSet<Xid>) -> Result<(), NoDecision> {
        let there = removed.iter().filter(|xid| self.catalog.has(xid));
        let there: Vec<Xid> = there.cloned().collect();
        let mut targets = there.iter().cloned().map(Target::Entity);
        if let Some(conflict) = targets.find_map(|target| undecided(self.catalog, &target)) {
            return Err(Refusal::new(conflict, Reason::Undecided).into());
        }
        there.iter().try_for_each(|xid| self.remove_entity(xid))
    }

    fn remove_entity(&mut self, xid: &Xid) -> Result<(), NoDecision> {
        match xid {
            Xid::Registry | Xid::Meta { .. } => {
                return Err(Refusal::new(xid, Reason::NotDeletable).into());
            }
            Xid::Group { .. } => {
                self.registry_edit().members = true;
                self.hidden.insert(xid.clone());
            }
            Xid::Resource { .. } => self.remove_resource(xid),
            Xid::Version { version, .. } => {
                let Some(resource) = xid.resource() else { return Ok(()) };
                let kind = self.kind_of(&resource)?;
                if !self.resources.contains_key(&resource) {
                    let edit = self.existing(&resource, &kind);
                    let edit = edit.ok_or_else(|| Refusal::not_found(xid))?;
                    self.resources.insert(resource.clone(), edit);
                }
                if let Some(edit) = self.resources.get_mut(&resource) {
                    edit.remove(version);
                    edit.touched = true;
                }
            }
        }
        Ok(())
    }

    fn remove_resource(&mut self, xid: &Xid) {
        self.resources.remove(xid);
        self.hidden.insert(xid.clone());
        if let Some(edit) = xid.group().and_then(|group| self.group_edit(&group)) {
            edit.members = true;
        }
    }

    pub(super) fn kind_of(&self, resource: &Xid) -> Result<Arc<ResourceType>, Refusal> {
        match resource {
            Xid::Resource { groups, resources, .. } => self
                .model
                .resource_type(groups.as_str(), resources.as_str())
                .cloned()
                .ok_or_else(|| Refusal::not_found(resource)),
            other => Err(Refusal::not_found(other)),
        }
    }

    /// Adjusts the resources that lost versions. A resource that lost all of them is hidden itself.
    fn finish_removals(&mut self) -> Result<(), NoDecision> {
        let names: Vec<Xid> = self.resources.keys().cloned().collect();
        for xid in names {
            let Some(mut edit) = self.resources.remove(&xid) else { continue };
            if edit.count() == 0 {
                self.remove_resource(&xid);
                continue;
            }
            edit.resolve_ancestors(self.now)?;
            self.update_default(&mut edit)?;
            self.resources.insert(xid, edit);
        }
        Ok(())
    }

    pub(super) fn update_default(&self, edit: &mut ResourceEdit) -> Result<(), NoDecision> {
        let node = crate::tree::ResourceNode {
            xid: edit.xid.clone(),
            kind: edit.kind.clone(),
            default: None,
            meta: None,
            versions: None,
            only_meta: true,
        };
        self.write_default_pointer(edit, &node, &[])
    }
}

/// The epoch that a delete map requires for one entity.
fn sent_epoch(xid: &Xid, said: &Value, in_meta: bool) -> Result<Option<u64>, Refusal> {
    let empty = Map::new();
    let said = said.as_object().unwrap_or(&empty);
    if in_meta && said.contains_key("epoch") && !said.contains_key("meta") {
        return Err(Refusal::new(xid, Reason::MisplacedEpoch));
    }
    let place = if in_meta { said.get("meta").and_then(Value::as_object) } else { Some(said) };
    let Some(sent) = place.and_then(|place| place.get("epoch")).filter(|value| !value.is_null())
    else {
        return Ok(None);
    };
    let epoch = sent.as_u64();
    epoch.map(Some).ok_or_else(|| Refusal::wrong_type(xid, "epoch", Kind::Uinteger))
}
