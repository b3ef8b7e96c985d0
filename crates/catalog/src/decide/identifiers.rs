use std::collections::BTreeSet;

use muster_words::Xid;

use super::{NoDecision, draft::Draft};
use crate::{
    Reason, Refusal, XidList,
    judge::{Resolver, holds_schemas, is_among_schemas},
};

impl Draft<'_> {
    /// Refuses to take away a `$id` that other schemas of the group refer to, and to give it to a
    /// second schema.
    pub(super) fn check_identifiers(&self, force: bool) -> Result<(), NoDecision> {
        for (xid, id) in self.moved_ids() {
            let Some(group) = xid.group().filter(|group| !self.is_removed(group)) else { continue };
            let mut users = self.catalog.users_of(&group, &id);
            users.retain(|user| !self.is_removed(user) && *user != xid);
            users.retain(|user| !force || !self.authority.may_break(self.catalog, user));
            if users.is_empty() {
                continue;
            }
            let before = self.catalog.identified(&group, &id);
            let after = self.identified(&group, &id);
            let (id, by) = (id.to_string(), XidList::of(&users));
            if after.is_empty() && !before.is_empty() {
                return Err(Refusal::new(&xid, Reason::IdInUse { id, by }).into());
            }
            if after.len() > 1 && before.len() < 2 {
                let others: BTreeSet<Xid> =
                    after.into_iter().filter(|other| *other != xid).collect();
                let others = XidList::of(&others);
                return Err(Refusal::new(&xid, Reason::IdAmbiguous { id, others, by }).into());
            }
        }
        Ok(())
    }

    /// The `$id`s that schemas get or lose by the command, with those schemas.
    fn moved_ids(&self) -> Vec<(Xid, std::sync::Arc<str>)> {
        let mut moved = Vec::new();
        let old = |xid: &Xid| self.catalog.resource_at(xid)?.addresses.as_ref()?.id.clone();
        for (xid, edit) in self.resources.iter().filter(|(_, edit)| holds_schemas(&edit.kind)) {
            let (old, new) = (old(xid), edit.id_of_default());
            if old != new {
                moved.extend(old.into_iter().chain(new).map(|id| (xid.clone(), id)));
            }
        }
        let gone = self.hidden.iter().filter(|xid| is_among_schemas(xid));
        moved.extend(gone.filter_map(|xid| Some((xid.clone(), old(xid)?))));
        moved
    }
}
