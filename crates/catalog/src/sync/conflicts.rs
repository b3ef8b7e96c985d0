use std::{collections::BTreeSet, sync::Arc};

use muster_words::{Digest, Id, Xid};

use crate::{Catalog, state::Subtree};

/// The type of the groups of conflicts; the groups have the ids of the other registries.
pub const CONFLICTS: &str = "conflicts";

/// The name of the conflict about a document with another registry. There is one at most.
#[must_use]
pub fn conflict_name(document: &Xid, peer: &Id) -> Option<Xid> {
    let digest = Digest::of(document.to_string().as_bytes()).to_string();
    let hex: String = digest.rsplit(':').next().unwrap_or_default().chars().take(16).collect();
    format!("/{CONFLICTS}/{peer}/entries/{hex}").parse().ok()
}

impl Catalog {
    /// The conflicts, open and deleted ones, about a document or about those in a group. They hold
    /// copies of what the document says.
    pub(crate) fn conflicts_about(&self, xid: &Xid) -> BTreeSet<Xid> {
        let peers = self.conflict_peers();
        if peers.is_empty() {
            return BTreeSet::new();
        }
        let documents = match xid.resource() {
            Some(document) => BTreeSet::from([document]),
            None => self.documents_ever_in(xid),
        };
        let names = documents
            .iter()
            .flat_map(|document| peers.iter().filter_map(|peer| conflict_name(document, peer)));
        names.filter(|name| self.has(name) || self.hides(name)).collect()
    }

    /// The registries with which there are or were conflicts.
    fn conflict_peers(&self) -> BTreeSet<Id> {
        let groups = self.groups.iter().filter(|(groups, _)| groups.as_str() == CONFLICTS);
        let there = groups.flat_map(|(_, all)| all.values().map(|group| group.id.clone()));
        let gone = self.hidden_below(format!("/{CONFLICTS}/"));
        there.chain(gone.filter_map(|xid| Some(xid.group_ids()?.1.clone()))).collect()
    }

    /// The documents of a group, deleted ones and those of deleted groups of this name included.
    fn documents_ever_in(&self, group: &Xid) -> BTreeSet<Xid> {
        let Xid::Group { groups, group: id } = group else { return BTreeSet::new() };
        let name = |resources: &Id, resource: &Id| Xid::Resource {
            groups: groups.clone(),
            group: id.clone(),
            resources: resources.clone(),
            resource: resource.clone(),
        };
        let hidden = self.hidden.get(group.to_string().as_str());
        let gone = hidden.into_iter().flat_map(|hidden| hidden.chain());
        let gone = gone.filter_map(|hidden| match &hidden.what {
            Subtree::Group(group) => Some(group),
            Subtree::Resource(_) | Subtree::Version(_) => None,
        });
        let all = self.group_at(group).into_iter().chain(gone).flat_map(|group| {
            let all = group.resources.iter();
            all.flat_map(|(plural, all)| all.values().map(move |one| name(plural, &one.id)))
        });
        let alone = self.hidden_below(format!("{group}/"));
        all.chain(alone.filter_map(|xid| xid.resource())).collect()
    }

    fn hidden_below(&self, start: String) -> impl Iterator<Item = Xid> {
        let below = self.hidden.range::<_, Arc<str>>(Arc::from(start.as_str())..);
        let below = below.take_while(move |(name, _)| name.starts_with(&start));
        below.filter_map(|(name, _)| name.parse().ok())
    }
}
