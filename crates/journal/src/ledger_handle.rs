use std::{fmt, num::NonZeroU32, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use muster_ledger::{EntryBytes, Head};
use muster_words::{ContentRef, Digest, Position};

use crate::{AppendError, Batch, Ledger, LedgerReader, ReadError};

/// A handle to a ledger that somebody else holds as well: its store, to close it, or a test, to look
/// at it.
#[derive(Clone)]
pub struct LedgerHandle(pub Arc<dyn Ledger>);

impl fmt::Debug for LedgerHandle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("LedgerHandle")
    }
}

#[async_trait]
impl LedgerReader for LedgerHandle {
    async fn head(&self) -> Result<Head, ReadError> {
        self.0.head().await
    }

    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError> {
        self.0.read(after, limit).await
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
impl Ledger for LedgerHandle {
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError> {
        self.0.append(head, batch).await
    }
}
