use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use muster_journal::{Corrupt, Damage, ReadError};
use muster_ledger::EntryBytes;
use muster_words::{ContentRef, Digest, Position};
use rusqlite::{Connection, Row};
use tokio::sync::Semaphore;

use super::{
    Window,
    error::{Closed, cause, read_error},
    file::{File, ORDINAL_BITS, Role, position},
};

/// The connections of readers, and the gate that closes all of them.
#[derive(Debug)]
pub(crate) struct Reads {
    file: Arc<File>,
    permits: Arc<Semaphore>,
    gate: Gate,
    idle: Mutex<Vec<Connection>>,
}

/// Locked for reading while a connection other than the writer's is in use; locked for writing
/// while none may be in use.
pub(crate) type Gate = Arc<RwLock<GateState>>;

/// Whether the ledger is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GateState {
    Open,
    Closed,
}

impl Reads {
    pub(crate) fn new(file: Arc<File>) -> Self {
        let permits = file.options.reads_max.get() as usize;
        Self {
            file,
            permits: Arc::new(Semaphore::new(permits)),
            gate: Arc::new(RwLock::new(GateState::Open)),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Runs a read on a connection, on a thread that may block.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let unavailable = |error| ReadError::Unavailable(error);
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|closed| unavailable(cause(closed)))?;
        let reads = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            reads.run_here(work)
        });
        done.await.unwrap_or_else(|lost| Err(unavailable(cause(lost))))
    }

    fn run_here<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let gate = self.enter();
        if *gate == GateState::Closed {
            return Err(ReadError::Unavailable(cause(Closed)));
        }
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.file.connect(Role::Reader).map_err(read_error(Position::ZERO))?,
        };
        let answer = work(&connection);
        // After an error the connection is closed, because its state may be the cause.
        if answer.is_ok() {
            self.idle().push(connection);
        }
        answer
    }

    pub(crate) fn enter(&self) -> RwLockReadGuard<'_, GateState> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no read is running, and closes the connections. None is opened while the guard
    /// is held.
    pub(crate) fn shut(&self) -> RwLockWriteGuard<'_, GateState> {
        let gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        self.idle().clear();
        gate
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entries of a range, each verified with its leaf hash.
pub(crate) fn entries(file: &Connection, window: Window) -> Result<Vec<EntryBytes>, ReadError> {
    let sql = "SELECT position, leaf, bytes FROM entries
               WHERE position > ?1 AND position <= ?2 ORDER BY position";
    let rows = walk(file, sql, window, |row| {
        let bytes: Vec<u8> = row.get(2)?;
        Ok((Digest(row.get(1)?), Bytes::from(bytes)))
    })?;
    let checked = rows.into_iter().map(|(position, (leaf, bytes))| {
        let entry = EntryBytes { position, bytes };
        if entry.leaf() == leaf { Ok(entry) } else { Err(corrupt(position, Damage::EntryChanged)) }
    });
    checked.collect()
}

/// The stored leaf hashes of a range.
pub(crate) fn leaves(file: &Connection, window: Window) -> Result<Vec<Digest>, ReadError> {
    let sql = "SELECT position, leaf FROM entries
               WHERE position > ?1 AND position <= ?2 ORDER BY position";
    let rows = walk(file, sql, window, |row| Ok(Digest(row.get(1)?)))?;
    Ok(rows.into_iter().map(|(_, leaf)| leaf).collect())
}

/// Reads the rows of a range. A missing row means that the ledger is damaged.
fn walk<T>(
    file: &Connection,
    sql: &str,
    window: Window,
    value: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<(Position, T)>, ReadError> {
    let mut due = window.after.next();
    let failed = read_error(due);
    let mut statement = file.prepare_cached(sql).map_err(&failed)?;
    let bounds = (signed(window.after.0), signed(window.last.0));
    let mut rows = statement.query(bounds).map_err(&failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(read_error(due))? {
        if position(row, 0).map_err(read_error(due))? != due.0 {
            break;
        }
        found.push((due, value(row).map_err(read_error(due))?));
        due = due.next();
    }
    if due <= window.last {
        return Err(corrupt(due, Damage::EntryMissing));
    }
    Ok(found)
}

/// The contents with these names, up to the head.
pub(crate) fn contents(
    file: &Connection,
    wanted: &[ContentRef],
    head: Position,
) -> Result<Vec<Option<Bytes>>, ReadError> {
    let first = wanted.iter().map(|content| content.position).min().unwrap_or_default();
    // One transaction takes the lock only once, not for each content.
    let transaction = file.unchecked_transaction().map_err(read_error(first))?;
    let is_there = |content: &ContentRef| (Position(1)..=head).contains(&content.position);
    let found = wanted
        .iter()
        .map(|content| if is_there(content) { content_of(&transaction, content) } else { Ok(None) })
        .collect();
    transaction.finish().map_err(read_error(first))?;
    found
}

fn content_of(file: &Connection, wanted: &ContentRef) -> Result<Option<Bytes>, ReadError> {
    let failed = read_error(wanted.position);
    let sql = "SELECT digest, bytes FROM contents WHERE key BETWEEN ?1 AND ?2 ORDER BY key";
    let mut statement = file.prepare_cached(sql).map_err(&failed)?;
    let mut rows = statement.query(keys(wanted.position)).map_err(&failed)?;
    while let Some(row) = rows.next().map_err(&failed)? {
        let digest = Digest(row.get(0).map_err(&failed)?);
        if digest == wanted.digest {
            let bytes: Vec<u8> = row.get(1).map_err(&failed)?;
            check(wanted.position, digest, &bytes)?;
            return Ok(Some(bytes.into()));
        }
    }
    drop(rows);
    // The content was purged, or the column of its digest is damaged; then the bytes belong to
    // another digest.
    let mut rows = statement.query(keys(wanted.position)).map_err(&failed)?;
    while let Some(row) = rows.next().map_err(&failed)? {
        let bytes = row.get_ref(1).and_then(|bytes| Ok(bytes.as_blob()?)).map_err(&failed)?;
        check(wanted.position, Digest(row.get(0).map_err(&failed)?), bytes)?;
    }
    Ok(None)
}

fn check(position: Position, expected: Digest, bytes: &[u8]) -> Result<(), ReadError> {
    let found = Digest::of(bytes);
    if found == expected {
        return Ok(());
    }
    Err(corrupt(position, Damage::ContentChanged { expected, found }))
}

fn corrupt(position: Position, damage: Damage) -> ReadError {
    ReadError::Corrupt(Corrupt { position, damage })
}

/// The first and the last possible key for the contents of a position.
pub(crate) fn keys(position: Position) -> (i64, i64) {
    let first = signed(position.0) << ORDINAL_BITS;
    (first, first | ((1 << ORDINAL_BITS) - 1))
}

/// A number as a signed integer for SQLite. Positions never overflow it: with one entry per
/// nanosecond that would take three centuries.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
