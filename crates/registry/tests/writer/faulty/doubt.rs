//! Appends whose outcome isn't known, told by hand.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use muster_catalog::{changes::Outcome, decide::AnswerSubject};
use muster_journal::{
    AppendError, Batch, LedgerReader, MemoryLedger, ReadError,
    faulty::{AppendFault, FaultyLedger, LateLanding, ReadFault},
};
use muster_ledger::{EntryBytes, Head};
use muster_registry::SubmitError;
use muster_words::{ContentRef, Digest, Position};
use tokio::time::Instant;

use super::*;
use crate::commands::*;

const NAME: &str = "/configs/app/entries/web";

/// A registry over faults that begin once it is open.
async fn over(faulty: FaultyLedger) -> (Registry, Arc<FaultyLedger>) {
    let faulty = Arc::new(faulty);
    let ledger: Arc<dyn Ledger> = faulty.clone();
    let registry = open(&ledger, &CountingClock::default()).await;
    (registry, faulty)
}

/// A memory that already has its first entry.
async fn begun() -> Arc<dyn Ledger> {
    let below: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    open(&below, &CountingClock::default()).await.close().await;
    below
}

/// A ledger whose appends stay in doubt, and never land, for as long as a switch is on.
async fn switched() -> (Arc<AtomicBool>, Registry, Arc<FaultyLedger>) {
    let is_lost = Arc::new(AtomicBool::new(false));
    let switch = is_lost.clone();
    let faults = std::iter::repeat_with(move || match switch.load(Ordering::Relaxed) {
        true => AppendFault::Doubt(LateLanding::Never),
        false => AppendFault::Pass,
    });
    let (registry, faulty) = over(FaultyLedger::new(begun().await, faults)).await;
    (is_lost, registry, faulty)
}

