//! Histories of many clients over faults that follow from a seed.

use std::{collections::BTreeMap, time::Duration};

use muster_catalog::command::Command;
use muster_journal::{
    MemoryLedger, ReadError, SeededRandom,
    faulty::{AppendFault, FaultWeights, FaultyLedger, ReadFault},
};
use muster_ledger::Head;
use muster_registry::SubmitError;
use muster_words::Position;

use super::{room::rival, *};
use crate::commands::*;

const CLIENTS: u64 = 6;
const COMMANDS: u64 = 10;
const ROUNDS: u64 = 3;

/// What became of a command, by its marker, the text of its document.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// It is done: where it ended, and how many documents it brought.
    Done(Position, usize),
    /// It may be done.
    Unknown(usize),
    /// It isn't done.
    Not(&'static str),
}

type Answers = BTreeMap<String, Answer>;

/// Which faults a history meets.
#[derive(Clone, Copy, Debug)]
struct FaultSchedule {
    mix: FaultWeights,
    /// One read in so many fails; none: all pass.
    reads: Option<u64>,
}

/// Four kinds of weather, each without crashes and with them.
fn schedule(seed: u64) -> FaultSchedule {
    let mix = FaultWeights { too_large: 3, ..FaultWeights::default() };
    let mix = match seed % 4 {
        0 => mix,
        1 => FaultWeights { pass: 10, doubt: 60, ..mix },
        2 => FaultWeights { pass: 20, full: 30, unavailable: 20, overtaken: 20, ..mix },
        _ => FaultWeights { pass: 30, overtaken: 60, ..mix },
    };
    let crash = if seed % 8 < 4 { 0 } else { 6 };
    FaultSchedule { mix: FaultWeights { crash, ..mix }, reads: (seed % 3 == 1).then_some(9) }
}

/// A history: its answers and the ledger's head at its end.
async fn play(seed: u64) -> (Answers, Head) {
    let below: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let (ticks, schedule) = (CountingClock::default(), schedule(seed));
    let mut answers = Answers::new();
    let mut dice = SeededRandom::new(seed);
    open(&below, &ticks).await.close().await;
    let mut before: Option<Arc<FaultyLedger>> = None;
    for round in 0..ROUNDS {
        let faults = AppendFault::from_seed(dice.draw(), schedule.mix).take(60);
        let mut faulty = FaultyLedger::new(below.clone(), faults).with_rival(rival(&ticks, None));
        if let Some(share) = schedule.reads {
            faulty = faulty.with_reads(ReadFault::from_seed(dice.draw(), share, 9));
        }
        let faulty = Arc::new(faulty);
        let lands_first = dice.one_in(2);
        land(&mut before, lands_first).await;
        let registry = open_at_last(&faulty, &ticks).await;
        land(&mut before, true).await;
        let mut clients = Vec::new();
        for client in 0..CLIENTS {
            let name = format!("{round}-{client}");
            clients.push(tokio::spawn(run(registry.clone(), name, dice.draw())));
        }
        for client in clients {
            answers.extend(client.await.unwrap());
        }
        if !faulty.is_dead() {
            goes_on(&registry, &faulty, &format!("[{round}]"), &mut answers).await;
        }
        if faulty.is_dead() {
            before = Some(faulty);
        } else {
            registry.close().await;
        }
    }
    land(&mut before, true).await;
    check(&below, &ticks, &answers, seed).await;
    let head = below.head().await.unwrap();
    (answers, head)
}

/// Lets what a dead writer had sent arrive.
async fn land(before: &mut Option<Arc<FaultyLedger>>, now: bool) {
    if now && let Some(faulty) = before.take() {
        faulty.land_late().await;
    }
}

