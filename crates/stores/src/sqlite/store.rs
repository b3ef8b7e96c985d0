use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use muster_journal::{Ledger, LedgerReader};

use super::{Options, SqliteLedger, SqliteReader};
use crate::{OpenError, Store};

/// The ledgers of one data directory, each in a file of its name.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    directory: PathBuf,
    opened: Mutex<Vec<Arc<SqliteLedger>>>,
}

/// What SQLite puts behind a database's name for the files beside it.
const FILE_ENDS: [&str; 3] = ["", "-wal", "-shm"];

impl SqliteStore {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, opened: Mutex::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.db"))
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn ledger(&self, name: &str) -> Result<Arc<dyn Ledger>, OpenError> {
        let ledger = Arc::new(SqliteLedger::open(&self.path(name), name, Options::default())?);
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.push(Arc::clone(&ledger));
        Ok(ledger)
    }

    fn reader(&self, name: &str) -> Result<Arc<dyn LedgerReader>, OpenError> {
        Ok(Arc::new(SqliteReader::open(&self.path(name), name)?))
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.path(name))
    }

    fn has_file(&self, file_name: &str) -> bool {
        let rest = file_name.strip_prefix("changes.db");
        rest.is_some_and(|end| FILE_ENDS.contains(&end))
    }

    async fn close(&self) {
        let opened =
            std::mem::take(&mut *self.opened.lock().unwrap_or_else(PoisonError::into_inner));
        for ledger in opened {
            ledger.close().await;
        }
    }
}
