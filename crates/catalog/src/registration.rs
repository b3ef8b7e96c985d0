//! The ids of schemas: by which clients of Confluent's API know them, in each group of schemas.
//!
//! Every version of a schema that can be read and whose id is a number has one. They are assigned
//! when a version is decided, and stand in its entry. An id stays while any version has it, deleted
//! ones included: only a purge ends it.

use std::{collections::BTreeSet, sync::Arc};

use imbl::{OrdMap, OrdSet};
use muster_schema::SchemaGuid;
pub use muster_schema::{SCHEMA_TYPES, context_group, hashed_id, is_default_context, subject_ids};
use muster_words::{Id, Xid};

use crate::{
    Catalog,
    changes::SchemaRegistered,
    decide::{revived, versions_in_group},
    state::{Version, states},
};

/// What a version of a schema is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its id, unique in its group.
    pub id: u32,
    /// What identifies it everywhere.
    pub guid: SchemaGuid,
    /// When it was registered, in milliseconds since 1970.
    pub registered: i64,
    /// The versions of schemas that it refers to.
    pub references: Arc<[Xid]>,
    /// The name of its subject, if that isn't the resource's id.
    pub subject: Option<Arc<str>>,
}

/// The registrations of all groups.
#[derive(Clone, Debug, Default)]
pub struct Registrations {
    groups: OrdMap<Id, GroupRegistrations>,
    /// The groups with a schema, and its id there.
    guids: OrdMap<SchemaGuid, OrdMap<Id, u32>>,
}

/// The registrations of a group.
#[derive(Clone, Debug, Default)]
pub struct GroupRegistrations {
    /// The highest id that was ever assigned.
    last_id: u32,
    ids: OrdMap<SchemaGuid, u32>,
    /// The versions with an id: the resource and the number of the version.
    users: OrdMap<u32, OrdSet<(Id, u32)>>,
    resources: OrdMap<Id, OrdMap<u32, Arc<Registration>>>,
}

impl GroupRegistrations {
    /// The id of a schema.
    #[must_use]
    pub fn id_of(&self, guid: &SchemaGuid) -> Option<u32> {
        self.ids.get(guid).copied()
    }

    /// The versions with an id, by resource and number, deleted ones included.
    pub fn users(&self, id: u32) -> impl Iterator<Item = &(Id, u32)> {
        self.users.get(&id).into_iter().flatten()
    }

    /// The registered versions of a resource by their numbers, deleted ones included.
    pub fn versions(
        &self,
        resource: &Id,
    ) -> impl DoubleEndedIterator<Item = (u32, &Arc<Registration>)> {
        let versions = self.resources.get(resource);
        versions.into_iter().flatten().map(|(number, registration)| (*number, registration))
    }

    /// A version of a resource.
    #[must_use]
    pub fn version(&self, resource: &Id, number: u32) -> Option<&Arc<Registration>> {
        self.resources.get(resource)?.get(&number)
    }

    /// The resources with registered versions, deleted ones included.
    pub fn resources(&self) -> impl Iterator<Item = &Id> {
        self.resources.keys()
    }

    /// The highest id that was ever assigned; 0 if none was.
    #[must_use]
    pub const fn last_id(&self) -> u32 {
        self.last_id
    }

    fn add(&mut self, resource: &Id, number: u32, registration: Arc<Registration>) {
        self.remove(resource, number);
        self.last_id = self.last_id.max(registration.id);
        self.ids.entry(registration.guid).or_insert(registration.id);
        self.users.entry(registration.id).or_default().insert((resource.clone(), number));
        self.resources.entry(resource.clone()).or_default().insert(number, registration);
    }

