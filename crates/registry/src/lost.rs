//! Contents that aren't there any more: purged, or lost by the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
};

use muster_catalog::Catalog;
use muster_words::{ContentRef, Digest, Position};

use crate::{
    FetchError, Registry,
    registry::{READ_TIME, RegistryInner},
    verify::{NamedContent, name_of_key, stored_beside},
};

impl Registry {
    /// The position of the first content that was found missing although nobody purged it; none if
    /// there is none.
    #[must_use]
    pub fn first_lost(&self) -> Option<Position> {
        self.inner.lost.get().copied()
    }
}

impl RegistryInner {
    /// Checks that purges explain why the ledger has no bytes of these contents any more.
    ///
    /// # Errors
    /// `Missing` if one isn't explained: the store has lost it.
    pub(crate) async fn check_purged(&self, missing: &[ContentRef]) -> Result<(), FetchError> {
        let unexplained = self.unexplained(missing).await?;
        if unexplained.is_empty() {
            return Ok(());
        }
        // The bytes go when a purge is appended, and it is published a moment later.
        let head = self.ledger.head().await?.position;
        let mut positions = self.position.subscribe();
        let published = async { positions.wait_for(|position| *position >= head).await.is_ok() };
        if !tokio::time::timeout(READ_TIME, published).await.unwrap_or(false) {
            return Err(FetchError::Unavailable);
        }
        let Some(content) = self.unexplained(&unexplained).await?.pop() else { return Ok(()) };
        let ContentRef { position, digest } = content;
        tracing::error!(%position, %digest, "a content is missing, although nobody purged it");
        // The first one is enough to tell that the store lost something.
        let _ = self.lost.set(position);
        Err(FetchError::Missing(position))
    }

    /// Those of the contents that no purge explains. Each entry is read once.
    async fn unexplained(&self, missing: &[ContentRef]) -> Result<Vec<ContentRef>, FetchError> {
        let mut by_entry: BTreeMap<Position, BTreeSet<Digest>> = BTreeMap::new();
        for content in missing {
            by_entry.entry(content.position).or_default().insert(content.digest);
        }
        let mut unexplained = Vec::new();
        for (position, mut digests) in by_entry {
            let damaged = || FetchError::Corrupt(position);
            let before = Position(position.0.checked_sub(1).ok_or_else(damaged)?);
            let read = self.ledger.read(before, NonZeroU32::MIN).await?;
            let entry = read.first().and_then(|bytes| bytes.decode().ok()).ok_or_else(damaged)?;
            let catalog = self.catalog();
            for owned in stored_beside(&entry) {
                if digests.contains(&owned.content.digest) && is_erased(&catalog, &owned) {
                    digests.remove(&owned.content.digest);
                }
            }
            unexplained.extend(digests.into_iter().map(|digest| ContentRef { position, digest }));
        }
        Ok(unexplained)
    }
}

/// Whether the entity that a content belongs to, or one around it, was purged after the content was
/// written; of a key, whether it was forgotten.
fn is_erased(catalog: &Catalog, owned: &NamedContent) -> bool {
    let name = owned.name();
    let ends = name.match_indices('/').map(|(end, _)| end).skip(1).chain([name.len()]);
    let purged = |name: &str| {
        let purge = catalog.purged.get(name);
        purge.is_some_and(|purge| purge.position >= owned.content.position)
    };
    let is_forgotten = |key| name == name_of_key(key);
    let is_of_key = name.starts_with("/keys/");
    ends.into_iter().any(|end| purged(&name[..end]))
        || is_of_key && !catalog.keys.keys().any(is_forgotten)
}
