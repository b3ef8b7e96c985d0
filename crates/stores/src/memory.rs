use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use muster_journal::{Ledger, LedgerReader, Marks, MemoryLedger, MemoryMarks};

use crate::{Store, StoreOpenError};

/// Ledgers and marks in memory; they are lost with the process.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    ledgers: Mutex<BTreeMap<String, Arc<MemoryLedger>>>,
    marks: Arc<MemoryMarks>,
}

impl MemoryStore {
    fn of(&self, name: &str) -> Arc<MemoryLedger> {
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(ledgers.entry(name.to_owned()).or_default())
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn ledger(&self, name: &str) -> Result<Arc<dyn Ledger>, StoreOpenError> {
        Ok(self.of(name))
    }

    fn reader(&self, name: &str) -> Result<Arc<dyn LedgerReader>, StoreOpenError> {
        Ok(self.of(name))
    }

    fn marks(&self) -> Result<Arc<dyn Marks>, StoreOpenError> {
        Ok(self.marks.clone())
    }

    fn file(&self, _: &str) -> Option<PathBuf> {
        None
    }

    fn has_file(&self, _: &str) -> bool {
        false
    }

    async fn close(&self) {}
}
