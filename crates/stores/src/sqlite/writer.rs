use std::sync::Arc;

use bytes::Bytes;
use muster_journal::{AppendError, Batch, Cause, ReadError};
use muster_ledger::Head;
use muster_words::ContentRef;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    checkpointer::Checkpointer,
    error::{SqliteFault, append_error, cause},
    file::{self, File, ORDINAL_BITS, Role},
    reads::{GateState, Reads, keys, signed},
};
use crate::StoreOpenError;

/// An append, and the sender for its answer.
#[derive(Debug)]
pub(crate) struct AppendRequest {
    pub(crate) head: Head,
    pub(crate) batch: Batch,
    pub(crate) answer: oneshot::Sender<Result<Head, AppendError>>,
}

/// The writer, on a thread of its own.
#[derive(Debug)]
pub(crate) struct Writer {
    file: Arc<File>,
    reads: Arc<Reads>,
    checkpointer: Checkpointer,
    /// None after an error closed it; the next append opens it again.
    connection: Option<Connection>,
    announce: watch::Sender<Head>,
    /// An append whose result isn't known yet.
    doubt: Option<Doubt>,
    /// Bytes appended since the checkpointer was last woken.
    bytes_uncopied: u64,
    /// Whether the log may still hold purged bytes, because a reader needed it, or frames of an
    /// append that failed: behind later ones they would look like lost appends after a crash.
    must_empty_log: bool,
}

/// An append whose COMMIT failed.
#[derive(Clone, Debug)]
struct Doubt {
    /// The head if it was written.
    after: Head,
    purges: Vec<ContentRef>,
    failure: Cause,
}

/// When a write failed.
enum Failed {
    /// Before the COMMIT, so nothing of it was written.
    Before(rusqlite::Error),
    /// During the COMMIT.
    Commit(rusqlite::Error),
}

impl Writer {
    pub(crate) fn new(
        connection: Connection,
        file: Arc<File>,
        reads: Arc<Reads>,
        announce: watch::Sender<Head>,
    ) -> Result<Self, StoreOpenError> {
        let checkpointer = Checkpointer::start(Arc::clone(&file), Arc::clone(&reads))?;
        Ok(Self {
            file,
            reads,
            checkpointer,
            connection: Some(connection),
            announce,
            doubt: None,
            bytes_uncopied: 0,
            must_empty_log: false,
        })
    }

