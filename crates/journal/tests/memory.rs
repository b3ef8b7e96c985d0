//! The in-memory ledger and marks keep what the ports promise; so does a faulty ledger without
//! faults.
#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use muster_journal::{
    Ledger, Marks, MemoryLedger, MemoryMarks,
    conformance::{self, LedgerFixture, marks::MarksFixture},
    faulty::{AppendFault, FaultyLedger},
};

/// Ledgers that live as long as the fixture.
struct InMemory {
    kept: Mutex<HashMap<String, Arc<dyn Ledger>>>,
    open: fn() -> Arc<dyn Ledger>,
}

#[async_trait]
impl LedgerFixture for InMemory {
    async fn open(&self, name: &str) -> Arc<dyn Ledger> {
        let mut kept = self.kept.lock().unwrap();
        Arc::clone(kept.entry(name.to_owned()).or_insert_with(self.open))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let open = || Arc::new(MemoryLedger::new()) as Arc<dyn Ledger>;
    conformance::run(&InMemory { kept: Mutex::default(), open }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faulty_one_without_faults_conforms() {
    let open = || {
        Arc::new(FaultyLedger::new(Arc::new(MemoryLedger::new()), [AppendFault::Pass]))
            as Arc<dyn Ledger>
    };
    conformance::run(&InMemory { kept: Mutex::default(), open }).await;
}

/// Marks that live as long as the fixture.
#[derive(Default)]
struct MarksInMemory(Mutex<HashMap<String, Arc<MemoryMarks>>>);

#[async_trait]
impl MarksFixture for MarksInMemory {
    async fn open(&self, name: &str) -> Arc<dyn Marks> {
        Arc::clone(self.0.lock().unwrap().entry(name.to_owned()).or_default()) as _
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_conform() {
    conformance::marks::run(&MarksInMemory::default()).await;
}
