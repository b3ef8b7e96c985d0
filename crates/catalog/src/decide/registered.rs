//! The registration of schemas: which id a new version gets, and whether it may be written.

use std::collections::BTreeSet;

use muster_words::{Id, Xid};

use super::{
    NoDecision,
    draft::{Draft, ResourceEdit, VersionEdit},
};
use crate::{
    Refusal, VersionRefusal,
    changes::SchemaRegistered,
    command::Target,
    judge::holds_schemas,
    registration::{SCHEMA_TYPES, is_schema, version_number},
    schema_settings::SchemaMode,
    tree::{DocumentPart, VersionNode},
};

impl Draft<'_> {
    /// Refuses to write a document among schemas that take none, or none of its kind.
    pub(super) fn check_mode(
        &self,
        edit: &ResourceEdit,
        node: &VersionNode,
    ) -> Result<(), NoDecision> {
        if !holds_schemas(&edit.kind) || matches!(node.document, DocumentPart::Unchanged) {
            return Ok(());
        }
        let mode = self.schema_mode(&edit.xid);
        let is_refused = match mode {
            SchemaMode::Import => self.schemas.is_once && self.schemas.id.is_none(),
            mode if mode.is_read_only() => true,
            _ => self.schemas.id.is_some(),
        };
        match is_refused {
            true => Err(Refusal::new(&edit.xid, VersionRefusal::SchemaMode { mode }).into()),
            false => Ok(()),
        }
    }

    /// Refuses to delete schemas that take no writes.
    pub(super) fn check_deletable(&self, target: &Target) -> Result<(), NoDecision> {
        let xid = match target {
            Target::Entity(xid) | Target::Versions(xid) if is_schema(xid) => xid,
            Target::Entity(xid) => return self.check_members(xid),
            Target::Resources { group, .. } => return self.check_members(group),
            _ => return Ok(()),
        };
        let resource = xid.resource().unwrap_or_else(|| xid.clone());
        match self.schema_mode(&resource) {
            mode if mode.is_read_only() => {
                Err(Refusal::new(xid, VersionRefusal::SchemaMode { mode }).into())
            }
            _ => Ok(()),
        }
    }

    /// Refuses to delete a group that has schemas which take no writes.
    fn check_members(&self, group: &Xid) -> Result<(), NoDecision> {
        let Xid::Group { groups, group: group_id } = group else { return Ok(()) };
        let Some(found) = self.catalog.group_at(group) else { return Ok(()) };
        if groups.as_str() != SCHEMA_TYPES.0 {
            return Ok(());
        }
        for (resources, all) in &found.resources {
            for resource in all.values() {
                let xid = Xid::Resource {
                    groups: groups.clone(),
                    group: group_id.clone(),
                    resources: resources.clone(),
                    resource: resource.id.clone(),
                };
                self.check_deletable(&Target::Entity(xid))?;
            }
        }
        Ok(())
    }

    /// Which writes a schema takes.
    pub(super) fn schema_mode(&self, xid: &Xid) -> SchemaMode {
        self.catalog.schema_settings(xid, self.bindings_of(xid).as_deref()).mode()
    }

    /// What the versions of a written schema name in their attribute `references`.
    pub(super) fn named_references(&self, edit: &ResourceEdit) -> Vec<Xid> {
        let old = edit.old.iter().flat_map(|old| old.versions.iter());
        let stays = old.filter(|version| {
            !edit.removed.contains(&version.id)
                && edit.versions.get(&version.id).is_none_or(|new| new.identity.is_none())
        });
        let kept = stays
            .filter_map(|version| edit.xid.version(version.id.clone()))
            .filter_map(|name| self.catalog.registrations.of(&name))
            .flat_map(|registration| registration.references.iter().cloned());
        let new = edit.versions.values().filter_map(|version| version.identity.as_ref());
        let new = new.flat_map(|identity| identity.references.iter().cloned());
        kept.chain(new).collect()
    }

    /// The registration of a written version; none if it stays, or isn't a schema that can be read.
    pub(super) fn register(
        &mut self,
        edit: &ResourceEdit,
        name: &Xid,
        version: &VersionEdit,
    ) -> Result<Option<SchemaRegistered>, Refusal> {
        let Some(identity) = version.identity.clone().filter(|_| holds_schemas(&edit.kind)) else {
            return Ok(None);
        };
        let registrations = &self.catalog.registrations;
        let is_numbered = name.id().and_then(version_number).is_some();
        let same = registrations.of(name).is_some_and(|own| own.guid == identity.guid);
        let is_live = version.old.is_some();
        let Some((_, group)) = name.group_ids().filter(|_| is_numbered && !(same && is_live))
        else {
            return Ok(None);
        };
        let there = registrations.group(group);
        let key = (group.clone(), identity.guid);
        let known = self.registered.get(&key).copied();
        let known = known.or_else(|| there?.id_of(&identity.guid));
        let id = match self.schemas.id {
            Some(id) => {
                let taken = there.is_some_and(|there| {
                    let mut users = there.users(id);
                    users.any(|(resource, number)| {
                        let other = there.version(resource, *number);
                        other.is_some_and(|other| other.guid != identity.guid)
                    })
                });
                if taken {
                    return Err(Refusal::new(name, VersionRefusal::SchemaIdTaken { id }));
                }
                id
            }
            None => match known {
                Some(id) => id,
                None => self.next_id(group),
            },
        };
        self.registered.insert(key, id);
        Ok(Some(SchemaRegistered {
            version: name.clone(),
            id,
            guid: identity.guid,
            registered: self.schemas.registered.unwrap_or_else(|| milliseconds(version)),
            references: identity.references.clone(),
            subject: identity.subject.clone(),
        }))
    }

    /// The id of the next schema of a group: one more than the highest, or, if that is the highest
    /// there can be, the lowest one that nothing has.
    fn next_id(&self, group: &Id) -> u32 {
        let there = self.catalog.registrations.group(group);
        let of_command = self.registered.iter().filter(|((own, _), _)| own == group);
        let of_command: BTreeSet<u32> = of_command.map(|(_, id)| *id).collect();
        let last = of_command.last().copied().max(there.map(|there| there.last_id()));
        match last.unwrap_or(0) {
            last if last < i32::MAX.unsigned_abs() => last + 1,
            _ => (1..)
                .find(|id| {
                    let is_used = there.is_some_and(|there| there.users(*id).next().is_some());
                    !is_used && !of_command.contains(id)
                })
                .unwrap_or(u32::MAX),
        }
    }
}

fn milliseconds(version: &VersionEdit) -> i64 {
    version.created.microseconds().div_euclid(1_000)
}
