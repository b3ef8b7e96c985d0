//! How much one append holds: the limits of a batch.

use std::{num::NonZeroU32, sync::Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use muster_catalog::command::Command;
use muster_journal::{AppendError, Batch, LedgerReader, MemoryLedger, ReadError};
use muster_ledger::{EntryBytes, Head};
use muster_words::{
    ContentRef, Digest, Position,
    limits::{BATCH_BYTES_MAX, BATCH_COMMANDS_MAX},
};
use tokio::sync::Semaphore;

use super::*;
use crate::commands::*;

/// A ledger that writes down how much each append holds, and lets them pass one by one.
struct MeasuringLedger {
    inner: MemoryLedger,
    /// Bytes and entries of each append.
    appends: Mutex<Vec<(usize, usize)>>,
    permits: Semaphore,
}

#[async_trait]
impl LedgerReader for MeasuringLedger {
    async fn head(&self) -> Result<Head, ReadError> {
        self.inner.head().await
    }

    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError> {
        self.inner.read(after, limit).await
    }

    async fn leaves(&self, after: Position, limit: NonZeroU32) -> Result<Vec<Digest>, ReadError> {
        self.inner.leaves(after, limit).await
    }

    async fn contents(&self, wanted: &[ContentRef]) -> Result<Vec<Option<Bytes>>, ReadError> {
        self.inner.contents(wanted).await
    }

    async fn moved(&self, position: Position) -> Result<(), ReadError> {
        self.inner.moved(position).await
    }
}

#[async_trait]
impl Ledger for MeasuringLedger {
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError> {
        self.permits.acquire().await.unwrap().forget();
        let entries = batch.entries.iter().map(|entry| entry.bytes.len());
        let contents = batch.contents.iter().map(|(_, bytes)| bytes.len());
        let bytes = entries.chain(contents).sum();
        self.appends.lock().unwrap().push((bytes, batch.entries.len()));
        self.inner.append(head, batch).await
    }
}

/// The appends with which commands were written that all came while an append was going on, after
/// these first commands.
async fn appends(first: Vec<Command>, commands: Vec<Command>) -> Vec<(usize, usize)> {
    let (appends, permits) = (Mutex::default(), Semaphore::new(Semaphore::MAX_PERMITS / 2));
    let measuring = Arc::new(MeasuringLedger { inner: MemoryLedger::new(), appends, permits });
    let ledger: Arc<dyn Ledger> = measuring.clone();
    let registry = open(&ledger, &CountingClock::default()).await;
    for command in first {
        registry.submit(command, &by()).await.unwrap();
    }
    measuring.permits.forget_permits(Semaphore::MAX_PERMITS);
    let submit = |command| {
        let registry = registry.clone();
        tokio::spawn(async move { registry.submit(command, &by()).await })
    };
    let mut running = vec![submit(put("/configs/app/entries/first", "1"))];
    // The writer has taken it, and waits for its append.
    while running.is_empty() || registry.status().waiting > 0 {
        tokio::task::yield_now().await;
    }
    let count = commands.len() as u64;
    running.extend(commands.into_iter().map(submit));
    while registry.status().waiting < count {
        tokio::task::yield_now().await;
    }
    measuring.appends.lock().unwrap().clear();
    measuring.permits.add_permits(Semaphore::MAX_PERMITS / 2);
    for command in running {
        command.await.unwrap().unwrap();
    }
    measuring.appends.lock().unwrap().clone()
}

fn entry(number: usize) -> String {
    format!("/configs/app/entries/e{number}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_holds_no_more_than_a_batch() {
    let document = format!("\"{}\"", "x".repeat(1_000_000));
    let labels = (0..15).map(|n| format!(r#""l{n}":"{}""#, "x".repeat(4_000)));
    let labels = format!(r#"{{"labels":{{{}}}}}"#, labels.collect::<Vec<_>>().join(","));
    // A small command that writes much, because it writes all attributes of its entity.
    let labelled = (0..300).flat_map(|n| [put(&entry(n), "1"), patch(&entry(n), &labels)]);
    let named = (0..300).map(|n| patch(&entry(n), r#"{"name":"n"}"#)).collect();
    for (what, first, commands) in [
        ("large documents", Vec::new(), (0..24).map(|n| put(&entry(n), &document)).collect()),
        ("large attributes", labelled.collect(), named),
        ("many", Vec::new(), (0..2_500).map(|n| put(&entry(n), "1")).collect::<Vec<_>>()),
    ] {
        let least = commands.len();
        let appends = appends(first, commands).await;
        let entries: usize = appends.iter().map(|(_, entries)| entries).sum();
        assert!(entries > least, "{what}: {appends:?}");
        assert!(appends.len() < 50, "they are written together: {what}: {appends:?}");
        for (bytes, entries) in &appends {
            // The last command may exceed it.
            assert!(*bytes < BATCH_BYTES_MAX + 1_100_000, "{what}: {appends:?}");
            assert!(*entries <= BATCH_COMMANDS_MAX, "{what}: {appends:?}");
        }
    }
}
