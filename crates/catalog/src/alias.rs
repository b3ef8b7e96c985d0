//! Aliases: documents of the built-in type `aliases`, each of which is a name for another document.

use std::{collections::BTreeMap, ops::Deref};

use muster_words::Xid;

use crate::{Catalog, View};

/// The type of the groups of aliases.
pub const ALIASES: &str = "aliases";

/// Types of groups whose documents are sent to others only by routes that name them: what tells the
/// server where to send, and what waits for a decision here, is of no use elsewhere.
pub const UNSENT_TYPES: [&str; 3] = ["conflicts", "routes", "targets"];

/// Whether a document is an alias, if it is there.
#[must_use]
pub fn is_alias(resource: &Xid) -> bool {
    let is_among = resource.group_ids().is_some_and(|(groups, _)| groups.as_str() == ALIASES);
    is_among && matches!(resource, Xid::Resource { .. })
}

impl<C: Deref<Target = Catalog>> View<C> {
    /// The document, or the version of one, that an alias stands for; none if it is no alias. It may
    /// be gone, if somebody deleted it in spite of the alias.
    #[must_use]
    pub fn alias_target(&self, resource: &Xid) -> Option<&Xid> {
        if !is_alias(resource) {
            return None;
        }
        self.version_at(resource)?.facts.references.first()
    }

    /// The documents whose default versions refer to a document, or the aliases alone, in the newest
    /// catalog; each with its number, which it keeps for ever.
    #[must_use]
    pub fn referring_documents(&self, target: &Xid, only_aliases: bool) -> BTreeMap<Xid, u32> {
        let is_wanted = |referrer: &Xid| match only_aliases {
            true => is_alias(referrer),
            false => matches!(referrer, Xid::Resource { .. }),
        };
        let documents = self.catalog().referrers_among(target, &is_wanted).into_iter();
        let numbered = documents.filter_map(|xid| {
            let number = self.catalog().resource_at(&xid)?.number;
            Some((xid, number))
        });
        numbered.collect()
    }
}
