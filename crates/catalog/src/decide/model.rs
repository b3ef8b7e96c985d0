use std::sync::Arc;

use muster_words::{Id, Xid};

use super::{NoDecision, draft::Draft};
use crate::{ModelRefusal, Reason, Refusal, VersionRefusal, XidList, state::Resource};
use muster_model::ResourceType;

/// A resource whose rules change with a new model, and its new type.
type AffectedResource = (Xid, Arc<ResourceType>);

impl Draft<'_> {
    /// Applies the rules of a new model to existing versions: ancestors, default version, and
    /// number of versions. Resources that the command itself writes already follow them.
    pub(super) fn apply_new_model(&mut self) -> Result<(), NoDecision> {
        let affected = self.affected_resources();
        let pinned = affected.iter().filter(|(xid, kind)| {
            let resource = self.catalog.resource_at(xid);
            kind.maxversions == 1 && resource.is_some_and(|resource| resource.meta.sticky)
        });
        let pinned: Vec<Xid> = pinned.map(|(xid, _)| xid.clone()).collect();
        if let Some(first) = pinned.first() {
            let meta = first.meta();
            let subject = meta.as_ref().unwrap_or(first);
            let pinned = XidList::of(&pinned);
            return Err(Refusal::new(subject, VersionRefusal::NothingToPin { pinned }).into());
        }
        let mut forked = Vec::new();
        for (xid, kind) in affected {
            match self.apply_new_rules(&xid, &kind) {
                Err(NoDecision::Refused(refusal))
                    if matches!(
                        *refusal.reason,
                        Reason::Version(VersionRefusal::MultipleRoots { .. })
                    ) =>
                {
                    forked.push(xid);
                }
                other => other?,
            }
        }
        if forked.is_empty() {
            return Ok(());
        }
        Err(Refusal::model(ModelRefusal::SeveralRoots(XidList::of(&forked))).into())
    }

    fn affected_resources(&self) -> Vec<AffectedResource> {
        let mut affected = Vec::new();
        for (groups, collection) in &self.catalog.groups {
            for group in collection.values() {
                for (resources, all) in &group.resources {
                    let name = (groups.as_str(), resources.as_str());
                    let kind = self.model.resource_type(name.0, name.1);
                    let before = self.catalog.model.resource_type(name.0, name.1);
                    let Some(kind) = kind else { continue };
                    let is_other = before.is_none_or(|before| {
                        before.versionmode != kind.versionmode
                            || (kind.singleversionroot && !before.singleversionroot)
                    });
                    let asks = |resource: &&Arc<Resource>| is_other || is_over(kind, resource);
                    for resource in all.values().filter(asks) {
                        let xid = resource_name(groups, &group.id, resources, &resource.id);
                        if !self.resources.contains_key(&xid) && !self.is_removed(&xid) {
                            affected.push((xid, kind.clone()));
                        }
                    }
                }
            }
        }
        affected
    }

    fn apply_new_rules(&mut self, xid: &Xid, kind: &Arc<ResourceType>) -> Result<(), NoDecision> {
        let Some(mut edit) = self.existing(xid, kind) else { return Ok(()) };
        let before = edit.default.clone();
        edit.resolve_ancestors(self.now)?;
        self.update_default(&mut edit)?;
        edit.prune(self.now)?;
        edit.touched |= edit.default != before || edit.moves_versions();
        if edit.touched || !edit.versions.is_empty() {
            self.resources.insert(xid.clone(), edit);
        }
        Ok(())
    }
}

/// Whether a resource has more versions or roots than its type allows.
fn is_over(kind: &ResourceType, resource: &Resource) -> bool {
    let max = kind.maxversions;
    max > 0 && (resource.versions.len() as u64 > max || (max == 1 && resource.meta.sticky))
}

fn resource_name(groups: &Id, group: &Id, resources: &Id, resource: &Id) -> Xid {
    Xid::Resource {
        groups: groups.clone(),
        group: group.clone(),
        resources: resources.clone(),
        resource: resource.clone(),
    }
}
