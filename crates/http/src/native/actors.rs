//! What people call those whom entries name by an opaque id.

use std::collections::BTreeMap;

use muster_catalog::Catalog;
use muster_guard::KeyRecord;
use muster_registry::Registry;
use muster_words::Id;

/// The names of keys, as far as somebody asked for them. A name lies in the key's record, which may
/// be erased: then only the id is left.
#[derive(Debug, Default)]
pub(super) struct ActorNames(BTreeMap<String, Option<String>>);

impl ActorNames {
    /// What an actor's key is or was called; none: it has no name, or it was erased.
    pub async fn of(&mut self, registry: &Registry, view: &Catalog, actor: &str) -> Option<String> {
        if let Some(known) = self.0.get(actor) {
            return known.clone();
        }
        let name = read(registry, view, actor).await;
        self.0.insert(actor.to_owned(), name.clone());
        name
    }
}

async fn read(registry: &Registry, view: &Catalog, actor: &str) -> Option<String> {
    let key = view.keys.get(&actor.parse::<Id>().ok()?).filter(|key| !key.is_forgotten)?;
    // A record that can't be read leaves the id, which is what the entry says.
    let bytes = registry.record(&key.record).await.ok()??;
    KeyRecord::from_bytes(&bytes).ok()?.name
}
