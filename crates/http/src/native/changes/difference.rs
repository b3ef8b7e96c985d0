use std::collections::{BTreeMap, BTreeSet};

use muster_catalog::{Catalog, changes::Change};
use muster_registry::Committed;
use muster_wire::changes::Action;
use muster_words::{Id, Position, Xid};

use super::events::{About, Happened};

/// What only a look at earlier states tells of a command.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// The attributes that changed, of things that were updated.
    pub changed: BTreeMap<About, BTreeSet<String>>,
    /// Further events, in the order in which they are sent.
    pub late: Vec<(About, Happened)>,
}

/// A document's default version was updated: the document shows it, so it was updated as well.
pub(super) fn defaults(view: &Catalog, command: &Committed) -> Differences {
    let mut differences = Differences::default();
    let mut told = BTreeSet::new();
    for (_, change) in &command.changes {
        let Change::VersionWritten(body) = change else { continue };
        let (Some(resource), Some(version)) = (body.version.resource(), body.version.id()) else {
            continue;
        };
        // A document of one version shows that one; where its past is gone, that is likeliest.
        let default = default_at(view, &resource, command.position());
        if default.is_none_or(|default| default == *version) && told.insert(resource.clone()) {
            let happened = Happened { action: Action::Updated, changed: None };
            differences.late.push((About::of(&resource), happened));
        }
    }
    differences
}

/// A document's default version as of a position, as far as a view knows.
fn default_at(view: &Catalog, xid: &Xid, at: Position) -> Option<Id> {
    let live = view.resource_at(xid).map(|resource| &resource.meta);
    let mut states = std::iter::successors(live, |meta| meta.previous.as_ref());
    states.find(|meta| meta.stamp.position <= at).map(|meta| meta.default.clone())
}