async fn open_at_last(faulty: &Arc<FaultyLedger>, ticks: &CountingClock) -> Registry {
    let ledger: Arc<dyn Ledger> = faulty.clone();
    for _ in 0..200 {
        match try_open(&ledger, ticks).await {
            Ok(registry) => return registry,
            Err(OpenError::Read(ReadError::Unavailable(_))) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("the ledger could never be read");
}

/// After its faults have ended, a registry goes on, if it lives so long.
async fn goes_on(registry: &Registry, faulty: &FaultyLedger, marker: &str, answers: &mut Answers) {
    for attempt in 0..200 {
        let marker = format!("[{marker},{attempt}]");
        let answer = submit(registry, put("/configs/app/entries/last", &marker), 1).await;
        let is_done = matches!(answer, Answer::Done(..));
        answers.insert(marker, answer);
        if is_done || faulty.is_dead() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the registry didn't go on");
}

async fn submit(registry: &Registry, command: Command, documents: usize) -> Answer {
    match registry.submit(command, &by()).await {
        Ok(done) => Answer::Done(done.position, documents),
        Err(SubmitError::OutcomeUnknown) => Answer::Unknown(documents),
        Err(error) => Answer::Not(code(&error)),
    }
}

/// One client's commands, one after another.
async fn run(registry: Registry, client: String, seed: u64) -> Answers {
    let mut dice = SeededRandom::new(seed);
    let mut answers = Answers::new();
    for number in 0..COMMANDS {
        let marker = format!("{{\"m\":\"{client}-{number}\"}}");
        let own = format!("/configs/app/entries/own-{client}");
        let answer = match dice.below(10) {
            0..3 => submit(&registry, put("/configs/app/entries/hot", &marker), 1).await,
            3..5 => submit(&registry, put(&own, &marker), 1).await,
            5 => submit(&registry, post("/configs/app/entries/hot", &marker), 1).await,
            6 => submit(&registry, pair(&client, "twin", &marker), 2).await,
            7 => submit(&registry, patch(&own, r#"{"labels":{"a":"b"}}"#), 0).await,
            8 => submit(&registry, delete(&own), 0).await,
            _ => insist(&registry, &marker).await,
        };
        answers.insert(marker, answer);
        tokio::time::sleep(Duration::from_millis(dice.below(8))).await;
    }
    answers
}

/// Repeats a command under its key until it is known what became of it.
async fn insist(registry: &Registry, marker: &str) -> Answer {
    let mut is_doubtful = false;
    for _ in 0..40 {
        let command = keyed(put("/configs/app/entries/hot", marker), marker, marker);
        match submit(registry, command, 1).await {
            Answer::Unknown(_) => is_doubtful = true,
            // That this repeat wasn't done says nothing of the first.
            Answer::Not(_) if is_doubtful => {}
            answer => return answer,
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Answer::Unknown(1)
}

/// What was acknowledged is there once, what was refused isn't, and all of it verifies.
async fn check(below: &Arc<dyn Ledger>, ticks: &CountingClock, answers: &Answers, seed: u64) {
    let mut found = documents(&**below).await;
    for (marker, answer) in answers {
        let there = found.remove(marker).unwrap_or_default();
        match answer {
            Answer::Done(position, count) => {
                assert_eq!(there, vec![*position; *count], "seed {seed}, {marker}: {answer:?}");
            }
            Answer::Unknown(count) => {
                let is_whole = there.is_empty() || there == vec![there[0]; *count];
                assert!(is_whole, "seed {seed}, {marker}: {there:?}");
            }
            Answer::Not(code) => assert_eq!(there, [], "seed {seed}, {marker}: {code}"),
        }
    }
    assert_eq!(found.len(), 0, "seed {seed}: nobody sent these: {found:?}");
    let registry = open(below, ticks).await;
    registry.verify(|_| {}).await.unwrap();
    registry.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_acknowledged_is_there_once_whatever_the_ledger_does() {
    let mut kinds: BTreeMap<&'static str, u32> = BTreeMap::new();
    for number in 0..96 {
        let (answers, _) = play(seed(number)).await;
        for answer in answers.into_values() {
            let kind = match answer {
                Answer::Done(..) => "done",
                Answer::Unknown(_) => "outcome_unknown",
                Answer::Not(code) => code,
            };
            *kinds.entry(kind).or_default() += 1;
        }
    }
    // The weather was bad enough to mean something, and good enough to get things done.
    for (kind, least) in [("done", 2_000), ("outcome_unknown", 20), ("disk_full", 50)] {
        assert!(kinds.get(kind).is_some_and(|count| *count >= least), "{kinds:?}");
    }
    for unexpected in ["fault", "corrupt", "closed"] {
        assert!(!kinds.contains_key(unexpected), "{kinds:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_seed_replays_the_same_history() {
    for number in [3, 5, 9, 14, 22] {
        let number = seed(number);
        let (first, again) = (play(number).await, play(number).await);
        assert_eq!(first, again, "seed {number}");
        assert_ne!(first.1, play(number + 1).await.1, "another seed is another history");
    }
}
