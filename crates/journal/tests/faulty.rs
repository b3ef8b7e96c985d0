//! What the faulty ledger does to who appends, and that a writer that keeps the rule (repeat the
//! same append until it is answered `Ok` or `Moved`) comes through, where one that doesn't fails.
#![expect(clippy::unwrap_used, reason = "a test that meets an error fails")]

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use muster_journal::{
    AppendError, Batch, Ledger, LedgerReader, MemoryLedger,
    conformance::{sample_batch, sample_entry},
    faulty::{AppendFault, FaultWeights, FaultyLedger, LateLanding, ReadFault},
};
use muster_ledger::{EntryBytes, Head};
use muster_words::Position;

fn memory() -> Arc<dyn Ledger> {
    Arc::new(MemoryLedger::new())
}

/// The name of an answer's case, and its head where it has one.
fn outcome(answer: &Result<Head, AppendError>) -> (&'static str, Option<Head>) {
    match answer {
        Ok(head) => ("ok", Some(*head)),
        Err(AppendError::Moved(head)) => ("moved", Some(*head)),
        Err(AppendError::TooLarge) => ("too large", None),
        Err(AppendError::Full) => ("full", None),
        Err(AppendError::Unavailable(_)) => ("unavailable", None),
        Err(AppendError::InDoubt(_)) => ("in doubt", None),
        Err(AppendError::Corrupt(_)) => ("corrupt", None),
        Err(AppendError::Malformed(_)) => ("malformed", None),
    }
}