#[tokio::test(start_paused = true)]
async fn after_five_seconds_of_doubt_callers_are_told_and_those_who_wait_are_sent_away() {
    let (is_lost, registry, faulty) = switched().await;
    registry.submit(put(NAME, "0"), &by()).await.unwrap();
    is_lost.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    let doubtful = tokio::spawn({
        let registry = registry.clone();
        async move {
            let command = keyed(put(NAME, "1"), "key", "1");
            (registry.submit(command, &by()).await, Instant::now())
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let waiting = tokio::spawn({
        let registry = registry.clone();
        async move { registry.submit(put(NAME, "2"), &by()).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Meanwhile everything is read as it was.
    let content = registry.view().version_at(&xid(NAME)).unwrap().document.unwrap();
    assert_eq!(registry.contents(&[content]).await.unwrap()[0].as_deref(), Some(&b"0"[..]));
    let (answer, told) = doubtful.await.unwrap();
    assert!(matches!(answer, Err(SubmitError::OutcomeUnknown)), "{answer:?}");
    let waited = told - begun;
    let limits = Duration::from_secs(5)..=Duration::from_millis(6_100);
    assert!(limits.contains(&waited), "{waited:?}");
    assert!(matches!(waiting.await.unwrap(), Err(SubmitError::Busy)));
    // Who comes later is sent away too, until it is known.
    let later = registry.submit(put(NAME, "3"), &by()).await;
    assert!(matches!(later, Err(SubmitError::Busy)), "{later:?}");
    assert_eq!(registry.status().waiting, 0);

    is_lost.store(false, Ordering::Relaxed);
    let repeat = loop {
        match registry.submit(keyed(put(NAME, "1"), "key", "1"), &by()).await {
            Ok(done) => break done,
            Err(error) => assert!(matches!(error, SubmitError::Busy), "{error:?}"),
        }
    };
    assert!(repeat.repeat, "the doubtful append landed when the ledger was back");
    assert_eq!(
        (repeat.outcome, &repeat.shows),
        (Outcome::Updated, &AnswerSubject::Entity(xid(NAME)))
    );
    let found = documents(&*faulty).await;
    assert_eq!(found["1"], [repeat.position]);
    assert!(!found.contains_key("2") && !found.contains_key("3"));
    registry.submit(put(NAME, "4"), &by()).await.unwrap();
    registry.verify(|_| {}).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_is_closed_in_doubt_ends_when_the_doubt_does() {
    let (is_lost, registry, faulty) = switched().await;
    let ledger = Arc::downgrade(&faulty);
    drop(faulty);
    is_lost.store(true, Ordering::Relaxed);
    let doubtful = tokio::spawn({
        let registry = registry.clone();
        async move { registry.submit(put(NAME, "1"), &by()).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    registry.close().await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(matches!(doubtful.await.unwrap(), Err(SubmitError::OutcomeUnknown)));
    let refused = registry.submit(put(NAME, "2"), &by()).await;
    assert!(matches!(refused, Err(SubmitError::Closed)), "{refused:?}");
    is_lost.store(false, Ordering::Relaxed);
    let position = registry.view().position();
    assert!(registry.reached(position.next()).await.has(&xid(NAME)), "it landed after all");
    drop(registry);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(ledger.upgrade().is_none(), "nobody holds the ledger any more");
}

#[tokio::test(start_paused = true)]
async fn a_repeat_after_doubt_gives_the_first_answer_and_another_request_none() {
    let (is_lost, registry, _) = switched().await;
    for (index, (first, expect)) in [
        (put(NAME, "0"), (Outcome::Created, AnswerSubject::Entity(xid(NAME)))),
        (put(NAME, "1"), (Outcome::Updated, AnswerSubject::Entity(xid(NAME)))),
        (
            patch(NAME, r#"{"labels":{"a":"b"}}"#),
            (Outcome::Updated, AnswerSubject::Entity(xid(NAME))),
        ),
        (delete(NAME), (Outcome::Removed, AnswerSubject::Nothing)),
    ]
    .into_iter()
    .enumerate()
    {
        let key = index.to_string();
        is_lost.store(true, Ordering::Relaxed);
        let told = registry.submit(keyed(first.clone(), &key, "same"), &by()).await;
        assert!(matches!(told, Err(SubmitError::OutcomeUnknown)), "{told:?}");
        is_lost.store(false, Ordering::Relaxed);
        let position = registry.view().position();
        registry.reached(position.next()).await;
        let repeat = registry.submit(keyed(first.clone(), &key, "same"), &by()).await.unwrap();
        assert!(repeat.repeat);
        assert_eq!((repeat.outcome, repeat.shows), expect);
        assert_eq!(repeat.position, position.next());
        let other = registry.submit(keyed(first, &key, "other"), &by()).await.unwrap_err();
        assert_eq!(code(&other), "idempotency_mismatch");
        assert_eq!(registry.view().position(), position.next(), "a repeat writes no entry");
    }
}

#[tokio::test(start_paused = true)]
async fn what_landed_in_doubt_is_acknowledged_though_the_ledger_can_hardly_be_read() {
    // The append lands, its answer is lost, its repeat finds another head, and what follows the
    // old head can't be read for a while: that is still doubt, and no refusal.
    for unreadable in [1, 2, 5] {
        let below = begun().await;
        let opening = Arc::new(AtomicBool::new(true));
        let (is_opening, mut left) = (opening.clone(), unreadable);
        let reads = std::iter::repeat_with(move || {
            if is_opening.load(Ordering::Relaxed) || left == 0 {
                return ReadFault::Pass;
            }
            left -= 1;
            ReadFault::Unavailable
        });
        let faults = [AppendFault::Doubt(LateLanding::AtOnce)];
        let (registry, _) = over(FaultyLedger::new(below.clone(), faults).with_reads(reads)).await;
        opening.store(false, Ordering::Relaxed);
        let done = registry.submit(put(NAME, "1"), &by()).await.unwrap();
        assert_eq!(documents(&*below).await["1"], [done.position], "{unreadable} reads");
        registry.submit(put(NAME, "2"), &by()).await.unwrap();
        registry.verify(|_| {}).await.unwrap();
    }
}

/// A ledger that answers one entry a read, as the port allows.
struct SingleEntryLedger(Arc<dyn Ledger>);

#[async_trait]
impl LedgerReader for SingleEntryLedger {
    async fn head(&self) -> Result<Head, ReadError> {
        self.0.head().await
    }

    async fn read(&self, after: Position, _: NonZeroU32) -> Result<Vec<EntryBytes>, ReadError> {
        self.0.read(after, NonZeroU32::MIN).await
    }

    async fn leaves(&self, after: Position, _: NonZeroU32) -> Result<Vec<Digest>, ReadError> {
        self.0.leaves(after, NonZeroU32::MIN).await
    }

    async fn contents(&self, wanted: &[ContentRef]) -> Result<Vec<Option<Bytes>>, ReadError> {
        self.0.contents(wanted).await
    }

    async fn moved(&self, position: Position) -> Result<(), ReadError> {
        self.0.moved(position).await
    }
}

#[async_trait]
impl Ledger for SingleEntryLedger {
    async fn append(&self, head: Head, batch: &Batch) -> Result<Head, AppendError> {
        self.0.append(head, batch).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_doubtful_command_of_many_entries_is_known_by_its_first() {
    for landing in
        [LateLanding::AtOnce, LateLanding::After(1), LateLanding::After(2), LateLanding::Never]
    {
        let below = begun().await;
        let sparing: Arc<dyn Ledger> = Arc::new(SingleEntryLedger(below.clone()));
        let (registry, _) = over(FaultyLedger::new(sparing, [AppendFault::Doubt(landing)])).await;
        let done = registry.submit(pair("a", "b", "1"), &by()).await.unwrap();
        assert_eq!(done.position, Position(3), "{landing:?}");
        assert_eq!(documents(&*below).await["1"], [done.position; 2], "{landing:?}");
        registry.verify(|_| {}).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_append_that_is_told_late_finds_another_head_and_harms_nothing() {
    let below = begun().await;
    let faults = [AppendFault::Crash(LateLanding::WhenTold)];
    let (before, faulty) = over(FaultyLedger::new(below.clone(), faults)).await;
    let lost = before.submit(put(NAME, "1"), &by()).await;
    assert!(matches!(lost, Err(SubmitError::OutcomeUnknown)), "{lost:?}");
    for (is_late, expect) in [(false, 0), (true, 0)] {
        let registry = open(&below, &ticks_after(&below).await).await;
        if is_late {
            assert_eq!(faulty.land_late().await, expect);
        }
        registry.submit(put(NAME, "2"), &by()).await.unwrap();
        registry.verify(|_| {}).await.unwrap();
        registry.close().await;
    }
    assert!(!documents(&*below).await.contains_key("1"));
}

/// A clock behind nothing that a ledger holds.
async fn ticks_after(ledger: &Arc<dyn Ledger>) -> CountingClock {
    let ticks = CountingClock::default();
    let head = ledger.head().await.unwrap().position.0;
    ticks.moment.store(i64::try_from(head).unwrap() * 1_000, Ordering::Relaxed);
    ticks.command.store(head * 1_000, Ordering::Relaxed);
    ticks
}
