use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use muster_journal::{Ledger, LedgerHandle, LedgerReader, Marks};

use super::{Options, SqliteLedger, SqliteMarks, SqliteReader};
use crate::{LastUse, OpenStore, Store, StoreOpenError};

/// The ledgers of a data directory, each in a file with its name, and the marks of their followers
/// in `followers.db`. Marks aren't part of a backup, because a restored ledger has another end.
#[derive(Debug)]
pub(crate) struct SqliteStore {
    directory: PathBuf,
    last_use: LastUse,
    opened: Mutex<Opened>,
}

/// What is open, to be closed.
#[derive(Debug, Default)]
struct Opened {
    ledgers: BTreeMap<String, Arc<SqliteLedger>>,
    marks: Vec<Arc<SqliteMarks>>,
}

/// The names of files in a data directory.
const NAMES: [&str; 2] = ["changes", MARKS];
const MARKS: &str = "followers";

/// The suffixes of the files that SQLite puts beside a database.
const FILE_ENDS: [&str; 3] = ["", LOG_END, "-shm"];

/// The suffix of the write-ahead log.
const LOG_END: &str = "-wal";

impl SqliteStore {
    pub(crate) fn new(directory: PathBuf, last_use: LastUse) -> Self {
        Self { directory, last_use, opened: Mutex::default() }
    }

    fn options(&self) -> Options {
        Options { last_use: self.last_use, ..Options::default() }
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        // No code panics while it holds the lock.
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.db"))
    }
}

impl Store for SqliteStore {
    fn ledger(&self, name: &str) -> Result<Box<dyn Ledger>, StoreOpenError> {
        let mut opened = self.opened();
        if opened.ledgers.contains_key(name) {
            return Err(StoreOpenError::AlreadyOpen);
        }
        let ledger = Arc::new(SqliteLedger::open(&self.path(name), name, self.options())?);
        opened.ledgers.insert(name.to_owned(), Arc::clone(&ledger));
        Ok(Box::new(LedgerHandle(ledger)))
    }

    fn reader(&self, name: &str) -> Result<Arc<dyn LedgerReader>, StoreOpenError> {
        Ok(Arc::new(SqliteReader::open(&self.path(name), name, self.options())?))
    }

    fn marks(&self) -> Result<Arc<dyn Marks>, StoreOpenError> {
        let marks = Arc::new(SqliteMarks::open(&self.path(MARKS))?);
        self.opened().marks.push(Arc::clone(&marks));
        Ok(marks)
    }

    fn has_file(&self, file_name: &str) -> bool {
        let end = |name| file_name.strip_prefix(name)?.strip_prefix(".db");
        NAMES.into_iter().filter_map(end).any(|end| FILE_ENDS.contains(&end))
    }
}

#[async_trait]
impl OpenStore for SqliteStore {
    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.path(name))
    }

    fn bytes(&self, name: &str) -> u64 {
        // The log is part of it until it is copied back; the index of the log isn't stored.
        let size = |end| fs::metadata(self.directory.join(format!("{name}.db{end}")));
        ["", LOG_END].into_iter().filter_map(|end| size(end).ok()).map(|found| found.len()).sum()
    }

    async fn close(&self) {
        let opened = std::mem::take(&mut *self.opened());
        for marks in opened.marks {
            marks.close().await;
        }
        for ledger in opened.ledgers.into_values() {
            ledger.close().await;
        }
    }
}
