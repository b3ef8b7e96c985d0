use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use muster_journal::{Epoch, Marks, MarksError};
use muster_ledger::Head;
use muster_words::{Digest, Id, Position};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior};

use super::{
    error::{Closed, SqliteFault, cause},
    file,
};
use crate::StoreOpenError;

/// "Mark" in ASCII: marks the file as ours (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x4d61_726b;

/// The newest format of the file that this release knows (`PRAGMA user_version`).
const FORMAT: i32 = 1;

/// How long the connection waits for a lock. Nobody else has the file open.
const LOCK_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// `claims` has one row, the last epoch of any name, so that a forgotten name never gets an old
/// epoch again.
const SCHEMA: &str = "
CREATE TABLE claims (last INTEGER NOT NULL) STRICT;
INSERT INTO claims (last) VALUES (0);
CREATE TABLE followers (
    name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, position INTEGER, hash BLOB
) STRICT, WITHOUT ROWID;
";

/// The marks of followers in an SQLite file. It uses one connection in WAL mode with
/// `synchronous=FULL`, so each change is one transaction and one sync.
#[derive(Debug)]
pub struct SqliteMarks {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
enum State {
    /// None after an error; it is opened again when it is needed, because its state may be the
    /// cause.
    Open(Option<Connection>),
    Closed,
}

impl SqliteMarks {
    /// Opens the marks in a file, or creates an empty file.
    ///
    /// # Errors
    /// See [`StoreOpenError`].
    pub fn open(path: &Path) -> Result<Self, StoreOpenError> {
        file::check_engine()?;
        // SQLite never takes an absolute path for a URI, whatever its first folder is called.
        let path =
            std::path::absolute(path).map_err(|error| StoreOpenError::Unavailable(cause(error)))?;
        file::create(&path).map_err(|error| StoreOpenError::Unavailable(cause(error)))?;
        let mut connection = connect(&path).map_err(StoreOpenError::from_sqlite)?;
        make(&mut connection).map_err(StoreOpenError::from_sqlite)?;
        check_format(&connection)?;
        Ok(Self { path, state: Arc::new(Mutex::new(State::Open(Some(connection)))) })
    }

    /// Closes the file. Every later call answers `Unavailable`.
    pub async fn close(&self) {
        let state = Arc::clone(&self.state);
        // Closing copies the log back. It can only fail by a panic, which is reported.
        let _ = tokio::task::spawn_blocking(move || *held(&state) = State::Closed).await;
    }

    /// Runs a function with the connection, on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, MarksError> {
        let (state, path) = (Arc::clone(&self.state), self.path.clone());
        let done = tokio::task::spawn_blocking(move || {
            let mut state = held(&state);
            let State::Open(slot) = &mut *state else {
                return Err(MarksError::Unavailable(cause(Closed)));
            };
            let mut connection = match slot.take() {
                Some(connection) => connection,
                None => connect(&path).map_err(Failed::from)?,
            };
            let answer = work(&mut connection);
            if !matches!(answer, Err(Failed::Sqlite(_))) {
                *slot = Some(connection);
            }
            answer.map_err(MarksError::from)
        });
        done.await.unwrap_or_else(|lost| Err(MarksError::Unavailable(cause(lost))))
    }
}

/// No code panics while it holds the lock.
fn held(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a call on the connection failed.
enum Failed {
    Sqlite(rusqlite::Error),
    Other(MarksError),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Failed> for MarksError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Other(error) => error,
            Failed::Sqlite(error) => match SqliteFault::of(&error) {
                SqliteFault::Damaged | SqliteFault::NotADatabase => Self::Corrupt(cause(error)),
                _ => Self::Unavailable(cause(error)),
            },
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Creates the tables if the file is empty, perhaps because its creation was interrupted.
fn make(connection: &mut Connection) -> rusqlite::Result<()> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id != 0 || tables != 0 {
        return Ok(());
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

fn check_format(connection: &Connection) -> Result<(), StoreOpenError> {
    let pragma = |name| {
        let found = connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        found.map_err(StoreOpenError::from_sqlite)
    };
    match (pragma("application_id")?, pragma("user_version")?) {
        (APPLICATION_ID, FORMAT) => Ok(()),
        (APPLICATION_ID, found) if found > FORMAT => Err(StoreOpenError::Newer {
            found: found.unsigned_abs(),
            known: FORMAT.unsigned_abs(),
            needs: "a later release".to_owned(),
        }),
        _ => Err(StoreOpenError::Foreign),
    }
}

fn names(connection: &Connection) -> Result<Vec<Id>, Failed> {
    let mut select = connection.prepare_cached("SELECT name FROM followers ORDER BY name")?;
    let mut names = Vec::new();
    for name in select.query_map([], |row| row.get::<_, String>(0))? {
        let id = name?.parse();
        names.push(id.map_err(|error| Failed::Other(MarksError::Corrupt(cause(error))))?);
    }
    Ok(names)
}

/// Increments the last epoch and assigns it to a name.
fn claim(connection: &mut Connection, name: &Id) -> Result<Epoch, Failed> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let next = "UPDATE claims SET last = last + 1 RETURNING last";
    let epoch: i64 = transaction.query_row(next, [], |row| row.get(0))?;
    transaction.execute(
        "INSERT INTO followers (name, epoch) VALUES (?1, ?2) \
         ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch",
        (name.as_str(), epoch),
    )?;
    transaction.commit()?;
    Ok(Epoch(epoch.cast_unsigned()))
}

#[async_trait]
impl Marks for SqliteMarks {
    async fn load(&self, name: &Id) -> Result<Option<Head>, MarksError> {
        let name = name.clone();
        self.run(move |connection| {
            let sql = "SELECT position, hash FROM followers \
                       WHERE name = ?1 AND position IS NOT NULL";
            let mark = connection.query_row(sql, [name.as_str()], |row| {
                let position = Position(row.get::<_, i64>(0)?.cast_unsigned());
                Ok(Head { position, hash: Digest(row.get(1)?) })
            });
            Ok(mark.optional()?)
        })
        .await
    }

    async fn claim(&self, name: &Id) -> Result<Epoch, MarksError> {
        let name = name.clone();
        self.run(move |connection| claim(connection, &name)).await
    }

    async fn save(&self, name: &Id, epoch: Epoch, mark: Head) -> Result<(), MarksError> {
        let name = name.clone();
        self.run(move |connection| {
            let (position, epoch) = (mark.position.0.cast_signed(), epoch.0.cast_signed());
            let sql =
                "UPDATE followers SET position = ?1, hash = ?2 WHERE name = ?3 AND epoch = ?4";
            let row = (position, mark.hash.0, name.as_str(), epoch);
            match connection.execute(sql, row)? {
                0 => Err(Failed::Other(MarksError::Fenced { name })),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn names(&self) -> Result<Vec<Id>, MarksError> {
        self.run(|connection| names(connection)).await
    }

    async fn forget(&self, name: &Id) -> Result<(), MarksError> {
        let name = name.clone();
        self.run(move |connection| {
            connection.execute("DELETE FROM followers WHERE name = ?1", [name.as_str()])?;
            Ok(())
        })
        .await
    }
}
