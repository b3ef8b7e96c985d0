use std::{collections::HashMap, sync::Arc};

use muster_catalog::{Catalog, Content};
use muster_words::Id;
use parking_lot::RwLock;

use crate::{KeyRecord, keys_in_force};

/// The records of keys in memory, so that a request waits for no content to be read.
///
/// It decides nothing: a record counts only where the view names it, so a key stops at the very
/// position at which it is revoked, and a record that was kept too early or too long means
/// nothing.
#[derive(Debug, Default)]
pub struct Keyring {
    known: RwLock<HashMap<Id, Arc<Known>>>,
}

/// A key whose record is in memory.
#[derive(Debug)]
pub(crate) struct Known {
    content: Content,
    pub record: KeyRecord,
    /// The key's id, as entries name who holds it.
    pub actor: Arc<str>,
}

impl Keyring {
    /// Keeps the record that lies in a content.
    pub fn keep(&self, id: &Id, content: Content, record: KeyRecord) {
        let known = Known { content, record, actor: id.as_str().into() };
        self.known.write().insert(id.clone(), Arc::new(known));
    }

    /// The keys in force whose records aren't here, with the contents that hold them.
    #[must_use]
    pub fn missing(&self, view: &Catalog) -> Vec<(Id, Content)> {
        let known = self.known.read();
        keys_in_force(view)
            .filter(|(id, key)| known.get(*id).is_none_or(|known| known.content != key.record))
            .map(|(id, key)| (id.clone(), key.record))
            .collect()
    }

    /// The record of a key in force.
    #[must_use]
    pub fn record(&self, view: &Catalog, id: &Id) -> Option<KeyRecord> {
        self.find(view, id).map(|known| known.record.clone())
    }

    /// Forgets the records of keys that are no longer in force.
    pub fn forget_revoked(&self, view: &Catalog) {
        let in_force = |id: &Id| view.keys.get(id).is_some_and(|key| key.revoked.is_none());
        self.known.write().retain(|id, _| in_force(id));
    }

    pub(crate) fn find(&self, view: &Catalog, id: &Id) -> Option<Arc<Known>> {
        let key = view.keys.get(id).filter(|key| key.revoked.is_none())?;
        let known = self.known.read().get(id).cloned()?;
        (known.content == key.record).then_some(known)
    }
}
