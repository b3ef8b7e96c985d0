use std::sync::Arc;

use muster_words::{Id, Moment, Position, Xid};

use super::{VersionVector, writer_after_restore};
use crate::{
    Catalog,
    changes::DocumentSynced,
    state::{Chained, Earlier, Stamp},
};

/// Where and when a state of a document was first written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentOrigin {
    /// The registry.
    pub registry: Id,
    /// The position there.
    pub position: Position,
    /// The moment there.
    pub moment: Moment,
}

impl DocumentOrigin {
    /// What decides between two states by time. Two registries may write at the same moment, so their
    /// ids come next.
    #[must_use]
    pub const fn order(&self) -> (Moment, &Id, Position) {
        (self.moment, &self.registry, self.position)
    }
}

/// What a command that a sync gave says about its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncMark {
    /// The document.
    pub resource: Xid,
    /// The vector after the command.
    pub vector: VersionVector,
    /// Where the content after the command was first written; none: the command itself writes it.
    pub origin: Option<DocumentOrigin>,
    /// The id of the sync.
    pub sync: Id,
    /// The newest change of the document, or of its vector, with which the states were compared.
    pub since: Position,
}

/// What is known of a document since a sync.
#[derive(Debug)]
pub struct SyncedState {
    /// The command that said so.
    pub stamp: Stamp,
    /// The vector after it.
    pub vector: Arc<VersionVector>,
    /// Where the content was first written.
    pub origin: DocumentOrigin,
    /// The id of the sync.
    pub sync: Id,
    /// What was known before.
    pub earlier: Earlier<Self>,
}

impl Chained for SyncedState {
    fn earlier(&self) -> &Earlier<Self> {
        &self.earlier
    }

    fn earlier_mut(&mut self) -> &mut Earlier<Self> {
        &mut self.earlier
    }

    fn position(&self) -> Position {
        self.stamp.position
    }
}

impl Catalog {
    /// The name in vectors of this registry's change at a position: its id or, after it was restored
    /// from a backup, another one.
    #[must_use]
    pub(crate) fn writer_at(&self, position: Position) -> Id {
        let mut restores = self.restores.iter().rev();
        match restores.find(|restored| restored.position < position) {
            None => self.id.clone(),
            Some(restored) => writer_after_restore(&self.id, restored.tag),
        }
    }

    /// Folds what a sync says about a document. A command that writes a new state of its own doesn't
    /// know its position when it is decided, so its part of the vector is added here. Returns whether
    /// there was room for it.
    pub(crate) fn note_sync(
        &mut self,
        body: &DocumentSynced,
        (stamp, moment): (Stamp, Moment),
    ) -> bool {
        let (vector, origin) = match &body.origin {
            Some(origin) => (body.vector.clone(), origin.clone()),
            None => {
                let registry = self.writer_at(stamp.position);
                match body.vector.clone().with(&registry, stamp.position) {
                    Ok(vector) => {
                        (vector, DocumentOrigin { registry, position: stamp.position, moment })
                    }
                    Err(_) => return false,
                }
            }
        };
        let name: Arc<str> = body.resource.to_string().into();
        let earlier = Earlier::from(self.synced.get(&name).cloned());
        let vector = Arc::new(vector);
        let state = SyncedState { stamp, vector, origin, sync: body.sync.clone(), earlier };
        self.synced.insert(name, Arc::new(state));
        true
    }
}
