use muster_words::Xid;

use crate::{
    Catalog, Refusal,
    command::{Condition, EntityView, Expected},
    state::Stamp,
};

/// The stamp of a document's ETag: the last change of the version that answers, or of the pointer
/// that chose it.
#[must_use]
pub fn document_stamp(catalog: &Catalog, xid: &Xid) -> Option<Stamp> {
    let version = catalog.version_at(xid)?;
    match xid {
        Xid::Version { .. } => Some(version.stamp),
        _ => Some(version.stamp.max(catalog.resource_at(xid)?.pointer)),
    }
}

/// The stamp of an entity's ETag in its details: the last change anywhere in the resource; of a
/// group or the registry, of their attributes or members; and of the model or the capabilities.
#[must_use]
pub fn details_stamp(catalog: &Catalog, xid: &Xid) -> Option<Stamp> {
    let own = match xid {
        Xid::Registry => catalog.registry.own.max(catalog.registry.members),
        Xid::Group { .. } => {
            let group = catalog.group_at(xid)?;
            group.own.stamp.max(group.members)
        }
        Xid::Resource { .. } | Xid::Meta { .. } => catalog.resource_at(xid)?.any,
        Xid::Version { version, .. } => {
            let resource = catalog.resource_at(xid)?;
            resource.versions.get(version)?;
            resource.any
        }
    };
    Some(own.max(catalog.model_stamp).max(catalog.capabilities_stamp))
}

/// Checks what must hold of the target.
pub(super) fn check(catalog: &Catalog, xid: &Xid, conditions: &[Condition]) -> Result<(), Refusal> {
    let matches = |expected: &Expected| {
        let stamp = match expected.view {
            EntityView::Document => document_stamp(catalog, xid),
            EntityView::Details => details_stamp(catalog, xid),
        };
        stamp == Some(Stamp { position: expected.position, tag: expected.tag })
    };
    for condition in conditions {
        let holds = match condition {
            Condition::Exists => catalog.has(xid),
            Condition::Absent => !catalog.has(xid),
            Condition::Matches(any) => any.iter().any(matches),
            Condition::Differs(any) => !any.iter().any(matches),
        };
        if !holds {
            let header = match condition {
                Condition::Exists | Condition::Matches(_) => "If-Match",
                Condition::Absent | Condition::Differs(_) => "If-None-Match",
            };
            return Err(Refusal::new("precondition_failed", xid).arg("header", header));
        }
    }
    Ok(())
}
