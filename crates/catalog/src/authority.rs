use std::{collections::BTreeSet, sync::Arc};

use muster_schema::Outline;
use muster_words::{Coverage, Id, Xid, XidPatterns, json::Value, yaml};

use crate::{
    Catalog, Lifecycle, Reason, Refusal,
    alias::is_alias,
    command::{Delete, Target},
    decide::PreparedAction,
    judge::{is_among_schemas, is_bound, referenced_schemas},
    state::{Bindings, Resource, Subtree},
    tree::{DocumentPart, GroupNode, Subject, VersionNode, WriteTree},
};

/// The limits of a command's author that depend on the names in the command and on the present
/// state. They travel with the command and are checked when it is decided, because the state may
/// have changed since its arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    /// The places at which the author may act; none means everywhere.
    pub within: Option<Arc<XidPatterns>>,
    /// The author may delete and restore only what one of these actors made; none means everything.
    pub own: Option<Arc<BTreeSet<Arc<str>>>>,
    /// Whether the author may write only versions in review.
    pub only_in_review: bool,
}

impl Authority {
    /// Whether there are no limits.
    fn is_whole(&self) -> bool {
        self.within.is_none() && self.own.is_none() && !self.only_in_review
    }

    /// Checks a command against the limits.
    ///
    /// # Errors
    /// `OutOfScope`, `NotOwn` or `NotInReview`. A name outside the scope is refused whether it
    /// exists or not.
    pub fn check(&self, catalog: &Catalog, work: &PreparedAction) -> Result<(), Refusal> {
        if self.is_whole() {
            return Ok(());
        }
        match work {
            PreparedAction::Write(work) => self.check_write(catalog, &work.tree),
            PreparedAction::Delete(work) => self.check_delete(catalog, work),
            PreparedAction::Restore(work) => {
                self.check_place(&work.xid)?;
                self.check_maker(catalog, &work.xid, Which::Hidden)
            }
            PreparedAction::CreateKey { .. }
            | PreparedAction::RevokeKey { .. }
            | PreparedAction::ForgetKey { .. }
            | PreparedAction::RegisterSchemas(_)
            | PreparedAction::Refused(_) => Ok(()),
        }
    }

    /// Whether the author may break the references of this entity: they could delete it as well.
    pub(crate) fn may_break(&self, catalog: &Catalog, referrer: &Xid) -> bool {
        self.check_place(referrer).is_ok()
            && self.check_maker(catalog, referrer, Which::There).is_ok()
    }

    fn check_write(&self, catalog: &Catalog, tree: &WriteTree) -> Result<(), Refusal> {
        tree.groups.iter().try_for_each(|node| self.check_group(catalog, node))?;
        for xid in &tree.removed {
            self.check_place(xid)?;
            self.check_maker(catalog, xid, Which::There)?;
        }
        if !self.only_in_review {
            return Ok(());
        }
        match &tree.subject {
            Subject::Entity(xid) | Subject::VersionOf(xid) => {
                // A write would create what isn't there.
                let version = catalog.version_at(xid);
                match version.is_some_and(|version| version.state == Lifecycle::Review) {
                    true => Ok(()),
                    false => Err(Refusal::new(xid, Reason::NotInReview)),
                }
            }
            Subject::Members | Subject::Model | Subject::Capabilities | Subject::Plan => {
                Err(Refusal::new("/", Reason::NotInReview))
            }
        }
    }

    /// A group that is only a parent counts as written if it doesn't exist.
    fn check_group(&self, catalog: &Catalog, node: &GroupNode) -> Result<(), Refusal> {
        for resource in &node.resources {
            self.check_place(&resource.xid)?;
            let mut versions = resource.default.iter().chain(resource.versions.iter().flatten());
            versions.try_for_each(|version| {
                self.check_aliased(&resource.xid, version)?;
                self.check_referenced(catalog, &resource.xid, version)?;
                self.check_followed(catalog, &resource.xid, version)
            })?;
        }
        if node.attributes.is_some() || !catalog.has(&node.xid) {
            self.check_place(&node.xid)?;
        }
        self.check_bound(catalog, node)
    }

    /// An alias may stand only for a document within the scope: what is told of an alias shows it.
    fn check_aliased(&self, xid: &Xid, version: &VersionNode) -> Result<(), Refusal> {
        let DocumentPart::Bytes(document) = &version.document else { return Ok(()) };
        if self.within.is_none() || !is_alias(xid) {
            return Ok(());
        }
        // What can't be read is refused by the schema.
        let target = yaml::parse(&document.bytes).ok().and_then(|value| {
            let target = value.get("target").and_then(Value::as_str)?;
            target.parse::<Xid>().ok()
        });
        target.map_or(Ok(()), |target| self.check_place(&target))
    }

    /// A schema may name only versions within the scope in its attribute `references`, for the same
    /// reason.
    fn check_referenced(
        &self,
        catalog: &Catalog,
        xid: &Xid,
        version: &VersionNode,
    ) -> Result<(), Refusal> {
        if self.within.is_none() || !is_among_schemas(xid) {
            return Ok(());
        }
        referenced_schemas(xid, version.attributes.get("references")).try_for_each(|named| {
            let meant = named.iter().find(|name| catalog.has(name)).or_else(|| named.first());
            meant.map_or(Ok(()), |name| self.check_place(name))
        })
    }