    /// Removes a version; returns its guid if another id, or none, is that guid's now.
    fn remove(&mut self, resource: &Id, number: u32) -> Option<SchemaGuid> {
        let versions = self.resources.get_mut(resource)?;
        let registration = versions.remove(&number)?;
        if versions.is_empty() {
            self.resources.remove(resource);
        }
        let users = self.users.get_mut(&registration.id)?;
        users.remove(&(resource.clone(), number));
        if !users.is_empty() {
            return None;
        }
        self.users.remove(&registration.id);
        if self.ids.get(&registration.guid) != Some(&registration.id) {
            return None;
        }
        // An import may have given the same schema another id, which then is the one.
        let other = self.resources.values().flat_map(|versions| versions.values());
        match other.filter(|other| other.guid == registration.guid).map(|other| other.id).min() {
            Some(other) => drop(self.ids.insert(registration.guid, other)),
            None => drop(self.ids.remove(&registration.guid)),
        }
        Some(registration.guid)
    }
}

impl Registrations {
    /// The registrations of a group.
    #[must_use]
    pub fn group(&self, group: &Id) -> Option<&GroupRegistrations> {
        self.groups.get(group)
    }

    /// The groups with registered schemas, by their ids.
    pub fn groups(&self) -> impl Iterator<Item = (&Id, &GroupRegistrations)> {
        self.groups.iter()
    }

    /// The groups that have a schema, each with the schema's id there.
    pub fn with_guid(&self, guid: &SchemaGuid) -> impl Iterator<Item = (&Id, u32)> {
        self.guids.get(guid).into_iter().flatten().map(|(group, id)| (group, *id))
    }

    /// The registration of a version.
    #[must_use]
    pub fn of(&self, version: &Xid) -> Option<&Arc<Registration>> {
        let (group, resource, number) = numbered(version)?;
        self.groups.get(group)?.version(resource, number)
    }

    /// The highest number of a resource's versions, deleted ones included; 0 if it has none.
    #[must_use]
    pub fn last_number(&self, xid: &Xid) -> u32 {
        let Some((group, resource)) = schema_ids(xid) else { return 0 };
        let versions = self.groups.get(group).and_then(|group| group.resources.get(resource));
        versions.and_then(|versions| versions.get_max()).map_or(0, |(number, _)| *number)
    }

    pub(crate) fn add(&mut self, body: &SchemaRegistered) -> bool {
        let Some((group, resource, number)) = numbered(&body.version) else { return false };
        self.forget_version(group, resource, number);
        let registration = Arc::new(Registration {
            id: body.id,
            guid: body.guid,
            registered: body.registered,
            references: body.references.as_slice().into(),
            subject: body.subject.as_deref().map(Into::into),
        });
        self.groups.entry(group.clone()).or_default().add(resource, number, registration);
        self.guids.entry(body.guid).or_default().entry(group.clone()).or_insert(body.id);
        true
    }

    /// Forgets what was purged: a group, a resource or a version.
    pub(crate) fn forget(&mut self, xid: &Xid) {
        let all: Vec<(Id, Id, u32)> = match xid {
            Xid::Group { groups, group } if groups.as_str() == SCHEMA_TYPES.0 => {
                let of = self.groups.get(group).into_iter().flat_map(|of| &of.resources);
                of.flat_map(|(resource, versions)| {
                    versions.keys().map(|number| (group.clone(), resource.clone(), *number))
                })
                .collect()
            }
            Xid::Version { .. } => match numbered(xid) {
                Some((group, resource, number)) => vec![(group.clone(), resource.clone(), number)],
                None => Vec::new(),
            },
            _ => match schema_ids(xid) {
                Some((group, resource)) => {
                    let of = self.groups.get(group).and_then(|of| of.resources.get(resource));
                    let versions = of.into_iter().flat_map(OrdMap::keys);
                    versions.map(|number| (group.clone(), resource.clone(), *number)).collect()
                }
                None => Vec::new(),
            },
        };
        for (group, resource, number) in all {
            self.forget_version(&group, &resource, number);
        }
    }

