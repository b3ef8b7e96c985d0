use muster_catalog::{
    View,
    sync::{DocumentOrigin, SyncContent, VersionVector},
};
use muster_words::{Position, Xid};

use super::{DocumentState, SyncError};
use crate::{FetchError, Registry};

/// How many earlier states are looked at for one that another registry knew: more changes than
/// anybody makes between two syncs that work.
const BASES_MAX: usize = 256;

impl Registry {
    /// The state of a document in a view.
    ///
    /// # Errors
    /// The ledger can't be read.
    pub async fn document_state(&self, view: &View, xid: &Xid) -> Result<DocumentState, SyncError> {
        let vector = view.known_vector(xid);
        let last = view.last_document_change(xid);
        let synced = view.synced(xid).filter(|synced| synced.stamp.position >= last);
        let origin = match synced {
            Some(synced) => Some(synced.origin.clone()),
            None if last == Position::ZERO => None,
            None => Some(DocumentOrigin {
                registry: view.writer_at(last),
                position: last,
                moment: self.bounds_at(last).await?.entry.moment,
            }),
        };
        let (content, is_erased) = self.sync_content(view, xid).await?;
        Ok(DocumentState { position: view.sync_position(xid), vector, origin, content, is_erased })
    }

    /// What a document says, and whether its bytes were erased since.
    async fn sync_content(
        &self,
        view: &View,
        xid: &Xid,
    ) -> Result<(Option<SyncContent>, bool), FetchError> {
        let Some(version) = view.version_at(xid).cloned() else { return Ok((None, false)) };
        let mut attributes = match version.attributes {
            Some(content) => {
                let read = self.attributes(&[content]).await?;
                read.first().map(|map| (**map).clone()).unwrap_or_default()
            }
            None => serde_json::Map::new(),
        };
        // Empty ones are none: a header can't carry them, and neither can most clients.
        attributes.retain(|_, value| value.as_object().is_none_or(|map| !map.is_empty()));
        let bytes = match version.document {
            Some(content) => self.contents(&[content]).await?.pop().flatten(),
            None => None,
        };
        let is_erased = bytes.is_none() && version.document.is_some();
        let content = SyncContent {
            bytes,
            content_type: version.content_type.as_deref().map(str::to_owned),
            attributes,
            state: version.state,
        };
        Ok((Some(content), is_erased))
    }

    /// The newest earlier state of a document that a vector holds; none if it was deleted then, or if
    /// there is none.
    pub(super) async fn known_state(
        &self,
        newest: &View,
        xid: &Xid,
        vector: &VersionVector,
    ) -> Result<Option<DocumentState>, SyncError> {
        let mut view = newest.clone();
        for _ in 0..BASES_MAX {
            let at = view.sync_position(xid);
            if at == Position::ZERO {
                break;
            }
            if view.known_vector(xid).is_within(vector) {
                let state = self.document_state(&view, xid).await?;
                return Ok(Some(state).filter(|state| state.content.is_some() && !state.is_erased));
            }
            let position = Position(at.0.saturating_sub(1));
            view = view.at_position(position);
        }
        Ok(None)
    }
}
