//! The registration of schemas: which id a new version gets, and whether it may be written.

use std::collections::{BTreeMap, BTreeSet};

use muster_schema::{SchemaFormat, SchemaGuid};
use muster_words::{Id, Moment, Xid};
use serde_json::{Map, Value};

use super::{
    Decision, NoDecision,
    draft::{Draft, DraftAttributes, ResourceEdit, VersionEdit},
};
use crate::{
    Catalog, Refusal, VersionRefusal,
    changes::{Change, SchemaRegistered},
    command::{Target, UnregisteredSchema},
    judge::holds_schemas,
    registration::{SCHEMA_TYPES, is_schema, version_number},
    schema_settings::SchemaMode,
    tree::{DocumentPart, VersionNode},
};

/// The attributes for which the guid of a registered version stands, and the name of its subject.
const REGISTERED: [&str; 4] = ["references", "metadata", "ruleset", "subject"];

impl Draft<'_> {
    /// Refuses to change what the guid of a registered version stands for: clients keep a schema under
    /// its id for ever, and would go on with the old one.
    pub(super) fn check_registered(
        &self,
        xid: &Xid,
        edit: &ResourceEdit,
        version: &VersionEdit,
    ) -> Result<(), NoDecision> {
        let (DraftAttributes::New(new), Some(old)) = (&version.attributes, &version.old) else {
            return Ok(());
        };
        if !holds_schemas(&edit.kind) || self.catalog.registrations.of(xid).is_none() {
            return Ok(());
        }
        let before = self.current(&DraftAttributes::Same(old.attributes));
        let differs = |name: &&str| {
            let of =
                |map: &Map<String, Value>| map.get(*name).filter(|own| !own.is_null()).cloned();
            of(&before) != of(new)
        };
        let format = |map: &Map<String, Value>, content_type: Option<&str>| {
            SchemaFormat::of_stored(map.get("format").and_then(Value::as_str), content_type)
        };
        let has_other_format = format(&before, old.content_type.as_deref())
            != format(new, version.content_type.as_deref());
        let name = REGISTERED.into_iter().find(differs);
        match name.or_else(|| has_other_format.then_some("format")) {
            Some(name) => Err(Refusal::new(xid, VersionRefusal::FrozenAttribute { name }).into()),
            None => Ok(()),
        }
    }

    /// Refuses to write a version among schemas that take none, or none of its kind.
    pub(super) fn check_mode(
        &self,
        edit: &ResourceEdit,
        node: &VersionNode,
    ) -> Result<(), NoDecision> {
        let brings = !matches!(node.document, DocumentPart::Unchanged);
        if !holds_schemas(&edit.kind) || (!brings && node.attributes.is_empty()) {
            return Ok(());
        }
        let mode = self.schema_mode(&edit.xid);
        let is_refused = match mode {
            SchemaMode::Import => brings && self.schemas.is_once && self.schemas.id.is_none(),
            mode if mode.is_read_only() => true,
            _ => brings && self.schemas.id.is_some(),
        };
        match is_refused {
            true => Err(Refusal::new(&edit.xid, VersionRefusal::SchemaMode { mode }).into()),
            false => Ok(()),
        }
    }

    /// Refuses to delete or restore schemas that take no writes.
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
            None => self.given.id_of(self.catalog, group, identity.guid),
        };
        self.given.note(group, identity.guid, id);
        Ok(Some(SchemaRegistered {
            version: name.clone(),
            id,
            guid: identity.guid,
            registered: self.schemas.registered.unwrap_or_else(|| milliseconds(version.created)),
            references: identity.references.clone(),
            subject: identity.subject.clone(),
        }))
    }
}

/// Gives ids to stored versions that have none.
pub(super) fn stored(catalog: &Catalog, schemas: &[UnregisteredSchema]) -> Decision {
    let mut given = GivenIds::default();
    let mut decision = Decision::default();
    for schema in schemas {
        let UnregisteredSchema { version, document, created, identity } = schema;
        let there = catalog.version_at(version).cloned();
        let there = there.or_else(|| catalog.deleted_version(version));
        let is_as_it_was = there.is_some_and(|there| there.document == Some(*document));
        let Some((_, group)) = version.group_ids().filter(|_| is_as_it_was) else { continue };
        if catalog.registrations.of(version).is_some() {
            continue;
        }
        decision.changes.push(Change::SchemaRegistered(SchemaRegistered {
            version: version.clone(),
            id: given.id_of(catalog, group, identity.guid),
            guid: identity.guid,
            registered: milliseconds(*created),
            references: identity.references.clone(),
            subject: identity.subject.clone(),
        }));
    }
    decision
}

/// The ids that a command gives to schemas, which a catalog doesn't have yet.
#[derive(Debug, Default)]
pub(super) struct GivenIds {
    ids: BTreeMap<(Id, SchemaGuid), u32>,
    of_groups: BTreeMap<Id, BTreeSet<u32>>,
}

impl GivenIds {
    /// The id of a schema: the one that it has in its group, else the next one.
    fn id_of(&mut self, catalog: &Catalog, group: &Id, guid: SchemaGuid) -> u32 {
        let given = self.ids.get(&(group.clone(), guid)).copied();
        let known = given.or_else(|| catalog.registrations.group(group)?.id_of(&guid));
        let id = known.unwrap_or_else(|| self.next_id(catalog, group));
        self.note(group, guid, id);
        id
    }

    fn note(&mut self, group: &Id, guid: SchemaGuid, id: u32) {
        self.ids.insert((group.clone(), guid), id);
        self.of_groups.entry(group.clone()).or_default().insert(id);
    }

    /// The id of the next schema of a group: one more than the highest, or, if that is the highest
    /// there can be, the lowest one that nothing has.
    fn next_id(&self, catalog: &Catalog, group: &Id) -> u32 {
        let there = catalog.registrations.group(group);
        let given = self.of_groups.get(group);
        let last = given.and_then(|ids| ids.last().copied()).max(there.map(|own| own.last_id()));
        match last.unwrap_or(0) {
            last if last < i32::MAX.unsigned_abs() => last + 1,
            _ => (1..)
                .find(|id| {
                    let is_used = there.is_some_and(|there| there.users(*id).next().is_some());
                    !is_used && !given.is_some_and(|ids| ids.contains(id))
                })
                .unwrap_or(u32::MAX),
        }
    }
}

fn milliseconds(moment: Moment) -> i64 {
    moment.microseconds().div_euclid(1_000)
}
