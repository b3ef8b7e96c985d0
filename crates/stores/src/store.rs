use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use muster_journal::{Ledger, LedgerReader, Marks};

#[cfg(feature = "sqlite")]
use crate::sqlite::SqliteStore;
use crate::{StoreOpenError, memory::MemoryStore};

/// Where a registry is stored; decides the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory; lost with the process.
    Memory,
    /// In files of a data directory, with SQLite.
    #[cfg(feature = "sqlite")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// When it was last used.
        last_use: LastUse,
    },
}

/// When a data directory was last used, which tells what may have ended that use. A process that is
/// killed leaves everything that it wrote; a loss of power leaves any part of what wasn't synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastUse {
    /// The computer hasn't been started anew since then.
    ThisBoot,
    /// The computer was started anew, or it isn't known.
    #[default]
    EarlierBoot,
}

/// The store of a place. Nothing is opened or created before it is requested.
#[must_use]
pub fn open(place: &Place) -> Arc<dyn Store> {
    match place {
        Place::Memory => Arc::new(MemoryStore::default()),
        #[cfg(feature = "sqlite")]
        Place::Directory { path, last_use } => Arc::new(SqliteStore::new(path.clone(), *last_use)),
    }
}

/// What an engine keeps in one place: ledgers by name, and the marks of their followers. It is
/// needed only to open them; what goes on holding it keeps an [`OpenStore`].
pub trait Store: OpenStore {
    /// Opens the ledger with this name for writing, or creates an empty one. May block the thread
    /// while a crash is recovered.
    ///
    /// # Errors
    /// See [`StoreOpenError`]; a ledger is given for writing only once.
    fn ledger(&self, name: &str) -> Result<Box<dyn Ledger>, StoreOpenError>;

    /// Opens the ledger with this name for reading, and leaves it unchanged. Works on a damaged
    /// ledger that [`Store::ledger`] can't open.
    ///
    /// # Errors
    /// See [`StoreOpenError`].
    fn reader(&self, name: &str) -> Result<Arc<dyn LedgerReader>, StoreOpenError>;

    /// Opens the marks of followers, or creates an empty store of marks.
    ///
    /// # Errors
    /// See [`StoreOpenError`].
    fn marks(&self) -> Result<Arc<dyn Marks>, StoreOpenError>;

    /// Whether the engine creates a file with this name in the data directory.
    fn has_file(&self, file_name: &str) -> bool;
}

/// What is open in a place, to be looked at and closed. It can't append.
#[async_trait]
pub trait OpenStore: Send + Sync {
    /// The file of the ledger with this name, if it is in a file.
    fn file(&self, name: &str) -> Option<PathBuf>;

    /// The size of the ledger with this name on disk, in bytes, with all files that the engine
    /// keeps for it. 0 in memory.
    fn bytes(&self, name: &str) -> u64;

    /// Finishes current writes and closes everything. Later calls on ledgers in files answer
    /// `Unavailable`.
    async fn close(&self);
}