    /// Carries out orders until all senders are gone, then closes the file.
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<AppendRequest>) {
        while let Some(AppendRequest { head, batch, answer }) = queue.blocking_recv() {
            // If the caller has gone, the append is still valid.
            let _ = answer.send(self.append(head, &batch));
            self.maintain_log();
        }
        self.close();
    }

    fn append(&mut self, head: Head, batch: &Batch) -> Result<Head, AppendError> {
        if let Some(doubt) = self.doubt.take() {
            self.resolve_doubt(doubt)?;
        }
        let present = *self.announce.borrow();
        if present != head {
            return Err(AppendError::Moved(present));
        }
        batch.check(head)?;
        if batch.size() > self.file.options.batch_bytes_max {
            return Err(AppendError::TooLarge);
        }
        let after = batch.head_after(head);
        if after.position.0 >> (i64::BITS - 1 - ORDINAL_BITS) != 0 {
            return Err(AppendError::Full);
        }
        if batch.entries.is_empty() && batch.purges.is_empty() {
            return Ok(head);
        }
        self.write(head, after, batch)?;
        self.announce.send_replace(after);
        self.bytes_uncopied += batch.size() as u64;
        if !batch.purges.is_empty() {
            self.must_empty_log = true;
            self.truncate_log();
        }
        Ok(after)
    }

    fn write(&mut self, head: Head, after: Head, batch: &Batch) -> Result<(), AppendError> {
        let next = head.position.next();
        match write(self.connected(head)?, batch) {
            Ok(()) => Ok(()),
            Err(Failed::Before(error)) => {
                self.connection = None;
                Err(append_error(next, error))
            }
            // The page with the commit is written last. If a write found no room, that page is
            // missing, and no sync was requested.
            Err(Failed::Commit(error)) if SqliteFault::of(&error) == SqliteFault::NoRoom => {
                self.connection = None;
                Err(AppendError::Full)
            }
            Err(Failed::Commit(error)) => {
                let failure: Cause = cause(error);
                let purges = batch.purges.clone();
                let doubt = Doubt { after, purges, failure: Arc::clone(&failure) };
                let is_there = self.resolve_doubt(doubt)?;
                if is_there { Ok(()) } else { Err(AppendError::Unavailable(failure)) }
            }
        }
    }

    /// The connection. After an error it is opened again, but only if the file still ends where
    /// this ledger does.
    fn connected(&mut self, head: Head) -> Result<&Connection, AppendError> {
        let failed = |error| append_error(head.position.next(), error);
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => {
                let connection = self.file.connect(Role::Writer).map_err(failed)?;
                let tail = match file::tail(&connection) {
                    Ok(tail) => tail,
                    Err(ReadError::Corrupt(corrupt)) => return Err(AppendError::Corrupt(corrupt)),
                    Err(ReadError::Unavailable(cause)) => {
                        return Err(AppendError::Unavailable(cause));
                    }
                };
                let connection = none.insert(connection);
                if tail != head {
                    self.announce.send_replace(tail);
                    return Err(AppendError::Moved(tail));
                }
                Ok(connection)
            }
        }
    }

    /// Finds out whether a doubtful append was written. Closes every connection, so that SQLite
    /// builds the log's index anew from the log itself, opens one, and reads the tail, which is
    /// then certain. Copies the log into the file and syncs it, because after a failed sync a
    /// second one may wrongly report lost pages as safe.
    fn resolve_doubt(&mut self, doubt: Doubt) -> Result<bool, AppendError> {
        match self.read_outcome(&doubt) {
            Ok((tail, is_there)) => {
                self.announce.send_replace(tail);
                Ok(is_there)
            }
            Err(cause) => {
                let cause: &dyn std::error::Error = &cause;
                tracing::error!(cause, "it isn't known yet whether the ledger was written");
                self.connection = None;
                let failure = Arc::clone(&doubt.failure);
                self.doubt = Some(doubt);
                Err(AppendError::InDoubt(failure))
            }
        }
    }

    fn read_outcome(&mut self, doubt: &Doubt) -> Result<(Head, bool), Cause> {
        let gate = self.reads.shut();
        self.checkpointer.disconnect();
        self.connection = None;
        let connection = self.file.connect(Role::Writer).map_err(cause)?;
        let tail = file::tail(&connection).map_err(cause)?;
        let mut is_there = tail == doubt.after;
        for content in &doubt.purges {
            is_there &= !is_stored(&connection, content).map_err(cause)?;
        }
        if is_there {
            checkpoint(&connection, EMPTY).map_err(cause)?;
        } else {
            self.must_empty_log = true;
        }
        self.connection = Some(connection);
        drop(gate);
        Ok((tail, is_there))
    }

    /// Maintains the log after an append, when nobody waits for the batch any more.
    ///
    /// A long log is restarted instead of truncated: truncating a file of 256 MiB takes a fifth of
    /// a second, and overwriting existing blocks is cheaper than growing the file again.
    fn maintain_log(&mut self) {
        if self.must_empty_log {
            self.truncate_log();
        } else if self.checkpointer.take_caught_up() {
            self.checkpoint("PRAGMA wal_checkpoint(RESTART)");
        }
        if self.bytes_uncopied >= self.file.options.checkpoint_bytes {
            self.bytes_uncopied = 0;
            self.checkpointer.wake();
        }
    }

    /// Copies the rest of the log into the file and truncates the log, so that nothing stays in it
    /// that must not be there.
    fn truncate_log(&mut self) {
        if self.checkpoint(EMPTY) {
            self.must_empty_log = false;
        }
    }

    /// Runs a checkpoint. Obstacles such as a reader or a full disk are temporary: the next append
    /// tries again.
    fn checkpoint(&self, sql: &str) -> bool {
        let Some(connection) = &self.connection else { return false };
        match checkpoint(connection, sql) {
            Ok(()) => true,
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(cause, sql, "the ledger's log could not be copied back");
                false
            }
        }
    }

    fn close(mut self) {
        self.checkpointer.stop();
        let mut gate = self.reads.shut();
        *gate = GateState::Closed;
        self.checkpointer.disconnect();
        // Closing the last connection copies the log and removes it.
        if let Some(connection) = self.connection.take()
            && let Err((_, error)) = connection.close()
        {
            let cause: &dyn std::error::Error = &error;
            tracing::error!(cause, "the ledger's file was not closed cleanly");
        }
    }
}

