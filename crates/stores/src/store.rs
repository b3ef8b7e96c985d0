use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use muster_journal::{Ledger, LedgerReader, Marks};

#[cfg(feature = "sqlite")]
use crate::sqlite::SqliteStore;
use crate::{StoreOpenError, memory::MemoryStore};

/// Where a registry is kept, which decides the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In memory: gone with the process.
    Memory,
    /// In files of a data directory, by SQLite.
    #[cfg(feature = "sqlite")]
    Directory(PathBuf),
}

/// The store of a place. Nothing is opened or made before it is asked for.
#[must_use]
pub fn open(place: &Place) -> Arc<dyn Store> {
    match place {
        Place::Memory => Arc::new(MemoryStore::default()),
        #[cfg(feature = "sqlite")]
        Place::Directory(path) => Arc::new(SqliteStore::new(path.clone())),
    }
}

/// What an engine keeps in one place: ledgers by name, and the marks of who follows them.
#[async_trait]
pub trait Store: Send + Sync {
    /// Opens the ledger of a name, or makes an empty one. It may block the calling thread while
    /// what a crash left is recovered.
    ///
    /// # Errors
    /// See [`StoreOpenError`].
    fn ledger(&self, name: &str) -> Result<Arc<dyn Ledger>, StoreOpenError>;

    /// Opens the ledger of a name as it is now, to be looked at and left as it is. It can be had
    /// where [`Store::ledger`] can't, because the ledger is damaged.
    ///
    /// # Errors
    /// See [`StoreOpenError`].
    fn reader(&self, name: &str) -> Result<Arc<dyn LedgerReader>, StoreOpenError>;

    /// Opens the marks of followers, or makes a store that holds none.
    ///
    /// # Errors
    /// See [`StoreOpenError`].
    fn marks(&self) -> Result<Arc<dyn Marks>, StoreOpenError>;

    /// The file in which the ledger of a name lies, where it lies in one.
    fn file(&self, name: &str) -> Option<PathBuf>;

    /// Whether the engine makes files of that name beside the data directory's other files.
    fn has_file(&self, file_name: &str) -> bool;

    /// Finishes what is being written and lets go of all that was opened. Afterwards what lies in
    /// files answers `Unavailable`.
    async fn close(&self);
}
