use std::num::NonZeroU32;

use async_trait::async_trait;
use bytes::Bytes;
use muster_ledger::{EntryBytes, Head};
use muster_words::{ContentRef, Digest, Position};

use crate::{AppendError, Batch, ReadError};

/// An append-only ledger with the contents that its entries name, for readers and followers.
///
/// This trait and [`Ledger`] are all that is required of storage. There are no queries, because the
/// catalog is in memory. It is used as `Arc<dyn LedgerReader>`, which can't append. The words MUST
/// and MAY are those of RFC 2119; the [suite](crate::conformance) checks each MUST that can be
/// checked from outside.
///
/// Every method MUST be safe to call from many tasks at once, and dropping a returned future MUST
/// NOT do harm, because reads have no effect.
#[async_trait]
pub trait LedgerReader: Send + Sync {
    /// The position and hash of the last entry; for an empty ledger,
    /// [`Head::EMPTY`](muster_ledger::Head::EMPTY).
    ///
    /// It MUST be durable: no crash may undo a head that was once returned. After an append has
    /// returned, the head MUST be the returned one or a later one.
    ///
    /// # Errors
    /// See [`ReadError`].
    async fn head(&self) -> Result<Head, ReadError>;

    /// The canonical bytes of the entries after a position, as they were hashed.
    ///
    /// They MUST be in order and without a gap, beginning after `after`, and at most `limit`. A
    /// store MAY return fewer than `limit`, but MUST return at least one if there is one; an empty
    /// answer means that `after` is the head or beyond it. Entries of a batch MUST NOT be visible
    /// before all of them are.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] MUST be returned, with the position, if an entry below the head is
    /// missing or its bytes aren't those that were appended.
    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError>;

    /// The RFC 6962 leaf hashes of the entries after a position, for tiles and proofs: with the
    /// same entries, order and limit as [`LedgerReader::read`].
    ///
    /// # Errors
    /// As [`LedgerReader::read`]. A store with stored leaf hashes MAY return them without reading
    /// the entries.
    async fn leaves(&self, after: Position, limit: NonZeroU32) -> Result<Vec<Digest>, ReadError>;

    /// The contents with these names, in the requested order; `None` for one that was never stored
    /// or was purged.
    ///
    /// Bytes from a medium MUST be checked against their digest each time. Requests in the order of
    /// positions MUST be at least as cheap as in any other order. The same name MAY be requested
    /// twice. Contents of entries beyond the head MUST NOT be returned.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`], with the position, if bytes don't match their digest.
    async fn contents(&self, wanted: &[ContentRef]) -> Result<Vec<Option<Bytes>>, ReadError>;

    /// Waits until the head may have passed a position.
    ///
    /// It MUST return soon after the head is beyond `position`, or at once if it already is, and
    /// every waiter MUST be woken. It MAY return early (a notification can be a hint), so the
    /// caller reads the head and waits again.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`] if the store is closed or can't tell any more.
    async fn moved(&self, position: Position) -> Result<(), ReadError>;
}

/// A ledger that can be appended to.
///
/// Whoever holds it can append. It is created once at the start, as a `Box`, and moved into the
/// registry, which passes it only to its writer. Everybody else has a [`LedgerReader`].
///
/// Dropping a returned future MUST NOT do harm: a started append is either carried out as a whole
/// or not at all, as if its caller had waited.
#[async_trait]
pub trait Ledger: LedgerReader {
    /// Appends a batch after `head` if that is still the head; all of it or nothing.
    ///
    /// - It MUST compare first: if the ledger's head, including its hash, isn't `head`, nothing
    ///   happens and the answer is [`AppendError::Moved`] with the present head. Of several
    ///   concurrent appends after one head, exactly one MUST win.
    /// - It MUST refuse a batch that is [`MalformedBatch`](crate::MalformedBatch) after `head`: entries that
    ///   don't follow it without a gap, or contents of entries outside the batch.
    /// - `Ok` MUST mean that entries, contents and purges are durable (fsync or quorum). Its head
    ///   is that of the batch's last entry.
    /// - Every error except [`AppendError::InDoubt`] MUST mean that nothing of the batch is or will
    ///   be stored. A store MUST NOT report a doubt that it can resolve itself.
    /// - After `InDoubt` the caller MAY repeat the same append (the same head, the same bytes). If
    ///   the first one was written, the repetition answers `Moved` like any other, and the entries
    ///   after `head` show whose they are.
    /// - A batch without entries is valid; the head stays. Purges MUST be idempotent: purging a
    ///   content that doesn't exist, or was purged already, isn't an error.
    /// - A purge names a single content, never all contents with its digest. A content that the
    ///   batch itself brings and purges MUST NOT exist afterwards. Purged bytes MUST NOT remain
    ///   readable on the medium, except by forensic means (this includes freed pages and
    ///   write-ahead logs).
    ///
    /// The caller is responsible for the contents' digests; they are checked on reads.
    ///
    /// # Errors
    /// See [`AppendError`].
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError>;
}