    fn forget_version(&mut self, group: &Id, resource: &Id, number: u32) {
        let Some(of) = self.groups.get_mut(group) else { return };
        let Some(gone) = of.remove(resource, number) else { return };
        let left = of.id_of(&gone);
        let Some(groups) = self.guids.get_mut(&gone) else { return };
        match left {
            Some(id) => drop(groups.insert(group.clone(), id)),
            None => drop(groups.remove(group)),
        }
        if groups.is_empty() {
            self.guids.remove(&gone);
        }
    }
}

impl Catalog {
    /// The versions of schemas without an id whose own ids are numbers, deleted ones included, in the
    /// order in which the ledger has them. Those that one command wrote are ordered by their names.
    #[must_use]
    pub fn unregistered_schemas(&self) -> Vec<(Xid, Arc<Version>)> {
        let deleted = self.deleted_schemas().into_iter();
        let deleted = deleted.filter_map(|name| Some((self.deleted_version(&name)?, name)));
        let all = self.stored_schemas().chain(deleted.map(|(version, name)| (name, version)));
        let mut found: Vec<_> = all
            .filter(|(name, version)| {
                version.document.is_some() && self.registrations.of(name).is_none()
            })
            .filter_map(|(name, version)| {
                let first = states(&version).last()?.stamp.position;
                let (_, _, number) = numbered(&name)?;
                Some(((first, name.resource(), number), (name, version)))
            })
            .collect();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        found.into_iter().map(|(_, version)| version).collect()
    }

    fn stored_schemas(&self) -> impl Iterator<Item = (Xid, Arc<Version>)> + '_ {
        let groups = self.groups.iter().filter(|(groups, _)| groups.as_str() == SCHEMA_TYPES.0);
        let groups = groups.flat_map(|(groups, all)| all.values().map(move |own| (groups, own)));
        groups.flat_map(|(groups, group)| {
            let xid = Xid::Group { groups: groups.clone(), group: group.id.clone() };
            versions_in_group(&xid, group)
        })
    }

    /// The names of versions that a deletion hid and that aren't there again.
    fn deleted_schemas(&self) -> BTreeSet<Xid> {
        let prefix = format!("/{}/", SCHEMA_TYPES.0);
        let from: Arc<str> = prefix.as_str().into();
        let hidden = self.hidden.range(from..);
        let hidden = hidden.take_while(|(name, _)| name.starts_with(&prefix));
        let hidden = hidden.filter_map(|(name, hidden)| Some((name.parse::<Xid>().ok()?, hidden)));
        let names = hidden.flat_map(|(xid, hidden)| revived(&xid, hidden));
        names.map(|(name, _)| name).filter(|name| !self.has(name)).collect()
    }
}

/// Whether an xid names a schema of the built-in model, or something in it.
#[must_use]
pub fn is_schema(xid: &Xid) -> bool {
    schema_ids(xid).is_some()
}

/// The group and the resource of a schema, or of something in it.
fn schema_ids(xid: &Xid) -> Option<(&Id, &Id)> {
    let (groups, group) = xid.group_ids()?;
    let (resources, resource) = xid.resource_ids()?;
    ((groups.as_str(), resources.as_str()) == SCHEMA_TYPES).then_some((group, resource))
}

/// The group, the resource and the number of a version, if its id is a number as the server gives
/// them.
fn numbered(xid: &Xid) -> Option<(&Id, &Id, u32)> {
    let Xid::Version { version, .. } = xid else { return None };
    let (group, resource) = schema_ids(xid)?;
    Some((group, resource, version_number(version)?))
}

/// The number that is the id of a version: from 1 to 2³¹ − 1, without leading zeros.
#[must_use]
pub fn version_number(id: &Id) -> Option<u32> {
    let number: u32 = id.as_str().parse().ok()?;
    let is_plain = number > 0 && i32::try_from(number).is_ok() && number.to_string() == id.as_str();
    is_plain.then_some(number)
}
