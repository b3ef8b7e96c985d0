use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};

use imbl::{OrdMap, OrdSet, Vector};
use muster_schema::SchemaGuid;
use muster_words::{Digest, Id, Moment, Position, Xid};
use serde_json::Value;

use crate::{
    Content,
    command::SchemaWrite,
    index::StructuredIndex,
    judge::EarlierVersion,
    registration::{Registrations, version_number},
    schema_settings::{SchemaMode, SchemaSettings, SettingsChain},
    state::{
        Bindings, CompatibilityRule, Earlier, EntityMap, Group, HiddenEntity, RegisteredKey,
        RegistryPast, RegistryState, RememberedAnswer, Resource, Stamp, Subtree, Version, exact,
        resource_in, states, taken,
    },
    sync::SyncedState,
};
use muster_model::Model;

/// The state that a ledger's entries up to one position describe.
///
/// It is a persistent value: a clone copies a few pointers and never changes. The server's view is
/// such a value behind an `Arc`.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The last position of the last command, and its tag.
    pub stamp: Stamp,
    /// The last command's moment.
    pub moment: Moment,
    /// The registry's id.
    pub id: Id,
    /// The ledger's name, which is part of the origin of its checkpoints.
    pub ledger: Arc<str>,
    /// The commands that say that the ledger was restored from a backup.
    pub restores: Arc<Vec<Stamp>>,
    /// The registry's own attributes.
    pub registry: Arc<RegistryState>,
    /// The model in force.
    pub model: Arc<Model>,
    /// The user's model as it was sent; none if it was never set.
    pub model_source: Option<Content>,
    /// The model's last change.
    pub model_stamp: Stamp,
    /// The capabilities in force; none means the built-in ones.
    pub capabilities: Option<Arc<Value>>,
    /// The capabilities' content.
    pub capabilities_source: Option<Content>,
    /// The capabilities' last change.
    pub capabilities_stamp: Stamp,
    /// The groups by type (plural) and id.
    pub groups: OrdMap<Id, EntityMap<Group>>,
    /// Deleted entities, by xid.
    pub hidden: OrdMap<Arc<str>, Arc<HiddenEntity>>,
    /// Purged names by xid, with the time of the purge.
    pub purged: OrdMap<Arc<str>, Stamp>,
    /// The registry's past: its epochs, groups, models and capabilities.
    pub past: Arc<RegistryPast>,
    /// The entities that refer to a document, by the document's xid: resources through their
    /// default version, groups through their bindings, the registry through its model.
    pub referrers: OrdMap<Arc<str>, OrdSet<Xid>>,
    /// The schemas with a `$id`, by their group and the `$id` of their default version.
    pub identifiers: OrdMap<Arc<str>, OrdSet<Xid>>,
    /// The schemas that refer to an address, by their group and the address.
    pub identifier_users: OrdMap<Arc<str>, OrdSet<Xid>>,
    /// API keys by id.
    pub keys: OrdMap<Id, Arc<RegisteredKey>>,
    /// The keys' last change.
    pub keys_stamp: Stamp,
    /// The actors of all commands.
    pub actors: OrdSet<Arc<str>>,
    /// Answers by the digest of principal and idempotency key.
    pub remembered: OrdMap<Digest, Arc<RememberedAnswer>>,
    /// The same keys, from the oldest to the newest.
    pub remembered_order: Vector<Digest>,
    /// The number of resources.
    pub documents: u64,
    /// The indexes of fields.
    pub index: StructuredIndex,
    /// The ids of schemas.
    pub registrations: Registrations,
    /// What syncs said about documents, by xid, deleted ones included.
    pub synced: OrdMap<Arc<str>, Arc<SyncedState>>,
}

