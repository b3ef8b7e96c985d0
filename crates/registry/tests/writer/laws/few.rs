use std::num::NonZeroU32;

use async_trait::async_trait;
use bytes::Bytes;
use muster_journal::{AppendError, Batch, Ledger, LedgerReader, ReadError};
use muster_ledger::{EntryBytes, Head};
use muster_words::{ContentRef, Digest, Position};

use super::Arc;

/// A ledger that answers few entries at a time, as a store may: what is folded from it is folded
/// in many small pieces.
pub struct SmallPagesLedger(pub Arc<dyn Ledger>);

const FEW: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);

#[async_trait]
impl LedgerReader for SmallPagesLedger {
    async fn head(&self) -> Result<Head, ReadError> {
        self.0.head().await
    }

    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError> {
        self.0.read(after, limit.min(FEW)).await
    }

    async fn leaves(&self, after: Position, limit: NonZeroU32) -> Result<Vec<Digest>, ReadError> {
        self.0.leaves(after, limit).await
    }

    async fn contents(&self, wanted: &[ContentRef]) -> Result<Vec<Option<Bytes>>, ReadError> {
        self.0.contents(wanted).await
    }

    async fn moved(&self, position: Position) -> Result<(), ReadError> {
        self.0.moved(position).await
    }
}

#[async_trait]
impl Ledger for SmallPagesLedger {
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError> {
        self.0.append(head, batch).await
    }
}
