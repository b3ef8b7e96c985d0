//! The SQLite ledger, against the port's suite and on its own.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

mod conformance;
mod crash;
mod damage;
#[cfg(target_os = "linux")]
mod failing;
mod full;
mod marks;
mod opening;
mod purging;

use std::path::{Path, PathBuf};

use muster_journal::{Batch, Ledger as _, conformance::sample_batch};
use muster_ledger::Head;
use muster_stores::{SqliteLedger, sqlite::Options};

/// Opens the ledger `changes` in a directory.
fn open(directory: &Path) -> SqliteLedger {
    SqliteLedger::open(&file(directory), "changes", Options::default()).unwrap()
}

/// The ledger's file in a directory.
fn file(directory: &Path) -> PathBuf {
    directory.join("changes.db")
}

/// Appends a few entries to an empty ledger; answers them, with the head after them.
async fn filled(ledger: &SqliteLedger, count: usize) -> (Head, Batch) {
    let batch = sample_batch(Head::EMPTY, 1, count);
    let head = ledger.append(Head::EMPTY, &batch).await.unwrap();
    (head, batch)
}

/// The names of the files in a directory, in order.
fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
