use std::num::NonZeroU32;

use async_trait::async_trait;
use bytes::Bytes;
use muster_ledger::{EntryBytes, Head};
use muster_words::{ContentRef, Digest, Position};

use crate::{AppendError, Batch, ReadError};

/// One append-only ledger and the contents that its entries name, for those who read and follow
/// it.
///
/// This and [`Ledger`] are all that is ever asked of storage: no query goes there, because the
/// catalog is a value in memory. It is used as `Arc<dyn LedgerReader>`, which can't append. The
/// words MUST and MAY are those of RFC 2119; the [suite](crate::conformance) checks each MUST that
/// can be checked from outside.
///
/// Every method MUST be safe to call from many tasks at once, and dropping a future that it
/// returned MUST NOT harm anything: a read has no effect.
#[async_trait]
pub trait LedgerReader: Send + Sync {
    /// The position and hash of the last entry; [`Head`] of the empty ledger when there is none.
    ///
    /// It MUST be durable: no crash takes back a head that was once answered. After an append has
    /// answered, the head MUST be the one that it answered, or a later one.
    ///
    /// # Errors
    /// See [`ReadError`].
    async fn head(&self) -> Result<Head, ReadError>;

    /// The canonical bytes of the entries after a position, as they were hashed.
    ///
    /// They MUST be in order and without a gap, beginning with the one after `after`, at most
    /// `limit`. A store MAY answer fewer than `limit`, but MUST answer at least one where there
    /// is one; an empty answer means that `after` is the head or lies beyond it. Entries of a
    /// batch that is still being appended MUST NOT be seen before all of them can be.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] MUST be answered, naming the position, where an entry is missing
    /// below the head or its bytes aren't those that were appended.
    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError>;

    /// The RFC 6962 leaf hashes of the entries after a position, for tiles and proofs: the same
    /// entries, order and limit as [`LedgerReader::read`].
    ///
    /// # Errors
    /// As [`LedgerReader::read`]; a store that keeps leaf hashes beside the entries MAY answer them
    /// without looking at the entries.
    async fn leaves(&self, after: Position, limit: NonZeroU32) -> Result<Vec<Digest>, ReadError>;

    /// The contents of that name, in the order asked for, each `None` where there is none: never
    /// stored, or purged.
    ///
    /// Bytes that are read from a medium MUST be checked against their digest each time. Asking in
    /// the order of positions MUST be at least as cheap as any other. The same name MAY be asked
    /// for twice. Contents of entries beyond the head MUST NOT be answered.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`], naming the position, where bytes don't have their digest.
    async fn contents(&self, wanted: &[ContentRef]) -> Result<Vec<Option<Bytes>>, ReadError>;

    /// Waits until the head may have passed a position.
    ///
    /// It MUST answer soon after the head lies beyond `position`, at once where it does already;
    /// every waiter is woken. It MAY answer early (a notification can be a hint), so the caller
    /// reads the head and waits again.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] where the store is closed or can't tell any more.
    async fn moved(&self, position: Position) -> Result<(), ReadError>;
}

/// A ledger that can be appended to: the writer's key.
///
/// Whoever holds an `Arc<dyn Ledger>` can append; it is chosen once at start and given to the
/// registry, which lets nobody but its writer have it. Everybody else holds a [`LedgerReader`].
///
/// Dropping a future that it returned MUST NOT harm anything: an append that was begun is either
/// carried out whole or not at all, as if its caller had waited.
#[async_trait]
pub trait Ledger: LedgerReader {
    /// Appends a batch after `head`, if that is still the head: all of it or nothing.
    ///
    /// - It MUST compare first: where the ledger's head is not `head`, hash included, nothing
    ///   happens and the answer is [`AppendError::Moved`] with the present one. Of appends that
    ///   race after one head exactly one MUST win.
    /// - It MUST refuse a batch that is [`MalformedBatch`](crate::Malformed) against `head`: entries
    ///   that don't follow it without a gap, or contents that name none of the batch's entries.
    /// - `Ok` MUST mean that entries, contents and purges are durable (fsync or quorum), and its
    ///   head is that of the batch's last entry.
    /// - Every error but [`AppendError::InDoubt`] MUST mean that nothing of the batch is or ever
    ///   will be there. What a store can find out it MUST NOT leave in doubt.
    /// - After `InDoubt` the caller MAY repeat the same append (the same head, the same bytes):
    ///   once it has landed the repeat answers `Moved` like any other, and the entries that follow
    ///   `head` say whose they are.
    /// - A batch without entries is legal: the head stays. Such a batch's purges, like all purges,
    ///   MUST be idempotent: what isn't there, or is gone already, is no error.
    /// - A purge names one content, never all that have its digest. A content that the batch itself
    ///   brings and purges MUST NOT be there afterwards. Purged bytes MUST NOT stay readable on
    ///   the medium by means short of forensics (freed pages and write-ahead logs included).
    ///
    /// The caller answers for the contents' digests; they are checked when they are read.
    ///
    /// # Errors
    /// See [`AppendError`].
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError>;
}