#[tokio::test]
async fn a_definite_refusal_leaves_nothing() {
    for (fault, expect) in [
        (AppendFault::Unavailable, "unavailable"),
        (AppendFault::Full, "full"),
        (AppendFault::TooLarge, "too large"),
    ] {
        let inner = memory();
        let faulty = FaultyLedger::new(Arc::clone(&inner), [fault]);
        let batch = sample_batch(Head::EMPTY, 1, 2);
        let answer = faulty.append(Head::EMPTY, &batch).await;
        assert_eq!(outcome(&answer).0, expect);
        assert_eq!((faulty.land_late().await, inner.head().await.unwrap()), (0, Head::EMPTY));
        let answer = faulty.append(Head::EMPTY, &batch).await;
        assert_eq!(outcome(&answer).0, "ok", "the schedule has ended");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delayed_append_goes_through() {
    let inner = memory();
    let faulty =
        FaultyLedger::new(Arc::clone(&inner), [AppendFault::Delay(Duration::from_secs(9))]);
    let before = tokio::time::Instant::now();
    let answer = faulty.append(Head::EMPTY, &sample_batch(Head::EMPTY, 1, 2)).await;
    assert_eq!(outcome(&answer).0, "ok");
    assert_eq!(before.elapsed(), Duration::from_secs(9));
}

#[tokio::test]
async fn another_writer_comes_first() {
    let inner = memory();
    let rival = |head| sample_batch(head, 77, 1);
    let faulty = FaultyLedger::new(Arc::clone(&inner), [AppendFault::Overtaken]).with_rival(rival);
    let answer = faulty.append(Head::EMPTY, &sample_batch(Head::EMPTY, 1, 2)).await;
    let first = rival(Head::EMPTY).head_after(Head::EMPTY);
    assert_eq!(outcome(&answer), ("moved", Some(first)));
    assert_eq!(inner.head().await.unwrap(), first);
}

#[tokio::test]
async fn a_doubtful_append_lands_when_it_is_told() {
    // After the doubt: how many heads are read, what the repeat meets, and what it is answered.
    for (landing, reads, repeat, expect) in [
        (LateLanding::AtOnce, 0, AppendFault::Pass, "moved"),
        (LateLanding::After(0), 0, AppendFault::Pass, "moved"),
        (LateLanding::After(1), 0, AppendFault::Pass, "moved"),
        (LateLanding::After(2), 0, AppendFault::Pass, "ok"),
        (LateLanding::After(2), 1, AppendFault::Pass, "moved"),
        (LateLanding::After(2), 1, AppendFault::Unavailable, "in doubt"),
        (LateLanding::WhenTold, 3, AppendFault::Pass, "ok"),
        (LateLanding::Never, 3, AppendFault::Pass, "ok"),
        // The repeat may not be told that nothing is there.
        (LateLanding::AtOnce, 0, AppendFault::Unavailable, "in doubt"),
        (LateLanding::Never, 0, AppendFault::Full, "in doubt"),
        (LateLanding::WhenTold, 0, AppendFault::TooLarge, "in doubt"),
        (LateLanding::WhenTold, 0, AppendFault::Doubt(LateLanding::Never), "in doubt"),
    ] {
        let inner = memory();
        let faulty = FaultyLedger::new(Arc::clone(&inner), [AppendFault::Doubt(landing), repeat]);
        let batch = sample_batch(Head::EMPTY, 1, 2);
        let after = batch.head_after(Head::EMPTY);
        let answer = faulty.append(Head::EMPTY, &batch).await;
        assert_eq!(outcome(&answer).0, "in doubt");
        for _ in 0..reads {
            faulty.head().await.unwrap();
        }
        let answer = outcome(&faulty.append(Head::EMPTY, &batch).await);
        assert_eq!(answer.0, expect, "{landing:?}, {reads} reads, then {repeat:?}");
        assert!(answer.1.is_none_or(|head| head == after));
        faulty.land_late().await;
        assert_eq!(faulty.late(), 0);
        let answer = outcome(&faulty.append(Head::EMPTY, &batch).await);
        let has_landed = answer == ("moved", Some(after)) || answer == ("ok", Some(after));
        assert!(has_landed, "in the end it is there, once: {answer:?}");
        let entries = inner.read(Position::ZERO, NonZeroU32::MAX).await.unwrap();
        assert_eq!(entries, batch.entries);
    }
}

#[tokio::test]
async fn a_late_append_that_finds_another_head_is_lost() {
    let inner = memory();
    let faulty = FaultyLedger::new(Arc::clone(&inner), [AppendFault::Doubt(LateLanding::After(2))]);
    let late = sample_batch(Head::EMPTY, 1, 2);
    assert!(faulty.append(Head::EMPTY, &late).await.is_err());
    let other = sample_batch(Head::EMPTY, 2, 1);
    let head = faulty.append(Head::EMPTY, &other).await.unwrap();
    assert_eq!((faulty.late(), faulty.head().await.unwrap()), (1, head));
    assert_eq!(faulty.late(), 0);
    let answer = outcome(&faulty.append(Head::EMPTY, &late).await);
    assert_eq!(answer, ("moved", Some(head)));
}

#[tokio::test]
async fn a_crash_leaves_a_dead_handle_and_a_living_ledger() {
    for (landing, landed) in
        [(LateLanding::AtOnce, true), (LateLanding::Never, false), (LateLanding::WhenTold, false)]
    {
        let inner = memory();
        let faulty = Arc::new(FaultyLedger::new(Arc::clone(&inner), [AppendFault::Crash(landing)]));
        let waiting = Arc::clone(&faulty);
        let waiter = tokio::spawn(async move { waiting.moved(Position(9)).await });
        let batch = sample_batch(Head::EMPTY, 1, 2);
        for _ in 0..2 {
            let answer = faulty.append(Head::EMPTY, &batch).await;
            assert_eq!(outcome(&answer).0, "in doubt");
        }
        assert!(faulty.is_dead());
        assert!(waiter.await.unwrap().is_err() && faulty.head().await.is_err());
        let restarted = FaultyLedger::new(Arc::clone(&inner), []);
        let expect = if landed { batch.head_after(Head::EMPTY) } else { Head::EMPTY };
        assert_eq!(restarted.head().await.unwrap(), expect);
        let late = faulty.land_late().await;
        assert_eq!(
            late,
            usize::from(landing == LateLanding::WhenTold),
            "arrives after the restart"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn reads_fail_as_they_are_told() {
    let script = [ReadFault::Unavailable, ReadFault::Delay(Duration::from_secs(1))];
    let faulty = FaultyLedger::new(memory(), []).with_reads(script);
    assert!(faulty.head().await.is_err());
    assert!(faulty.contents(&[]).await.is_ok());
    assert!(faulty.leaves(Position::ZERO, NonZeroU32::MIN).await.is_ok());
}

#[test]
fn a_schedule_follows_from_its_seed() {
    let schedule =
        |seed| AppendFault::from_seed(seed, FaultWeights::default()).take(500).collect::<Vec<_>>();
    assert_eq!(schedule(3), schedule(3));
    assert_ne!(schedule(3), schedule(4));
    let all = schedule(5);
    let has = |wanted: fn(&AppendFault) -> bool| all.iter().any(wanted);
    assert!(has(|fault| matches!(fault, AppendFault::Doubt(LateLanding::After(3)))));
    assert!(has(|fault| matches!(fault, AppendFault::Overtaken)));
    assert!(!has(|fault| matches!(fault, AppendFault::Crash(_) | AppendFault::TooLarge)));
    let only = FaultWeights {
        pass: 0,
        delay: 0,
        unavailable: 0,
        full: 0,
        overtaken: 0,
        doubt: 0,
        crash: 1,
        too_large: 0,
    };
    let crash = AppendFault::from_seed(1, only)
        .take(20)
        .all(|fault| matches!(fault, AppendFault::Crash(_)));
    assert!(crash);
}

/// Salts of another writer's entries begin here.
const RIVAL: u64 = 1_000_000;

/// How a writer takes a doubtful append.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DoubtHandling {
    /// It repeats the very same append.
    Repeats,
    /// It looks at the head, and decides anew if that is where it was.
    LooksAtTheHead,
}

/// A writer of the simplest kind: command `n`, decided for the `k`th time, is a batch of entries
/// with the salt 1,000 × k + n, as a real decision has its moment.
struct Writer<'a> {
    ledger: &'a FaultyLedger,
    head: Head,
    manner: DoubtHandling,
}

impl Writer<'_> {
    async fn carry_out(&mut self, command: u64) {
        for decision in 0.. {
            let salt = 1_000 * decision + command;
            let batch = sample_batch(self.head, salt, 1 + command as usize % 3);
            match self.append(&batch).await {
                Ok(head) => {
                    self.head = head;
                    return;
                }
                Err(AppendError::Moved(head)) => {
                    let is_own = self.following().await.starts_with(&batch.entries);
                    self.head = head;
                    if is_own {
                        return;
                    }
                }
                Err(error) => {
                    assert!(matches!(error, AppendError::Full | AppendError::Unavailable(_)));
                }
            }
        }
    }

    async fn append(&self, batch: &Batch) -> Result<Head, AppendError> {
        loop {
            match self.ledger.append(self.head, batch).await {
                Err(AppendError::InDoubt(_)) if self.manner == DoubtHandling::Repeats => {}
                Err(AppendError::InDoubt(cause)) => loop {
                    if let Ok(head) = self.ledger.head().await {
                        let is_here = head == self.head;
                        return if is_here {
                            Err(AppendError::Unavailable(cause))
                        } else {
                            Ok(head)
                        };
                    }
                },
                answer => return answer,
            }
        }
    }

    /// The entries after the head that this writer knows.
    async fn following(&self) -> Vec<EntryBytes> {
        loop {
            if let Ok(found) = self.ledger.read(self.head.position, NonZeroU32::MAX).await {
                return found;
            }
        }
    }
}

/// Carries out 40 commands against faults from a seed; answers whether every command is there
/// once, whole and in order.
async fn comes_through(seed: u64, manner: DoubtHandling) -> bool {
    let inner = memory();
    let mut rivals = RIVAL;
    let faulty = FaultyLedger::new(
        Arc::clone(&inner),
        AppendFault::from_seed(seed, FaultWeights::default()),
    )
    .with_reads(ReadFault::from_seed(seed, 5, 9))
    .with_rival(move |head| {
        rivals += 1;
        sample_batch(head, rivals, 2)
    });
    let mut writer = Writer { ledger: &faulty, head: Head::EMPTY, manner };
    for command in 0..40 {
        writer.carry_out(command).await;
    }
    let late = faulty.land_late().await;
    let mut expect = 0..40_u64;
    let (mut head, mut own) = (Head::EMPTY, Vec::new());
    for entry in inner.read(Position::ZERO, NonZeroU32::MAX).await.unwrap() {
        let text = String::from_utf8(entry.bytes.to_vec()).unwrap();
        let salt: u64 = text.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(entry, sample_entry(head, salt), "the chain holds whatever the writer does");
        head = Head::after(&entry);
        if salt < RIVAL {
            own.push(salt % 1_000);
        }
    }
    let expect: Vec<u64> =
        expect.by_ref().flat_map(|n| std::iter::repeat_n(n, 1 + n as usize % 3)).collect();
    late == 0 && own == expect
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_repeats_the_same_append_carries_out_each_command_once() {
    for seed in 0..300 {
        assert!(comes_through(seed, DoubtHandling::Repeats).await, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_trusts_the_head_after_a_doubt_is_found_out() {
    let mut failures = 0;
    for seed in 0..40 {
        failures += usize::from(!comes_through(seed, DoubtHandling::LooksAtTheHead).await);
    }
    assert!(failures > 10, "{failures} of 40 histories went wrong");
}
