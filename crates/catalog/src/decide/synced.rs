//! What a command says for a sync about the document that it changes.

use crate::{
    Catalog, Reason, Refusal, View,
    changes::{Change, DocumentSynced},
    command::Authority,
    sync::SyncMark,
};

/// The states were compared before the command was decided, so the document must still be what it was
/// then. A mark alone changes what is known of a document, so its place counts like that of a write.
pub(super) fn check(
    catalog: &Catalog,
    authority: &Authority,
    mark: &SyncMark,
) -> Result<(), Refusal> {
    authority.check_place(&mark.resource)?;
    let now = View::newest(catalog).sync_position(&mark.resource);
    if now != mark.since {
        return Err(Refusal::new(&mark.resource, Reason::ChangedSince { since: mark.since, now }));
    }
    // Also where another registry wrote it: the next edit here needs the place.
    match mark.vector.has_place_for(&catalog.writer_at(catalog.position().next())) {
        true => Ok(()),
        false => Err(Refusal::new(&mark.resource, Reason::VectorTooLong)),
    }
}

/// The change that records it.
pub(super) fn change(mark: &SyncMark) -> Change {
    Change::DocumentSynced(DocumentSynced {
        resource: mark.resource.clone(),
        vector: mark.vector.clone(),
        sync: mark.sync.clone(),
        origin: mark.origin.clone(),
    })
}