impl Catalog {
    /// The catalog before the first entry.
    #[must_use]
    pub fn empty(model: Arc<Model>) -> Self {
        let registry = RegistryState {
            attributes: None,
            epoch: 0,
            created: Moment::EPOCH,
            modified: Moment::EPOCH,
            own: Stamp::default(),
            members: Stamp::default(),
            settings: None,
            earlier: Earlier::default(),
        };
        Self {
            stamp: Stamp::default(),
            moment: Moment::EPOCH,
            id: Self::unnamed_id(),
            ledger: "".into(),
            restores: Arc::default(),
            registry: Arc::new(registry),
            model,
            model_source: None,
            model_stamp: Stamp::default(),
            capabilities: None,
            capabilities_source: None,
            capabilities_stamp: Stamp::default(),
            groups: OrdMap::new(),
            hidden: OrdMap::new(),
            purged: OrdMap::new(),
            past: Arc::default(),
            referrers: OrdMap::new(),
            identifiers: OrdMap::new(),
            identifier_users: OrdMap::new(),
            keys: OrdMap::new(),
            keys_stamp: Stamp::default(),
            actors: OrdSet::new(),
            remembered: OrdMap::new(),
            remembered_order: Vector::new(),
            documents: 0,
            index: StructuredIndex::default(),
            registrations: Registrations::default(),
            synced: OrdMap::new(),
        }
    }

    /// The id of a registry before its genesis is folded.
    fn unnamed_id() -> Id {
        #[expect(clippy::unwrap_used, reason = "a literal that Id's own tests accept")]
        "_".parse().unwrap()
    }

