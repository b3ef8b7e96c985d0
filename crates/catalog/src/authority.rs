use std::{collections::BTreeSet, sync::Arc};

use muster_words::{Id, Xid, XidPatterns};

use crate::{
    Catalog, Lifecycle, Reason, Refusal,
    command::{Delete, Target},
    decide::PreparedAction,
    state::{Resource, Subtree},
    tree::{GroupNode, Subject, WriteTree},
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
            | PreparedAction::Refused(_) => Ok(()),
        }
    }

    fn check_write(&self, catalog: &Catalog, tree: &WriteTree) -> Result<(), Refusal> {
        tree.groups.iter().try_for_each(|node| self.check_group(catalog, node))?;
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
            Subject::Members | Subject::Model | Subject::Capabilities => {
                Err(Refusal::new("/", Reason::NotInReview))
            }
        }
    }

    /// A group that is only a parent counts as written if it doesn't exist.
    fn check_group(&self, catalog: &Catalog, node: &GroupNode) -> Result<(), Refusal> {
        node.resources.iter().try_for_each(|resource| self.check_place(&resource.xid))?;
        if node.attributes.is_some() || !catalog.has(&node.xid) {
            self.check_place(&node.xid)?;
        }
        Ok(())
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
            None => there.try_for_each(|id| each(&name(id))),
            // A text that isn't an id names nothing; the lookup reports it.
            Some(chosen) => {
                chosen.keys().filter_map(|key| key.parse().ok()).try_for_each(|id| each(&name(id)))
            }
        }
    }

    fn check_place(&self, xid: &Xid) -> Result<(), Refusal> {
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
