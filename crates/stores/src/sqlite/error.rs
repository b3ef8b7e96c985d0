use std::sync::Arc;

use muster_journal::{AppendError, Cause, Corrupt, Damage, ReadError};
use muster_words::Position;
use rusqlite::ffi;
use thiserror::Error;

use crate::StoreOpenError;

impl StoreOpenError {
    pub(crate) fn from_sqlite(error: rusqlite::Error) -> Self {
        match SqliteFault::of(&error) {
            SqliteFault::NotADatabase => Self::Foreign,
            SqliteFault::Damaged => Self::Corrupt(medium(Position::ZERO, error)),
            _ => Self::Unavailable(cause(error)),
        }
    }
}

/// The ledger was closed.
#[derive(Clone, Copy, Debug, Error)]
#[error("the ledger is closed")]
pub(crate) struct Closed;

/// The meaning of an SQLite error for a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SqliteFault {
    /// The disk, the quota or a file limit is full. SQLite reports only ENOSPC as `SQLITE_FULL`.
    /// EFBIG and EDQUOT appear as a failed write, without the error number; a log index that can't
    /// grow appears as `SQLITE_IOERR_SHMSIZE`.
    NoRoom,
    /// A value or a statement exceeds SQLite's own limits.
    TooLarge,
    /// A page that SQLite can't have written, or a value of the wrong type.
    Damaged,
    /// The file isn't a database, or its first page is damaged.
    NotADatabase,
    /// Anything else: input and output, locks, memory.
    Other,
}

impl SqliteFault {
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

/// The error of a read that began at `position`.
pub(crate) fn read_error(position: Position) -> impl Fn(rusqlite::Error) -> ReadError {
    move |error| match SqliteFault::of(&error) {
        SqliteFault::Damaged | SqliteFault::NotADatabase => {
            ReadError::Corrupt(medium(position, error))
        }
        _ => ReadError::Unavailable(cause(error)),
    }
}

/// The error of an append that wrote nothing and would have begun at `position`.
pub(crate) fn append_error(position: Position, error: rusqlite::Error) -> AppendError {
    match SqliteFault::of(&error) {
        SqliteFault::NoRoom => AppendError::Full,
        SqliteFault::TooLarge => AppendError::TooLarge,
        SqliteFault::Damaged | SqliteFault::NotADatabase => {
            AppendError::Corrupt(medium(position, error))
        }
        SqliteFault::Other => AppendError::Unavailable(cause(error)),
    }
}
