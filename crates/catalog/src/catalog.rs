use std::{collections::BTreeSet, sync::Arc};

use imbl::{OrdMap, OrdSet, Vector};
use muster_words::{Digest, Id, Moment, Position, Xid};
use serde_json::Value;

use crate::{
    Content,
    state::{
        Earlier, EntityMap, Group, HiddenEntity, RegisteredKey, RegistryPast, RegistryState,
        RememberedAnswer, Resource, Stamp, Version, exact, resource_in, taken,
    },
};
use muster_model::Model;

/// Everything that a ledger's entries up to one position mean.
///
/// A value: cloning it copies a few pointers, and a clone never changes. What the server calls a
/// view is one of these behind an `Arc`.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The last command's last position, and its tag.
    pub stamp: Stamp,
    /// The last command's moment.
    pub moment: Moment,
    /// The registry's id.
    pub id: Id,
    /// The registry's own attributes.
    pub registry: Arc<RegistryState>,
    /// The model in force.
    pub model: Arc<Model>,
    /// The user's model as it was sent; none: never set.
    pub model_source: Option<Content>,
    /// The model's last change.
    pub model_stamp: Stamp,
    /// The capabilities in force; none: what is built.
    pub capabilities: Option<Arc<Value>>,
    /// The capabilities' content.
    pub capabilities_source: Option<Content>,
    /// The capabilities' last change.
    pub capabilities_stamp: Stamp,
    /// The groups by type (plural) and id.
    pub groups: OrdMap<Id, EntityMap<Group>>,
    /// What deletions hid, by xid.
    pub hidden: OrdMap<Arc<str>, Arc<HiddenEntity>>,
    /// Names that were erased, by xid, and when.
    pub purged: OrdMap<Arc<str>, Stamp>,
    /// What the registry was before: its epochs, groups, models and capabilities.
    pub past: Arc<RegistryPast>,
    /// Who refers to a document, by the document's xid: resources by their default version,
    /// groups by their bindings, the registry by its model.
    pub referrers: OrdMap<Arc<str>, OrdSet<Xid>>,
    /// API keys by id.
    pub keys: OrdMap<Id, Arc<RegisteredKey>>,
    /// The keys' last change.
    pub keys_stamp: Stamp,
    /// Who gave commands, as entries name them.
    pub actors: OrdSet<Arc<str>>,
    /// Answers by the digest of principal and idempotency key.
    pub remembered: OrdMap<Digest, Arc<RememberedAnswer>>,
    /// The same keys, oldest first.
    pub remembered_order: Vector<Digest>,
    /// How many resources there are.
    pub documents: u64,
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
            earlier: Earlier::default(),
        };
        Self {
            stamp: Stamp::default(),
            moment: Moment::EPOCH,
            id: Self::unnamed_id(),
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
            keys: OrdMap::new(),
            keys_stamp: Stamp::default(),
            actors: OrdSet::new(),
            remembered: OrdMap::new(),
            remembered_order: Vector::new(),
            documents: 0,
        }
    }

    /// The id of a registry whose genesis hasn't been folded yet.
    fn unnamed_id() -> Id {
        #[expect(clippy::unwrap_used, reason = "a literal that Id's own tests accept")]
        "_".parse().unwrap()
    }

    /// The position at which this value stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.stamp.position
    }

    /// The group that an xid names or lies in.
    #[must_use]
    pub fn group_at(&self, xid: &Xid) -> Option<&Arc<Group>> {
        let (groups, group) = xid.group_ids()?;
        exact(self.groups.get(groups)?, group)
    }

    /// The resource that an xid names or lies in.
    #[must_use]
    pub fn resource_at(&self, xid: &Xid) -> Option<&Arc<Resource>> {
        resource_in(self.group_at(xid)?, xid)
    }

    /// The version that an xid names; of a resource's xid the default version.
    #[must_use]
    pub fn version_at(&self, xid: &Xid) -> Option<&Arc<Version>> {
        let resource = self.resource_at(xid)?;
        match xid {
            Xid::Version { version, .. } => resource.versions.get(version),
            _ => resource.default_version(),
        }
    }

    /// Whether the entity is there.
    #[must_use]
    pub fn has(&self, xid: &Xid) -> bool {
        match xid {
            Xid::Registry => true,
            Xid::Group { .. } => self.group_at(xid).is_some(),
            Xid::Resource { .. } | Xid::Meta { .. } => self.resource_at(xid).is_some(),
            Xid::Version { .. } => self.version_at(xid).is_some(),
        }
    }

    /// The id, as it is written, that stands in the way of creating this entity: the same but
    /// for case.
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

    /// Whether a deletion hid this entity, itself or with what it lay in.
    #[must_use]
    pub fn hides(&self, xid: &Xid) -> bool {
        let hidden = |name: &Xid| self.hidden.get(name.to_string().as_str());
        hidden(xid).is_some()
            || std::iter::successors(xid.parent(), Xid::parent)
                .filter_map(|outer| hidden(&outer))
                .any(|newest| newest.chain().any(|deletion| deletion.what.holds(xid)))
    }

    /// Who refers to this entity or to anything in it, but for what lies in it itself.
    #[must_use]
    pub fn referrers_of(&self, xid: &Xid) -> BTreeSet<Xid> {
        let own = xid.to_string();
        let inside = format!("{own}/");
        let within = |referrer: &&Xid| {
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

    /// Every document that the model's types bind.
    pub(crate) fn model_targets(model: &Model) -> BTreeSet<Xid> {
        model
            .group_types()
            .flat_map(|group| group.resources.values())
            .flat_map(|resource| resource.aspect.schema.iter().chain(&resource.aspect.rules))
            .cloned()
            .collect()
    }
}
