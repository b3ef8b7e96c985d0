//! Aliases: documents of the built-in type `aliases`, each of which is a name for another document.

use std::{collections::BTreeMap, ops::Deref};

use muster_words::Xid;

use crate::{Catalog, View};

/// The type of the groups of aliases.
pub(crate) const ALIASES: &str = "aliases";

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

    /// The documents whose default versions refer to a document, aliases among them, in the newest
    /// catalog; each with its number, which it keeps for ever.
    #[must_use]
    pub fn referring_documents(&self, target: &Xid) -> BTreeMap<Xid, u32> {
        let referrers = self.referrers_of(target).into_iter();
        let documents = referrers.filter(|referrer| matches!(referrer, Xid::Resource { .. }));
        let numbered = documents.filter_map(|xid| {
            let number = self.catalog().resource_at(&xid)?.number;
            Some((xid, number))
        });
        numbered.collect()
    }
}
