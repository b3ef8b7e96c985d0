use std::{os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use muster_journal::{Corrupt, Damage, ReadError};
use muster_ledger::{EntryBytes, Head};
use muster_words::{Digest, Position};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, config::DbConfig};

use super::{
    error::{cause, read_error},
    log::{self, LogEnd, LostTail},
    options::Options,
};
use crate::StoreOpenError;

/// "Must" in ASCII: marks the file as ours (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x4d75_7374;

/// The newest file format that this release knows (`PRAGMA user_version`). It must be raised if
/// older releases would misread a new file.
const FORMAT: u32 = 1;

/// The release that a file of format 1 needs.
const NEEDS: &str = "0.1.0";

/// The first SQLite version that can reset the log safely while others commit.
const ENGINE_NEEDED: &str = "3.51.3";
const ENGINE_NEEDED_NUMBER: i32 = 3_051_003;

/// The page size in bytes. A page holds three documents of 2 KiB; a page of 4 KiB would hold one
/// and waste nearly half, and a larger page would make a small write log more bytes.
pub(crate) const PAGE_BYTES: u32 = 8_192;

/// How long a connection waits for a lock. Only the end of a checkpoint waits for readers.
const LOCK_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// The number of low bits of a content's key that count the contents of one position.
pub(crate) const ORDINAL_BITS: u32 = 16;

const SCHEMA: &str = "
CREATE TABLE about (name TEXT NOT NULL, needs TEXT NOT NULL) STRICT;
CREATE TABLE entries (position INTEGER PRIMARY KEY, leaf BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE TABLE contents (key INTEGER PRIMARY KEY, digest BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
";

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Appends.
    Writer,
    /// Reads.
    Reader,
    /// Copies the log back into the file.
    Checkpointer,
}

/// A ledger's file; opens the connections to it.
#[derive(Debug)]
pub(crate) struct File {
    path: PathBuf,
    pub(crate) options: Options,
    /// Whether the log stays when the last connection is closed.
    keeps_log: bool,
}

/// Refuses SQLite versions that can damage files.
pub(crate) fn check_engine() -> Result<(), StoreOpenError> {
    if rusqlite::version_number() < ENGINE_NEEDED_NUMBER {
        let found = rusqlite::version().to_owned();
        return Err(StoreOpenError::Engine { found, needed: ENGINE_NEEDED });
    }
    Ok(())
}

impl File {
    pub(crate) fn new(path: PathBuf, options: Options) -> Self {
        Self { path, options, keeps_log: false }
    }

    /// A file for inspection only: the log stays as a crash left it, whereas closing would normally
    /// copy it. An empty log that inspection creates is removed again.
    pub(crate) fn without_changes(self) -> Self {
        let keeps_log = std::fs::metadata(self.log()).is_ok_and(|log| log.len() > 0);
        Self { keeps_log, ..self }
    }

    /// Looks for acknowledged transactions in the log that SQLite would drop. The file mustn't be
    /// open yet: SQLite takes the log as it is with the first connection.
    pub(crate) fn inspect_log(&self, name: &str) -> Result<LogEnd, StoreOpenError> {
        let end = log::inspect(&self.log(), self.options.last_use)
            .map_err(|error| StoreOpenError::Unavailable(cause(error)))?;
        match end {
            LogEnd::Lost(LostTail { byte, transactions }) => {
                let file = Self::new(self.path.clone(), self.options).without_changes();
                let readable = file.read_head(name).ok().map(|head| head.position);
                Err(StoreOpenError::TailMissing { readable, byte, transactions })
            }
            LogEnd::Torn => {
                tracing::warn!(
                    "the last write before the computer stopped was cut off; nobody was told that it is done"
                );
                Ok(end)
            }
            LogEnd::Whole => Ok(end),
        }
    }

    fn log(&self) -> PathBuf {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        log.into()
    }

    /// The end of an existing ledger with this name. The end isn't verified, because reading does
    /// that. If even the end can't be read, it is reported as unlimited, so that a reader reaches
    /// the damaged place.
    pub(crate) fn read_head(&self, name: &str) -> Result<Head, StoreOpenError> {
        let connection = self.connect(Role::Reader).map_err(StoreOpenError::from_sqlite)?;
        check_format(&connection)?;
        check_name(&connection, name)?;
        match last(&connection) {
            Ok(Some((entry, _))) => Ok(Head::after(&entry)),
            Ok(None) => Ok(Head::EMPTY),
            Err(ReadError::Corrupt(_)) => {
                let position = Position(1 << (i64::BITS - 1 - ORDINAL_BITS));
                Ok(Head { position, ..Head::EMPTY })
            }
            Err(ReadError::Unavailable(cause)) => Err(StoreOpenError::Unavailable(cause)),
        }
    }

    /// Opens the writer's first connection: creates the file if there is none, and checks its name
    /// and its format.
    pub(crate) fn open(&self, name: &str) -> Result<Connection, StoreOpenError> {
        create(&self.path).map_err(|error| StoreOpenError::Unavailable(cause(error)))?;
        let connection = self
            .connect_with(Role::Writer, OpenFlags::SQLITE_OPEN_CREATE)
            .map_err(StoreOpenError::from_sqlite)?;
        let is_new = is_new(&connection).map_err(StoreOpenError::from_sqlite)?;
        if !is_new {
            check_format(&connection)?;
            check_name(&connection, name)?;
        }
        // Also in a file that has its tables: another program may have changed the mode.
        let set = "PRAGMA journal_mode = WAL";
        connection.query_row(set, [], |_| Ok(())).map_err(StoreOpenError::from_sqlite)?;
        // Before the tables are made, so that a start that fails here can be repeated.
        check_settings(&connection)?;
        if is_new {
            make(&connection, name).map_err(StoreOpenError::from_sqlite)?;
        }
        Ok(connection)
    }

    /// Opens another connection to the existing file.
    pub(crate) fn connect(&self, role: Role) -> rusqlite::Result<Connection> {
        self.connect_with(role, OpenFlags::empty())
    }

    /// Opens the file without SQLite. Closing it drops all of SQLite's locks on the file in this
    /// process (POSIX `fcntl`), so it must be closed after every connection.
    pub(crate) fn descriptor(&self) -> std::io::Result<std::fs::File> {
        std::fs::File::open(&self.path)
    }

    fn connect_with(&self, role: Role, create: OpenFlags) -> rusqlite::Result<Connection> {
        // rusqlite's types ensure that only one thread at a time uses a connection.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(LOCK_WAIT)?;
        if self.keeps_log {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        }
        // Negative cache sizes are in KiB. The writer's cache holds a large batch.
        match role {
            Role::Writer => {
                // The page size only applies when the file is created.
                connection.pragma_update(None, "page_size", PAGE_BYTES)?;
                connection.pragma_update(None, "cache_size", -32_768)?;
            }
            Role::Reader => {
                connection.pragma_update(None, "query_only", true)?;
                connection.pragma_update(None, "cache_size", -4_096)?;
            }
            Role::Checkpointer => connection.pragma_update(None, "cache_size", -256)?,
        }
        connection.execute_batch(
            "PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA mmap_size = 0;
             PRAGMA temp_store = MEMORY;
             PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;",
        )?;
        connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
        if let (Role::Writer, Some(pages)) = (role, self.options.pages_max) {
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        }
        Ok(connection)
    }
}

/// Whether the file is empty, perhaps because its creation was interrupted.
fn is_new(connection: &Connection) -> rusqlite::Result<bool> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(id == 0 && tables == 0)
}