    /// The origin of the ledger's checkpoints: `<registry id>/<name of the ledger>`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}/{}", self.id, self.ledger)
    }

    /// The position of this catalog.
    #[must_use]
    pub fn position(&self) -> Position {
        self.stamp.position
    }

    /// The group that an xid names or is in.
    #[must_use]
    pub fn group_at(&self, xid: &Xid) -> Option<&Arc<Group>> {
        let (groups, group) = xid.group_ids()?;
        exact(self.groups.get(groups)?, group)
    }

    /// The resource that an xid names or is in.
    #[must_use]
    pub fn resource_at(&self, xid: &Xid) -> Option<&Arc<Resource>> {
        resource_in(self.group_at(xid)?, xid)
    }

    /// The version that an xid names; for a resource's xid, the default version.
    #[must_use]
    pub fn version_at(&self, xid: &Xid) -> Option<&Arc<Version>> {
        let resource = self.resource_at(xid)?;
        match xid {
            Xid::Version { version, .. } => resource.versions.get(version),
            _ => resource.default_version(),
        }
    }

    /// The versions of a resource with which a new one is compared, newest first and at most so many:
    /// those with documents that readers may use, so neither drafts nor what is in review.
    #[must_use]
    pub fn earlier_versions(&self, xid: &Xid, at_most: usize) -> Vec<EarlierVersion> {
        let Some(resource) = self.resource_at(xid) else { return Vec::new() };
        let is_one =
            |version: &&Arc<Version>| version.state.is_published() && version.document.is_some();
        let versions = || resource.versions.iter().filter(is_one);
        let has_numbers = versions().all(|version| version_number(&version.id).is_some());
        let newest = match has_numbers {
            // An import may have written them in another order.
            true => newest(versions(), at_most, |version| version_number(&version.id)),
            // Not by `createdat`, which clients may set.
            false => newest(versions(), at_most, |version| {
                let born = states(version).last().map(|first| first.stamp.position);
                (born, version.id.clone())
            }),
        };
        let owner = xid.resource().unwrap_or_else(|| xid.clone());
        let earlier = newest.into_iter().filter_map(|version| {
            Some(EarlierVersion {
                xid: owner.version(version.id.clone())?,
                content: version.document_content(&owner)?,
                bytes: version.document?.size,
            })
        });
        earlier.collect()
    }

    /// What the schema with this xid asks for from new versions, then its group, then the registry.
    /// `subject` is the name by which the group may have settings for it.
    #[must_use]
    pub fn schema_settings(&self, xid: &Xid, bindings: Option<&Bindings>) -> SettingsChain {
        let own = self.own_schema_settings(xid, &self.subject_of(xid), bindings);
        let of_group = bindings.and_then(|own| own.settings.as_ref());
        let of_registry = self.registry.settings.as_deref();
        SettingsChain::new([own, of_group, of_registry].map(|one| one.cloned()))
    }

    /// What a schema itself asks for: what its Meta says or, if it says nothing, its group under the
    /// subject's name, as before the schema existed.
    #[must_use]
    pub fn own_schema_settings<'a>(
        &'a self,
        xid: &Xid,
        subject: &str,
        bindings: Option<&'a Bindings>,
    ) -> Option<&'a SchemaSettings> {
        let of_meta = self.resource_at(xid).and_then(|resource| resource.meta.settings.as_deref());
        of_meta.or_else(|| bindings?.subjects.get(subject))
    }

    /// How a new version of a schema must be compatible with earlier ones; none if nothing is asked
    /// for. What is imported isn't compared, and neither is what is there already.
    #[must_use]
    pub fn compatibility_rule(
        &self,
        xid: &Xid,
        bindings: Option<&Bindings>,
        write: &SchemaWrite,
        guid: Option<SchemaGuid>,
    ) -> Option<CompatibilityRule> {
        let settings = self.schema_settings(xid, bindings);
        let is_there =
            write.is_once && guid.is_some_and(|guid| self.registered_as(xid, &guid).is_some());
        if write.is_unchecked || is_there || settings.mode() == SchemaMode::Import {
            return None;
        }
        settings.rule(write.default_rule)
    }

    /// The newest version of a schema that readers may use and that has this guid.
    #[must_use]
    pub fn registered_as(&self, xid: &Xid, guid: &SchemaGuid) -> Option<Id> {
        let (_, group) = xid.group_ids()?;
        let (_, resource) = xid.resource_ids()?;
        let versions = self.registrations.group(group)?.versions(resource);
        let same = versions.filter(|(_, registration)| registration.guid == *guid);
        let mut live = same.filter_map(|(number, _)| {
            let id: Id = number.to_string().parse().ok()?;
            self.resource_at(xid)?
                .versions
                .get(&id)
                .filter(|own| own.state.is_published())
                .map(|_| id)
        });
        live.next_back()
    }

    /// The name of a schema's subject in Confluent's API.
    #[must_use]
    pub fn subject_of(&self, xid: &Xid) -> Arc<str> {
        let Some((group, (_, resource))) = xid.group_ids().zip(xid.resource_ids()) else {
            return "".into();
        };
        let registered = self.registrations.group(group.1);
        let named = registered.and_then(|group| group.versions(resource).next_back());
        let named = named.and_then(|(_, registration)| registration.subject.clone());
        named.unwrap_or_else(|| resource.as_str().into())
    }

    /// A version that was deleted, itself or with its resource or its group: as it was in the last
    /// deletion that hid it.
    #[must_use]
    pub fn deleted_version(&self, xid: &Xid) -> Option<Arc<Version>> {
        let Xid::Version { version, .. } = xid else { return None };
        let names = std::iter::successors(Some(xid.clone()), Xid::parent);
        let hidden = names.filter_map(|name| self.hidden.get(name.to_string().as_str()));
        let mut found =
            hidden.flat_map(|newest| newest.chain()).filter_map(|hidden| match &hidden.what {
                Subtree::Version(version) => Some(version.clone()),
                Subtree::Resource(resource) => resource.versions.get(version).cloned(),
                Subtree::Group(group) => resource_in(group, xid)?.versions.get(version).cloned(),
            });
        found.next()
    }

    /// Whether the entity exists.
    #[must_use]
    pub fn has(&self, xid: &Xid) -> bool {
        match xid {
            Xid::Registry => true,
            Xid::Group { .. } => self.group_at(xid).is_some(),
            Xid::Resource { .. } | Xid::Meta { .. } => self.resource_at(xid).is_some(),
            Xid::Version { .. } => self.version_at(xid).is_some(),
        }
    }

    /// The existing id that prevents this entity from being created: it differs at most in case.
    #[must_use]
    pub fn taken(&self, xid: &Xid) -> Option<Id> {
        match xid {
            Xid::Registry | Xid::Meta { .. } => None,
            Xid::Group { groups, group } => taken(self.groups.get(groups)?, group).cloned(),
            Xid::Resource { resources, resource, .. } => {
                taken(self.group_at(xid)?.resources.get(resources)?, resource).cloned()
            }
            Xid::Version { version, .. } => self.resource_at(xid)?.versions.taken(version).cloned(),
        }
    }

    /// Whether the entity is deleted, itself or with a parent.
    #[must_use]
    pub fn hides(&self, xid: &Xid) -> bool {
        let hidden = |name: &Xid| self.hidden.get(name.to_string().as_str());
        hidden(xid).is_some()
            || std::iter::successors(xid.parent(), Xid::parent)
                .filter_map(|outer| hidden(&outer))
                .any(|newest| newest.chain().any(|deletion| deletion.what.holds(xid)))
    }

    /// The entities that refer to this one or to anything in it, except those within it.
    #[must_use]
    pub fn referrers_of(&self, xid: &Xid) -> BTreeSet<Xid> {
        self.referrers_among(xid, &|_| true)
    }

    /// The same of those that are wanted: one document may have a hundred thousand.
    pub(crate) fn referrers_among(
        &self,
        xid: &Xid,
        is_wanted: &dyn Fn(&Xid) -> bool,
    ) -> BTreeSet<Xid> {
        let own = xid.to_string();
        let inside = format!("{own}/");
        let within = |referrer: &&Xid| {
            if !is_wanted(referrer) {
                return false;
            }
            let name = referrer.to_string();
            name != own && !name.starts_with(&inside)
        };
        let mut found: BTreeSet<Xid> = self
            .referrers
            .get(own.as_str())
            .into_iter()
            .flatten()
            .filter(within)
            .cloned()
            .collect();
        let below = self.referrers.range::<_, Arc<str>>(Arc::from(inside.as_str())..);
        for (_, referrers) in below.take_while(|(target, _)| target.starts_with(&inside)) {
            found.extend(referrers.iter().filter(within).cloned());
        }
        found
    }

    /// The schemas of a group whose default version has this `$id`.
    #[must_use]
    pub fn identified(&self, group: &Xid, id: &str) -> BTreeSet<Xid> {
        let found = self.identifiers.get(&*in_group(group, id));
        found.into_iter().flatten().cloned().collect()
    }

    /// The schemas of a group that refer to this address.
    #[must_use]
    pub fn users_of(&self, group: &Xid, address: &str) -> BTreeSet<Xid> {
        let found = self.identifier_users.get(&*in_group(group, address));
        found.into_iter().flatten().cloned().collect()
    }

    /// Every document that the model binds.
    pub(crate) fn model_targets(model: &Model) -> BTreeSet<Xid> {
        model
            .group_types()
            .flat_map(|group| group.resources.values())
            .flat_map(|resource| resource.aspect.schema.iter().chain(&resource.aspect.rules))
            .cloned()
            .collect()
    }
}

/// The key of an address in the indexes of a group's schemas. A URI has no spaces.
pub(crate) fn in_group(group: &Xid, address: &str) -> String {
    format!("{group} {address}")
}

/// So many versions with the greatest keys, the greatest first.
fn newest<'a, K: Ord>(
    versions: impl Iterator<Item = &'a Arc<Version>>,
    at_most: usize,
    key: impl Fn(&Arc<Version>) -> K,
) -> Vec<&'a Arc<Version>> {
    let mut found: Vec<_> = versions.map(|version| (Reverse(key(version)), version)).collect();
    if found.len() > at_most {
        found.select_nth_unstable_by(at_most, |(one, _), (other, _)| one.cmp(other));
        found.truncate(at_most);
    }
    found.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    found.into_iter().map(|(_, version)| version).collect()
}