fn write(connection: &Connection, batch: &Batch) -> Result<(), Failed> {
    let behavior = TransactionBehavior::Immediate;
    let transaction = Transaction::new_unchecked(connection, behavior).map_err(Failed::Before)?;
    write_entries(&transaction, batch).map_err(Failed::Before)?;
    write_contents(&transaction, batch).map_err(Failed::Before)?;
    erase(&transaction, &batch.purges).map_err(Failed::Before)?;
    transaction.commit().map_err(Failed::Commit)
}

fn write_entries(connection: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    let sql = "INSERT INTO entries (position, leaf, bytes) VALUES (?1, ?2, ?3)";
    let mut insert = connection.prepare_cached(sql)?;
    for entry in &batch.entries {
        insert.execute(params![signed(entry.position.0), entry.leaf().0, &entry.bytes[..]])?;
    }
    Ok(())
}

fn write_contents(connection: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    // In the order of the table, whatever the batch's order: a key that isn't the highest would
    // split pages.
    let mut contents: Vec<&(ContentRef, Bytes)> = batch.kept_contents().collect();
    contents.sort_by_key(|(content, _)| content.position);
    let sql = "INSERT INTO contents (key, digest, bytes) VALUES (?1, ?2, ?3)";
    let mut insert = connection.prepare_cached(sql)?;
    let mut key = 0;
    for (content, bytes) in contents {
        let (first, last) = keys(content.position);
        key = first.max(key + 1);
        if key > last {
            let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_TOOBIG);
            let text = "an entry names more than 65,536 contents".to_owned();
            return Err(rusqlite::Error::SqliteFailure(error, Some(text)));
        }
        insert.execute(params![key, content.digest.0, &bytes[..]])?;
    }
    Ok(())
}

fn erase(connection: &Connection, purges: &[ContentRef]) -> rusqlite::Result<()> {
    let sql = "DELETE FROM contents WHERE key BETWEEN ?1 AND ?2 AND digest = ?3";
    let mut delete = connection.prepare_cached(sql)?;
    for content in purges.iter().filter(|content| can_be_stored(content)) {
        let (first, last) = keys(content.position);
        delete.execute(params![first, last, content.digest.0])?;
    }
    Ok(())
}

fn is_stored(connection: &Connection, content: &ContentRef) -> rusqlite::Result<bool> {
    let (first, last) = keys(content.position);
    let sql = "SELECT EXISTS (SELECT 1 FROM contents WHERE key BETWEEN ?1 AND ?2 AND digest = ?3)";
    let found: bool =
        connection.query_row(sql, params![first, last, content.digest.0], |row| row.get(0))?;
    Ok(can_be_stored(content) && found)
}

/// Whether a content's position fits into a key; others were never stored.
fn can_be_stored(content: &ContentRef) -> bool {
    content.position.0 >> (i64::BITS - 1 - ORDINAL_BITS) == 0
}

/// Copies the log into the file, and empties it.
pub(crate) fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    checkpoint(connection, EMPTY)
}

/// Copies the log into the file, syncs the file, and truncates the log.
const EMPTY: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// Runs a checkpoint that waits until no reader needs the log.
fn checkpoint(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    let is_busy: bool = connection.query_row(sql, [], |row| row.get(0))?;
    if is_busy {
        let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(error, None));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
