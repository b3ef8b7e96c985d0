//! A ledger that never answers, and one that takes the writer down with it.

use std::{num::NonZeroU32, sync::atomic::AtomicUsize, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use muster_catalog::command::{Mode, Target};
use muster_journal::{AppendError, Batch, LedgerReader, MemoryLedger, ReadError};
use muster_ledger::{EntryBytes, Head};
use muster_registry::{SubmitError, WriterEnd};
use muster_words::{ContentRef, Digest, Position};
use tokio::{sync::Semaphore, time::Instant};

use super::*;
use crate::commands::*;

const NAME: &str = "/configs/app/entries/web";

/// What an append or a read of a [`HangingLedger`] ledger does.
const PASS: usize = 0;
const HANG: usize = 1;
const PANIC: usize = 2;
const HANG_BEHIND: usize = 3;

/// A ledger whose appends or reads hang until they are let go, or panic.
struct HangingLedger {
    inner: MemoryLedger,
    appends: AtomicUsize,
    reads: AtomicUsize,
    contents: AtomicUsize,
    let_go: Semaphore,
}

impl HangingLedger {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryLedger::new(),
            appends: AtomicUsize::new(PASS),
            reads: AtomicUsize::new(PASS),
            contents: AtomicUsize::new(PASS),
            let_go: Semaphore::new(0),
        })
    }

    async fn hang(&self) {
        self.let_go.acquire().await.unwrap().forget();
    }
}

#[async_trait]
impl LedgerReader for HangingLedger {
    async fn head(&self) -> Result<Head, ReadError> {
        self.inner.head().await
    }