/// Creates an empty file for its owner alone; SQLite creates it for everybody to read, and gives
/// the files beside it the same permissions. Nothing may have opened it yet.
pub(crate) fn create(path: &std::path::Path) -> std::io::Result<()> {
    let made = std::fs::File::options().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn make(connection: &Connection, name: &str) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute("INSERT INTO about (name, needs) VALUES (?1, ?2)", (name, NEEDS))?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

fn check_format(connection: &Connection) -> Result<(), StoreOpenError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if pragma("application_id").map_err(StoreOpenError::from_sqlite)? != APPLICATION_ID {
        return Err(StoreOpenError::Foreign);
    }
    let found = pragma("user_version").map_err(StoreOpenError::from_sqlite)?;
    match u32::try_from(found) {
        Ok(1..=FORMAT) => Ok(()),
        Ok(found @ 1..) => {
            // Every later format must keep this column here.
            let needs = connection
                .query_row("SELECT needs FROM about", [], |row| row.get(0))
                .unwrap_or_else(|_| "a later release".to_owned());
            Err(StoreOpenError::Newer { found, known: FORMAT, needs })
        }
        _ => Err(StoreOpenError::Foreign),
    }
}

fn check_name(connection: &Connection, wanted: &str) -> Result<(), StoreOpenError> {
    let found: Option<String> = connection
        .query_row("SELECT name FROM about", [], |row| row.get(0))
        .optional()
        .map_err(StoreOpenError::from_sqlite)?;
    match found {
        Some(found) if found == wanted => Ok(()),
        Some(found) => Err(StoreOpenError::Name { found, wanted: wanted.to_owned() }),
        None => Err(StoreOpenError::Foreign),
    }
}

/// Checks the settings that durability and erasure depend on.
fn check_settings(connection: &Connection) -> Result<(), StoreOpenError> {
    for (setting, needed) in [("journal_mode", "wal"), ("synchronous", "2"), ("secure_delete", "1")]
    {
        let found = connection
            .pragma_query_value(None, setting, |row| {
                Ok(match row.get_ref(0)? {
                    rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                    other => other.as_str().unwrap_or_default().to_owned(),
                })
            })
            .map_err(StoreOpenError::from_sqlite)?;
        if found != needed {
            return Err(StoreOpenError::Setting { setting, found, needed });
        }
    }
    Ok(())
}

/// The head of the ledger in the file.
pub(crate) fn tail(connection: &Connection) -> Result<Head, ReadError> {
    let Some((entry, leaf)) = last(connection)? else { return Ok(Head::EMPTY) };
    let head = Head::after(&entry);
    if head.hash != leaf {
        let damage = Damage::EntryChanged;
        return Err(ReadError::Corrupt(Corrupt { position: entry.position, damage }));
    }
    Ok(head)
}

/// The last entry, with its stored leaf hash.
fn last(connection: &Connection) -> Result<Option<(EntryBytes, Digest)>, ReadError> {
    let sql = "SELECT position, leaf, bytes FROM entries ORDER BY position DESC LIMIT 1";
    let last: Option<(u64, [u8; 32], Vec<u8>)> = connection
        .query_row(sql, [], |row| Ok((position(row, 0)?, row.get(1)?, row.get(2)?)))
        .optional()
        .map_err(read_error(Position::ZERO))?;
    Ok(last.map(|(position, leaf, bytes)| {
        (EntryBytes { position: Position(position), bytes: bytes.into() }, Digest(leaf))
    }))
}

/// A position from a column. SQLite's integers are signed, but no position below 1 is ever stored.
pub(crate) fn position(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}
