use std::num::NonZeroU32;

use bytes::Bytes;
use muster_journal::{AppendError, Batch, LedgerReader, ReadError};
use muster_ledger::EntryBytes;
use muster_words::{ContentRef, Digest};

use super::*;

/// A ledger that counts how often its entries are read.
#[derive(Default)]
struct CountingLedger {
    inner: MemoryLedger,
    reads: AtomicU64,
}

#[async_trait]
impl LedgerReader for CountingLedger {
    async fn head(&self) -> Result<Head, ReadError> {
        self.inner.head().await
    }

    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
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
impl Ledger for CountingLedger {
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError> {
        self.inner.append(head, batch).await
    }
}

/// Commands of every kind, some of several entries.
async fn write_all_kinds(registry: &Registry) {
    let name = "/configs/app/entries/e";
    for command in [
        put(name, "[1]"),
        post(name, "[2]"),
        pair("a", "b", "[3]"),
        patch(name, r#"{"labels":{"a":"b"}}"#),
        keyed(put("/configs/app/entries/keyed", "[4]"), "key", "4"),
        delete(name),
        restore(name),
        delete("/configs/app/entries/a"),
        purge("/configs/app/entries/a"),
        purge(name),
    ] {
        registry.submit(command, &by()).await.unwrap();
    }
}

#[tokio::test]
async fn memory_and_ledger_give_the_same_commands() {
    let counting = Arc::new(CountingLedger::default());
    let ledger: Arc<dyn Ledger> = counting.clone();
    let registry = open(&ledger, &CountingClock::default()).await;
    let mut near = registry.follow(registry.view().position());
    let from = near.position();
    let reads = || counting.reads.load(Ordering::Relaxed);
    let mut of_memory: Vec<CommittedCommand> = Vec::new();
    for round in 0..3 {
        write_all_kinds(&registry).await;
        // After each command, or after many.
        let before = reads();
        while near.position() < registry.view().position() {
            of_memory.extend(near.next().await.unwrap().iter().map(|command| (**command).clone()));
        }
        assert_eq!(reads(), before, "nothing was read for them");
        write(&registry, round).await;
    }
    let before = reads();
    while near.position() < registry.view().position() {
        of_memory.extend(near.next().await.unwrap().iter().map(|command| (**command).clone()));
    }
    assert_eq!(reads(), before, "nothing was read for them");
    let mut of_ledger = Vec::new();
    let mut after = from;
    while after < registry.view().position() {
        of_ledger.extend(registry.commands_after(after).await.unwrap());
        after = of_ledger.last().map(CommittedCommand::position).unwrap();
    }
    assert!(reads() > before);
    assert_eq!(of_memory.len(), of_ledger.len());
    for (one, other) in of_memory.iter().zip(&of_ledger) {
        assert_eq!(one, other);
    }
    assert!(of_ledger.iter().any(|command| command.entries.len() > 1));
}

#[tokio::test]
async fn who_falls_behind_memory_reads_the_ledger_and_comes_back() {
    let counting = Arc::new(CountingLedger::default());
    let ledger: Arc<dyn Ledger> = counting.clone();
    let registry = open(&ledger, &CountingClock::default()).await;
    let mut slow = registry.follow(Position::ZERO);
    // More than are kept.
    for _ in 0..10 {
        let puts = (0..1_000).map(|number| {
            let (registry, name) = (registry.clone(), format!("/configs/app/entries/e{number}"));
            tokio::spawn(async move { registry.submit(put(&name, "[0]"), &by()).await })
        });
        for put in puts.collect::<Vec<_>>() {
            put.await.unwrap().unwrap();
        }
    }
    let mut taken = Vec::new();
    let (mut reads, mut last) = (Vec::new(), counting.reads.load(Ordering::Relaxed));
    while slow.position() < registry.view().position() {
        taken.extend(slow.next().await.unwrap().iter().map(|command| command.position()));
        let now = counting.reads.load(Ordering::Relaxed);
        reads.push(now > last);
        last = now;
    }
    assert_eq!(taken, ends(&registry).await);
    assert!(reads[0], "the first ones are no longer in memory");
    assert!(!reads[reads.len() - 1], "the last ones are: {reads:?}");
}

#[tokio::test]
async fn what_another_writer_appended_comes_from_the_ledger() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let ticks = CountingClock::default();
    let one = open(&ledger, &ticks).await;
    let other = open(&ledger, &ticks).await;
    let mut following = one.follow(Position::ZERO);
    for number in 0..20 {
        let writer = if number % 3 == 0 { &other } else { &one };
        let name = format!("/configs/app/entries/e{number}");
        writer.submit(put(&name, "{}"), &by()).await.unwrap();
    }
    // It learns of the other's entries when it writes itself.
    one.submit(put("/configs/app/entries/last", "{}"), &by()).await.unwrap();
    let mut taken = Vec::new();
    while following.position() < one.view().position() {
        taken.extend(following.next().await.unwrap().iter().map(|command| command.position()));
    }
    assert_eq!(taken, ends(&one).await);
}

#[tokio::test]
async fn a_command_that_is_asked_for_from_its_middle_is_given_whole() {
    let (registry, _) = begun(1).await;
    let begin = registry.view().position();
    // Equal documents lie in entries of their own.
    registry.submit(pair("a", "b", "1"), &by()).await.unwrap();
    let end = registry.view().position();
    assert!(end.0 - begin.0 > 1, "it has several entries");
    for after in begin.0..end.0 {
        let found = registry.commands_after(Position(after)).await.unwrap();
        let found: Vec<_> = found.iter().map(|found| (found.begin(), found.position())).collect();
        assert_eq!(found, [(begin, end)], "after {after}");
    }
}

#[tokio::test]
async fn nothing_is_given_that_the_view_does_not_hold_yet() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let ticks = CountingClock::default();
    let registry = open(&ledger, &ticks).await;
    write(&registry, 2).await;
    let other = open(&ledger, &ticks).await;
    write(&other, 2).await;
    let published = registry.view().position();
    assert!(published < other.view().position(), "it has heard of no other writer");
    let found = registry.commands_after(Position::ZERO).await.unwrap();
    assert_eq!(found.last().map(CommittedCommand::position), Some(published));
}