    async fn read(&self, after: Position, limit: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError> {
        if self.reads.load(Ordering::Relaxed) == HANG {
            self.hang().await;
        }
        self.inner.read(after, limit).await
    }

    async fn leaves(&self, after: Position, limit: NonZeroU32) -> Result<Vec<Digest>, ReadError> {
        self.inner.leaves(after, limit).await
    }

    async fn contents(&self, wanted: &[ContentRef]) -> Result<Vec<Option<Bytes>>, ReadError> {
        let found = self.inner.contents(wanted).await;
        if self.contents.load(Ordering::Relaxed) == HANG_BEHIND {
            self.hang().await;
        }
        found
    }

    async fn moved(&self, position: Position) -> Result<(), ReadError> {
        self.inner.moved(position).await
    }
}

#[async_trait]
impl Ledger for HangingLedger {
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError> {
        match self.appends.load(Ordering::Relaxed) {
            HANG => {
                self.hang().await;
                self.inner.append(head, batch).await
            }
            HANG_BEHIND => {
                let answer = self.inner.append(head, batch).await;
                self.hang().await;
                answer
            }
            PANIC => {
                let _ = self.inner.append(head, batch).await;
                panic!("as a test wants it");
            }
            _ => self.inner.append(head, batch).await,
        }
    }
}

async fn over(ledger: &Arc<HangingLedger>) -> Registry {
    let ledger: Arc<dyn Ledger> = ledger.clone();
    open(&ledger, &CountingClock::default()).await
}

/// Submits on a task of its own; answers with how long it took.
fn submit(
    registry: &Registry,
    document: &'static str,
) -> tokio::task::JoinHandle<(Result<Position, SubmitError>, Duration)> {
    let registry = registry.clone();
    tokio::spawn(async move {
        let begun = Instant::now();
        let answer = registry.submit(put(NAME, document), &by()).await;
        (answer.map(|done| done.position), begun.elapsed())
    })
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_five_seconds_for_an_append_that_hangs() {
    for hanging in [HANG, HANG_BEHIND] {
        let ledger = HangingLedger::new();
        let registry = over(&ledger).await;
        registry.submit(put(NAME, "0"), &by()).await.unwrap();
        ledger.appends.store(hanging, Ordering::Relaxed);
        let first = submit(&registry, "1");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let queued = submit(&registry, "2");
        let (answer, took) = first.await.unwrap();
        assert!(matches!(answer, Err(SubmitError::OutcomeUnknown)), "{answer:?}");
        assert!(took <= Duration::from_millis(5_100), "{took:?}");
        assert!(matches!(queued.await.unwrap().0, Err(SubmitError::Busy)));
        // Who comes later is hardly kept at all.
        let (later, took) = submit(&registry, "3").await.unwrap();
        assert!(matches!(later, Err(SubmitError::Busy)), "{later:?}");
        assert!(took <= Duration::from_millis(1_100), "{took:?}");
        assert_eq!(registry.status().waiting, 0);
        assert!(registry.is_in_doubt());
        let before = registry.view().position();

        ledger.appends.store(PASS, Ordering::Relaxed);
        ledger.let_go.add_permits(1);
        let view = registry.reached(before.next()).await;
        let content = view.version_at(&xid(NAME)).unwrap().document.unwrap();
        assert_eq!(registry.contents(&[content]).await.unwrap()[0].as_deref(), Some(&b"1"[..]));
        registry.submit(put(NAME, "4"), &by()).await.unwrap();
        assert!(!registry.is_in_doubt());
        registry.verify(|_| {}).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_for_a_read_that_hangs_while_an_append_is_settled() {
    let ledger = HangingLedger::new();
    let registry = over(&ledger).await;
    registry.submit(put(NAME, "0"), &by()).await.unwrap();
    // Somebody else appends, so that the writer must catch up, and can't.
    let other = over(&ledger).await;
    other.submit(put("/configs/app/entries/other", "0"), &by()).await.unwrap();
    ledger.reads.store(HANG, Ordering::Relaxed);
    let (answer, took) = submit(&registry, "1").await.unwrap();
    assert!(matches!(answer, Err(SubmitError::OutcomeUnknown)), "{answer:?}");
    assert!(took <= Duration::from_millis(5_100), "{took:?}");
    let (later, _) = submit(&registry, "2").await.unwrap();
    assert!(matches!(later, Err(SubmitError::Busy)), "{later:?}");
    ledger.reads.store(PASS, Ordering::Relaxed);
    ledger.let_go.add_permits(1_000);
    registry.reached(Position(4)).await;
    registry.submit(put(NAME, "3"), &by()).await.unwrap();
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_registry_is_closed_although_an_append_hangs() {
    let ledger = HangingLedger::new();
    let registry = over(&ledger).await;
    ledger.appends.store(HANG, Ordering::Relaxed);
    let first = submit(&registry, "1");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    registry.close().await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(matches!(first.await.unwrap().0, Err(SubmitError::OutcomeUnknown)));
    ledger.let_go.add_permits(1);
    assert_eq!(registry.ended().await, WriterEnd::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_registry_is_closed_although_the_append_hangs_that_the_word_came_with() {
    let ledger = HangingLedger::new();
    let registry = over(&ledger).await;
    ledger.appends.store(HANG, Ordering::Relaxed);
    let first = submit(&registry, "1");
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Both wait for the writer, so it takes them as one batch.
    let second = submit(&registry, "2");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let closing = tokio::spawn({
        let registry = registry.clone();
        async move { registry.close().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    ledger.let_go.add_permits(1);
    assert!(first.await.unwrap().0.is_ok());
    let closed = tokio::time::timeout(Duration::from_secs(6), closing).await;
    closed.unwrap().unwrap();
    let (answer, _) = second.await.unwrap();
    assert!(matches!(answer, Err(SubmitError::OutcomeUnknown)), "{answer:?}");
    ledger.let_go.add_permits(1);
    assert_eq!(registry.ended().await, WriterEnd::Closed);
}

#[tokio::test]
async fn a_writer_that_ends_by_a_fault_says_so_and_claims_nothing() {
    let ledger = HangingLedger::new();
    let registry = over(&ledger).await;
    registry.submit(put(NAME, "0"), &by()).await.unwrap();
    ledger.appends.store(PANIC, Ordering::Relaxed);
    // The append landed before the panic: no answer may say that nothing was done.
    let (lost, _) = submit(&registry, "1").await.unwrap();
    assert!(matches!(lost, Err(SubmitError::OutcomeUnknown)), "{lost:?}");
    assert_eq!(registry.ended().await, WriterEnd::Fault);
    let (later, _) = submit(&registry, "2").await.unwrap();
    assert!(matches!(later, Err(SubmitError::Unavailable)), "{later:?}");
    assert!(registry.view().has(&xid(NAME)), "it is still read");
    registry.close().await;
    // A new start finds what landed.
    ledger.appends.store(PASS, Ordering::Relaxed);
    let again = over(&ledger).await;
    let content = again.view().version_at(&xid(NAME)).unwrap().document.unwrap();
    assert_eq!(again.contents(&[content]).await.unwrap()[0].as_deref(), Some(&b"1"[..]));
    again.verify(|_| {}).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_erased_while_it_was_read_does_not_stay_in_memory() {
    let ledger = HangingLedger::new();
    let first = over(&ledger).await;
    first.submit(put(NAME, r#"{"secret":1}"#), &by()).await.unwrap();
    first.submit(patch(NAME, r#"{"name":"secret"}"#), &by()).await.unwrap();
    first.close().await;
    // One that has nothing in memory yet.
    let registry = over(&ledger).await;
    let version = registry.view().version_at(&xid(NAME)).unwrap().clone();
    let contents = [version.document.unwrap(), version.attributes.unwrap()];
    ledger.contents.store(HANG_BEHIND, Ordering::Relaxed);
    let reading = tokio::spawn({
        let registry = registry.clone();
        async move {
            let bytes = registry.contents(&contents[..1]).await.unwrap();
            (bytes, registry.attributes(&contents[1..]).await.unwrap())
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    ledger.let_go.add_permits(1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Now the attributes were read, and aren't kept yet.
    registry.submit(purge(NAME), &by()).await.unwrap();
    ledger.contents.store(PASS, Ordering::Relaxed);
    ledger.let_go.add_permits(1);
    let (bytes, attributes) = reading.await.unwrap();
    assert!(bytes[0].is_some() && !attributes[0].is_empty(), "who read before has it");
    assert_eq!(registry.contents(&contents).await.unwrap(), [None, None]);
    assert!(registry.attributes(&contents[1..]).await.unwrap()[0].is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_read_that_hangs_holds_nobody_for_ever() {
    let ledger = HangingLedger::new();
    let first = over(&ledger).await;
    first.submit(put(NAME, "1"), &by()).await.unwrap();
    first.submit(patch(NAME, r#"{"name":"one"}"#), &by()).await.unwrap();
    first.close().await;
    let registry = over(&ledger).await;
    ledger.contents.store(HANG_BEHIND, Ordering::Relaxed);
    let begun = Instant::now();
    // It needs the old attributes, and has its target's turn when it asks for them.
    let needs = registry.submit(patch(NAME, r#"{"description":"two"}"#), &by()).await;
    assert!(matches!(needs, Err(SubmitError::Unavailable)), "{needs:?}");
    assert!(begun.elapsed() < Duration::from_secs(32), "{:?}", begun.elapsed());
    ledger.contents.store(PASS, Ordering::Relaxed);
    // Nothing is held any more, not even what a change of the model waits for.
    registry.submit(patch(NAME, r#"{"description":"two"}"#), &by()).await.unwrap();
    let source = r#"{"groups":{"dirs":{"singular":"dir"}}}"#;
    registry.submit(model(source), &by()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_repeat_that_is_looked_up_holds_nobody_and_not_for_ever() {
    let ledger = HangingLedger::new();
    let registry = over(&ledger).await;
    let groups = Target::Groups("configs".parse().unwrap());
    let many = keyed(tree(Mode::Post, groups, r#"{"one":{},"two":{}}"#), "key", "same");
    let first = registry.submit(many.clone(), &by()).await.unwrap();
    ledger.reads.store(HANG, Ordering::Relaxed);
    let begun = Instant::now();
    let repeat = tokio::spawn({
        let (registry, many) = (registry.clone(), many.clone());
        async move { (registry.submit(many, &by()).await, begun.elapsed()) }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    // A change of the model waits for all who are behind the gate.
    let source = r#"{"groups":{"dirs":{"singular":"dir"}}}"#;
    registry.submit(model(source), &by()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let (answer, took) = repeat.await.unwrap();
    assert!(matches!(answer, Err(SubmitError::Unavailable)), "{answer:?}");
    assert!(took < Duration::from_secs(32), "{took:?}");
    ledger.reads.store(PASS, Ordering::Relaxed);
    let again = registry.submit(many, &by()).await.unwrap();
    assert_eq!((again.repeat, again.shows), (true, first.shows));
}
