use std::sync::Arc;

use muster_journal::{AppendError, Cause, Corrupt, Damage, ReadError};
use muster_words::Position;
use rusqlite::ffi;
use thiserror::Error;

/// Why a ledger's file was not opened.
#[derive(Clone, Debug, Error)]
pub enum OpenError {
    /// The SQLite that was built in is one that can damage a file (3.7.0 to 3.51.2, when a log is
    /// reset while another connection commits).
    #[error("SQLite {found} can damage a ledger; at least {needed} is needed")]
    Engine {
        /// The version that was built in.
        found: String,
        /// The first version that will do.
        needed: &'static str,
    },
    /// A setting on which durability or erasure stands was not taken.
    #[error("SQLite answers {setting}={found} where {needed} is needed")]
    Setting {
        /// The pragma's name.
        setting: &'static str,
        /// What it answers.
        found: String,
        /// What was set.
        needed: &'static str,
    },
    /// The file is something else.
    #[error("the file is no ledger of Muster's")]
    Foreign,
    /// The file is the ledger of another name.
    #[error("the file holds the ledger {found:?}, not {wanted:?}")]
    Name {
        /// The name that it has.
        found: String,
        /// The name that was asked for.
        wanted: String,
    },
    /// A later release wrote the file in a format that this one doesn't know.
    #[error(
        "the ledger has format {found}, which needs Muster {needs} or later; this one reads up to {known}"
    )]
    Newer {
        /// The file's format.
        found: u32,
        /// The newest format that this release knows.
        known: u32,
        /// The release that the file says it needs.
        needs: String,
    },
    /// The file is damaged where the ledger ends.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The file can't be opened, read or made now.
    #[error("the ledger's file can't be opened")]
    Unavailable(#[source] Cause),
}

impl OpenError {
    /// Whether opening may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    pub(crate) fn from_sqlite(error: rusqlite::Error) -> Self {
        match Fault::of(&error) {
            Fault::NotADatabase => Self::Foreign,
            Fault::Damaged => Self::Corrupt(medium(Position::ZERO, error)),
            _ => Self::Unavailable(cause(error)),
        }
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(cause) => Self::Unavailable(cause),
            ReadError::Corrupt(corrupt) => Self::Corrupt(corrupt),
        }
    }
}

/// The ledger was closed.
#[derive(Clone, Copy, Debug, Error)]
#[error("the ledger is closed")]
pub(crate) struct Closed;

/// The ledger was opened only to be read.
#[derive(Clone, Copy, Debug, Error)]
#[error("the ledger was opened only to be read")]
pub(crate) struct Unwritable;

/// What an error of SQLite's means to a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No room on the disk, in the quota or under a limit on the file. SQLite tells ENOSPC apart
    /// as `SQLITE_FULL`; EFBIG and EDQUOT it answers as a failed write, without the number. A log
    /// whose index can't grow is `SQLITE_IOERR_SHMSIZE`.
    NoRoom,
    /// A value or statement over SQLite's own limits.
    TooLarge,
    /// A page that can't be what SQLite wrote, or a value of another type than was stored.
    Damaged,
    /// Not a database at all, or its first page is damaged.
    NotADatabase,
    /// Anything else: input and output, locks, memory.
    Other,
}

impl Fault {
    pub(crate) fn of(error: &rusqlite::Error) -> Self {
        use rusqlite::Error;
        match error {
            Error::SqliteFailure(failure, _) => match failure.extended_code {
                ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE => Self::NoRoom,
                extended => match extended & 0xff {
                    ffi::SQLITE_FULL => Self::NoRoom,
                    ffi::SQLITE_TOOBIG => Self::TooLarge,
                    ffi::SQLITE_CORRUPT => Self::Damaged,
                    ffi::SQLITE_NOTADB => Self::NotADatabase,
                    _ => Self::Other,
                },
            },
            Error::FromSqlConversionFailure(..)
            | Error::InvalidColumnType(..)
            | Error::IntegralValueOutOfRange(..) => Self::Damaged,
            _ => Self::Other,
        }
    }
}

pub(crate) fn cause(error: impl std::error::Error + Send + Sync + 'static) -> Cause {
    Arc::new(error)
}

fn medium(position: Position, error: rusqlite::Error) -> Corrupt {
    Corrupt { position, damage: Damage::Medium(cause(error)) }
}

/// A read's failure, where `position` was wanted first.
pub(crate) fn read_error(position: Position) -> impl Fn(rusqlite::Error) -> ReadError {
    move |error| match Fault::of(&error) {
        Fault::Damaged | Fault::NotADatabase => ReadError::Corrupt(medium(position, error)),
        _ => ReadError::Unavailable(cause(error)),
    }
}

/// The failure of an append of which nothing landed, where `position` was to be written next.
pub(crate) fn append_error(position: Position, error: rusqlite::Error) -> AppendError {
    match Fault::of(&error) {
        Fault::NoRoom => AppendError::Full,
        Fault::TooLarge => AppendError::TooLarge,
        Fault::Damaged | Fault::NotADatabase => AppendError::Corrupt(medium(position, error)),
        Fault::Other => AppendError::Unavailable(cause(error)),
    }
}
