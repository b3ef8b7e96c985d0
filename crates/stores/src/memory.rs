use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use muster_journal::{Ledger, LedgerHandle, LedgerReader, Marks, MemoryLedger, MemoryMarks};

use crate::{OpenStore, Store, StoreOpenError};

/// Ledgers and marks in memory; they are lost with the process.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    ledgers: Mutex<BTreeMap<String, Arc<MemoryLedger>>>,
    /// The names of ledgers that were given for writing.
    given: Mutex<BTreeSet<String>>,
    marks: Arc<MemoryMarks>,
}

impl MemoryStore {
    fn of(&self, name: &str) -> Arc<MemoryLedger> {
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(ledgers.entry(name.to_owned()).or_default())
    }
}

impl Store for MemoryStore {
    fn ledger(&self, name: &str) -> Result<Box<dyn Ledger>, StoreOpenError> {
        let ledger = self.of(name);
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        match given.insert(name.to_owned()) {
            true => Ok(Box::new(LedgerHandle(ledger))),
            false => Err(StoreOpenError::AlreadyOpen),
        }
    }

    fn reader(&self, name: &str) -> Result<Arc<dyn LedgerReader>, StoreOpenError> {
        Ok(self.of(name))
    }

    fn marks(&self) -> Result<Arc<dyn Marks>, StoreOpenError> {
        Ok(self.marks.clone())
    }

    fn has_file(&self, _: &str) -> bool {
        false
    }
}

#[async_trait]
impl OpenStore for MemoryStore {
    fn file(&self, _: &str) -> Option<PathBuf> {
        None
    }

    fn bytes(&self, _: &str) -> u64 {
        0
    }

    async fn close(&self) {}
}
