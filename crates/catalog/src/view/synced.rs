use std::{iter::once, ops::Deref, sync::Arc};

use muster_words::{Id, Position, Xid};

use super::View;
use crate::{
    Catalog,
    state::state_at,
    sync::{SyncedState, VectorTooLong, VersionVector, writer_after_restore},
};

impl<C: Deref<Target = Catalog> + Clone> View<C> {
    /// What the newest sync of a document said; none if no sync ever named it. A deleted document
    /// keeps it.
    #[must_use]
    pub fn synced(&self, xid: &Xid) -> Option<&Arc<SyncedState>> {
        state_at(self.catalog.synced.get(xid.to_string().as_str())?, self.seen())
    }

    /// How much of a document's history its state here holds; the document may be deleted.
    ///
    /// # Errors
    /// It was written in too many registries.
    pub(crate) fn vector_of(&self, xid: &Xid) -> Result<VersionVector, VectorTooLong> {
        let (known, at) = match self.synced(xid) {
            Some(synced) => ((*synced.vector).clone(), synced.stamp.position),
            None => (VersionVector::default(), Position::ZERO),
        };
        // Each time between two restores from a backup has a name of its own.
        let ends = self.restores().map(|(position, _)| position);
        ends.chain(once(Position(u64::MAX))).try_fold(known, |vector, end| {
            let then = self.at_position(end);
            let last = then.last_document_change(xid);
            if last > at { vector.with(&self.writer_at(last), last) } else { Ok(vector) }
        })
    }

    /// The same, cut where it would name too many registries, so that one such document keeps nobody
    /// from reading a list that names it.
    #[must_use]
    pub fn known_vector(&self, xid: &Xid) -> VersionVector {
        self.vector_of(xid).unwrap_or_else(|VectorTooLong| {
            let noted = self.synced(xid).map(|synced| synced.vector.clone()).unwrap_or_default();
            let last = self.last_document_change(xid);
            noted.cut_with(&self.writer_at(last), last)
        })
    }

    /// The name in vectors of this registry's change at a position: its id or, after it was restored
    /// from a backup, another one. What it lost and others still have stays newer than what the
    /// backup held, so it comes back from them.
    #[must_use]
    pub fn writer_at(&self, position: Position) -> Id {
        self.catalog.writer_at(position)
    }

    /// Each time that the registry was restored from a backup: the position, and the name in vectors
    /// of what it writes after it.
    pub fn restores(&self) -> impl DoubleEndedIterator<Item = (Position, Id)> {
        let here = self.position();
        let all = self.catalog.restores.iter().filter(move |stamp| stamp.position <= here);
        all.map(|stamp| (stamp.position, writer_after_restore(self.id(), stamp.tag)))
    }

    /// The newest change of a document or of its vector; zero if there is none.
    #[must_use]
    pub fn sync_position(&self, xid: &Xid) -> Position {
        let synced = self.synced(xid).map_or(Position::ZERO, |synced| synced.stamp.position);
        self.last_document_change(xid).max(synced)
    }

    /// The newest change of a document here, deletions included; zero if it never existed.
    #[must_use]
    pub fn last_document_change(&self, xid: &Xid) -> Position {
        self.last_change(xid).map_or(Position::ZERO, |stamp| stamp.position)
    }
}
