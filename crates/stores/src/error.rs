use muster_journal::{Cause, Corrupt, ReadError};
use thiserror::Error;

/// Why a ledger, or the marks of its followers, were not opened.
#[derive(Clone, Debug, Error)]
pub enum StoreOpenError {
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
    #[error("the file isn't one of Muster's")]
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
        "the file has format {found}, which needs Muster {needs} or later; this one reads up to {known}"
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
    #[error("the file can't be opened")]
    Unavailable(#[source] Cause),
}

impl StoreOpenError {
    /// Whether opening may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<ReadError> for StoreOpenError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(cause) => Self::Unavailable(cause),
            ReadError::Corrupt(corrupt) => Self::Corrupt(corrupt),
        }
    }
}
