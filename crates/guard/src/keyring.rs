use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use muster_catalog::{Catalog, Content};
use muster_words::Id;
use parking_lot::RwLock;

use crate::{ApiKey, KeyRecord, Principal, Role};

/// The records of keys in memory, so that a request needn't read contents.
///
/// The keyring decides nothing: a record counts only if the view names it. So a key is invalid from
/// the position at which it is revoked, even if its record is still in memory.
#[derive(Debug, Default)]
pub struct Keyring {
    known: RwLock<HashMap<Id, Arc<CachedKey>>>,
}

/// A key with its record in memory.
#[derive(Debug)]
struct CachedKey {
    content: Content,
    record: KeyRecord,
    /// The key's id, as entries name who holds it.
    actor: Arc<str>,
}

impl Keyring {
    /// Keeps the record in a content.
    pub fn keep(&self, id: &Id, content: Content, record: KeyRecord) {
        let known = CachedKey { content, record, actor: id.as_str().into() };
        self.known.write().insert(id.clone(), Arc::new(known));
    }

    /// The keys whose records aren't in memory, with the contents that hold the records. Revoked
    /// keys are included, because what was made under their names still belongs to them.
    #[must_use]
    pub fn missing(&self, view: &Catalog) -> Vec<(Id, Content)> {
        let known = self.known.read();
        view.keys
            .iter()
            .filter(|(_, key)| !key.is_forgotten)
            .filter(|(id, key)| known.get(*id).is_none_or(|known| known.content != key.record))
            .map(|(id, key)| (id.clone(), key.record))
            .collect()
    }

    /// The record of a key, revoked or not.
    #[must_use]
    pub fn record(&self, view: &Catalog, id: &Id) -> Option<KeyRecord> {
        self.look_up(view, id).map(|known| known.record.clone())
    }

    /// Drops the records that were erased.
    pub fn drop_forgotten(&self, view: &Catalog) {
        let is_kept = |id: &Id| view.keys.get(id).is_some_and(|key| !key.is_forgotten);
        self.known.write().retain(|id, _| is_kept(id));
    }

    /// The principal of a key that isn't revoked, if it is this one.
    pub(crate) fn holder(&self, view: &Catalog, key: &ApiKey) -> Option<Principal> {
        view.keys.get(key.id()).filter(|key| key.revoked.is_none())?;
        let known = self.look_up(view, key.id()).filter(|known| key.is_of(&known.record))?;
        let record = &known.record;
        let mut principal = Principal::new(&known.actor, record.role);
        principal.scope.clone_from(&record.scope);
        principal.expires = record.expires;
        if let (Role::Publisher, Some(name)) = (record.role, &record.name) {
            principal.same_name = Arc::new(self.of_name(name));
        }
        Some(principal)
    }

    /// The ids of all keys with this name, past and present.
    fn of_name(&self, name: &str) -> BTreeSet<Arc<str>> {
        let known = self.known.read();
        let of_name = known.values().filter(|known| known.record.name.as_deref() == Some(name));
        of_name.map(|known| known.actor.clone()).collect()
    }

    fn look_up(&self, view: &Catalog, id: &Id) -> Option<Arc<CachedKey>> {
        let key = view.keys.get(id).filter(|key| !key.is_forgotten)?;
        let known = self.known.read().get(id).cloned()?;
        (known.content == key.record).then_some(known)
    }
}
