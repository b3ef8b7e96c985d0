use muster_journal::{Cause, Corrupt, ReadError};
use muster_words::Position;
use thiserror::Error;

/// Why a ledger, or the marks of its followers, can't be opened.
#[derive(Clone, Debug, Error)]
pub enum StoreOpenError {
    /// The built-in SQLite has a bug that can damage a file (3.7.0 to 3.51.2, if the log is reset
    /// while another connection commits).
    #[error("SQLite {found} can damage a ledger; at least {needed} is needed")]
    Engine {
        /// The built-in version.
        found: String,
        /// The first version without the bug.
        needed: &'static str,
    },
    /// A setting that durability or erasure depends on wasn't accepted.
    #[error("SQLite reports {setting}={found}, but {needed} is needed")]
    Setting {
        /// The pragma's name.
        setting: &'static str,
        /// Its value after setting it.
        found: String,
        /// The value that was set.
        needed: &'static str,
    },
    /// The file is something else.
    #[error("the file wasn't written by Muster")]
    Foreign,
    /// The file holds a ledger with another name.
    #[error("the file holds the ledger {found:?}, not {wanted:?}")]
    Name {
        /// Its name.
        found: String,
        /// The requested name.
        wanted: String,
    },
    /// A later release wrote the file in a format that this release doesn't know.
    #[error(
        "the file has format {found}, which needs Muster {needs} or later; this one reads up to {known}"
    )]
    Newer {
        /// The file's format.
        found: u32,
        /// The newest format that this release knows.
        known: u32,
        /// The release that the file requires.
        needs: String,
    },
    /// The end of the log of the last appends can't be read, although later ones are behind it.
    #[error(
        "the log is damaged at byte {byte}, and {}acknowledged {} behind that place can't be read",
        readable.map_or(String::new(), |last| format!("the ledger ends at position {last}: ")),
        match transactions { 1 => "write of 1 batch".to_owned(), many => format!("writes of {many} batches") }
    )]
    TailMissing {
        /// The last position that can be read, if anything can.
        readable: Option<Position>,
        /// The place in the log, in bytes from its beginning.
        byte: u64,
        /// How many transactions can't be read, at least.
        transactions: u64,
    },
    /// The ledger was already given to somebody for writing.
    #[error("the ledger is already open for writing")]
    AlreadyOpen,
    /// The last entry of the ledger is damaged.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// The file can't be opened, read or created now.
    #[error("the file can't be opened")]
    Unavailable(#[source] Cause),
}

impl From<ReadError> for StoreOpenError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(cause) => Self::Unavailable(cause),
            ReadError::Corrupt(corrupt) => Self::Corrupt(corrupt),
        }
    }
}