    /// A schema may follow only references within the scope, because the violations of documents
    /// show parts of it.
    fn check_followed(
        &self,
        catalog: &Catalog,
        xid: &Xid,
        version: &VersionNode,
    ) -> Result<(), Refusal> {
        let DocumentPart::Bytes(document) = &version.document else { return Ok(()) };
        if self.within.is_none() || !(is_among_schemas(xid) || is_bound(catalog, xid)) {
            return Ok(());
        }
        let outline = document.outline(xid);
        outline.named.keys().try_for_each(|followed| self.check_place(followed))?;
        // A relative reference may lead out of the group.
        for followed in outline.addressed.keys().filter_map(|address| Outline::xid_of(address)) {
            self.check_place(&followed)?;
        }
        // An address may mean any schema of the group, now or later.
        let (Some(group), false) = (xid.group(), outline.addressed.is_empty()) else {
            return Ok(());
        };
        let all = format!("{group}/schemas");
        let covers = |within: &Arc<XidPatterns>| within.coverage(&all) == Coverage::Within;
        match self.within.as_ref().is_none_or(covers) {
            true => Ok(()),
            false => Err(Refusal::new(xid, Reason::OutOfScope)),
        }
    }

    /// A group may be bound only to schemas and rules within the scope, for the same reason.
    /// Bindings that it already has may be sent again.
    fn check_bound(&self, catalog: &Catalog, node: &GroupNode) -> Result<(), Refusal> {
        let (Some(_), Some(sent)) = (&self.within, &node.attributes) else { return Ok(()) };
        // Bindings that can't be read are refused by the write itself.
        let Ok(bindings) = Bindings::read(&node.xid, &node.kind, sent) else { return Ok(()) };
        let old = catalog.group_at(&node.xid).map(|group| group.own.bindings.clone());
        let is_new = |target: &&Xid| !old.iter().any(|old| old.targets().any(|own| own == *target));
        // Another document bound as a schema was written without a look at its references.
        if let Some(schema) = bindings.schema.as_ref().filter(is_new)
            && !is_among_schemas(schema)
        {
            return Err(Refusal::new(schema, Reason::OutOfScope));
        }
        bindings.targets().filter(is_new).try_for_each(|target| self.check_place(target))
    }

    fn check_delete(&self, catalog: &Catalog, delete: &Delete) -> Result<(), Refusal> {
        let each = |xid: &Xid| {
            self.check_place(xid)?;
            self.check_maker(catalog, xid, Which::There)
        };
        match &delete.target {
            Target::Entity(xid) => each(xid),
            Target::Versions(resource) => each(resource),
            Target::Groups(groups) => {
                let name = |group| Xid::Group { groups: groups.clone(), group };
                let there = catalog.groups.get(groups).into_iter().flat_map(|all| all.values());
                self.check_members(delete, there.map(|group| group.id.clone()), name, &each)
            }
            Target::Resources { group: xid, resources } => {
                let Xid::Group { groups, group } = xid else { return self.check_place(xid) };
                let name = |resource| Xid::Resource {
                    groups: groups.clone(),
                    group: group.clone(),
                    resources: resources.clone(),
                    resource,
                };
                let all = catalog.group_at(xid).and_then(|all| all.resources.get(resources));
                let there = all.into_iter().flat_map(|all| all.values());
                self.check_members(delete, there.map(|resource| resource.id.clone()), name, &each)
            }
            Target::Model | Target::Capabilities => Ok(()),
        }
    }

    /// For a collection, the chosen members, or all existing ones.
    fn check_members(
        &self,
        delete: &Delete,
        mut there: impl Iterator<Item = Id>,
        name: impl Fn(Id) -> Xid,
        each: &dyn Fn(&Xid) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        match &delete.chosen {
            // Of a collection that isn't within the scope as a whole, it isn't shown whether it has members outside.
            None if !self.reaches_all(&delete.target) => {
                Err(Refusal::new(&delete.target, Reason::OutOfScope))
            }
            None => there.try_for_each(|id| each(&name(id))),
            // A text that isn't an id names nothing; the lookup reports it.
            Some(chosen) => {
                chosen.keys().filter_map(|key| key.parse().ok()).try_for_each(|id| each(&name(id)))
            }
        }
    }

    fn reaches_all(&self, collection: &Target) -> bool {
        let covers = |within: &Arc<XidPatterns>| {
            within.coverage(&collection.to_string()) == Coverage::Within
        };
        self.within.as_ref().is_none_or(covers)
    }

    pub(crate) fn check_place(&self, xid: &Xid) -> Result<(), Refusal> {
        match &self.within {
            Some(within) if !within.holds(xid) => Err(Refusal::new(xid, Reason::OutOfScope)),
            _ => Ok(()),
        }
    }

    /// A group has no single maker, because its resources may have different ones.
    fn check_maker(&self, catalog: &Catalog, xid: &Xid, which: Which) -> Result<(), Refusal> {
        let Some(own) = &self.own else { return Ok(()) };
        let is_own = match xid {
            Xid::Registry | Xid::Group { .. } => false,
            _ => which.resource(catalog, xid).is_none_or(|found| own.contains(&found.maker)),
        };
        if is_own { Ok(()) } else { Err(Refusal::new(xid, Reason::NotOwn)) }
    }
}

/// Which of the entities with a name.
#[derive(Clone, Copy)]
enum Which {
    /// The existing one.
    There,
    /// The one that the last deletion hid.
    Hidden,
}

impl Which {
    /// The resource that an xid names or is in; none if it doesn't exist.
    fn resource<'a>(self, catalog: &'a Catalog, xid: &Xid) -> Option<&'a Arc<Resource>> {
        if let (Self::Hidden, Xid::Resource { .. }) = (self, xid) {
            return match &catalog.hidden.get(xid.to_string().as_str())?.what {
                Subtree::Resource(resource) => Some(resource),
                Subtree::Group(_) | Subtree::Version(_) => None,
            };
        }
        catalog.resource_at(xid)
    }
}
