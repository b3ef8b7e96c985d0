//! Full ledgers, ledgers that take little at once, and other writers.

use muster_journal::{
    Batch, MemoryLedger,
    faulty::{AppendFault, FaultyLedger},
};
use muster_ledger::{Entry, Head, Record};
use muster_words::{ContentRef, Digest, Position};

use super::*;
use crate::commands::*;

/// What became of five commands that came at once, over appends that meet these faults.
async fn five(faults: &[AppendFault]) -> Vec<&'static str> {
    let below: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let faults = std::iter::once(AppendFault::Pass).chain(faults.to_vec());
    let ledger: Arc<dyn Ledger> =
        Arc::new(FaultyLedger::new(below.clone(), faults.collect::<Vec<_>>()));
    let registry = open(&ledger, &CountingClock::default()).await;
    let commands: Vec<_> = (0..5)
        .map(|index| {
            let registry = registry.clone();
            let command = put(&format!("/configs/app/entries/e{index}"), &index.to_string());
            tokio::spawn(async move { registry.submit(command, &by()).await })
        })
        .collect();
    let mut answers = Vec::new();
    for (index, command) in commands.into_iter().enumerate() {
        let answer = command.await.unwrap();
        let is_there = documents(&*below).await.contains_key(&index.to_string());
        assert_eq!(answer.is_ok(), is_there, "command {index}: {answer:?}");
        answers.push(answer.map_or_else(|error| code(&error), |_| "done"));
    }
    registry.submit(put("/configs/app/entries/after", "9"), &by()).await.unwrap();
    registry.verify(|_| {}).await.unwrap();
    answers
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_finds_no_room_or_is_too_large_is_tried_one_by_one() {
    use AppendFault::{Full, Pass, TooLarge, Unavailable};
    for (faults, expect) in [
        (vec![], ["done"; 5]),
        (vec![Full], ["done"; 5]),
        (vec![Full, Full], ["disk_full"; 5]),
        (vec![Full, Pass, Full], ["done", "disk_full", "disk_full", "disk_full", "disk_full"]),
        (vec![TooLarge, TooLarge], ["command_too_large", "done", "done", "done", "done"]),
        (
            vec![TooLarge, Pass, TooLarge, Pass, Full],
            ["done", "command_too_large", "done", "disk_full", "disk_full"],
        ),
        (vec![TooLarge, Unavailable], ["unavailable", "done", "done", "done", "done"]),
        (vec![Unavailable], ["unavailable"; 5]),
    ] {
        assert_eq!(five(&faults).await, expect, "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_ledger_refuses_writes_and_goes_on_when_there_is_room() {
    let faults = [AppendFault::Pass, AppendFault::Pass].into_iter().chain([AppendFault::Full; 3]);
    let ledger: Arc<dyn Ledger> =
        Arc::new(FaultyLedger::new(Arc::new(MemoryLedger::new()), faults));
    let registry = open(&ledger, &CountingClock::default()).await;
    let name = "/configs/app/entries/web";
    registry.submit(put(name, "0"), &by()).await.unwrap();
    for _ in 0..3 {
        let refused = registry.submit(put(name, "1"), &by()).await.unwrap_err();
        assert_eq!(code(&refused), "disk_full");
        let version = registry.view().version_at(&xid(name)).unwrap().clone();
        assert_eq!(version.epoch, 1);
        let bytes = registry.contents(&[version.document.unwrap()]).await.unwrap();
        assert_eq!(bytes[0].as_deref(), Some(&b"0"[..]));
        // A refusal needs no room.
        let missing = registry.submit(delete("/configs/app/entries/none"), &by()).await;
        assert_eq!(code(&missing.unwrap_err()), "not_found");
    }
    let done = registry.submit(put(name, "1"), &by()).await.unwrap();
    assert_eq!(done.view.version_at(&xid(name)).unwrap().epoch, 2);
    registry.verify(|_| {}).await.unwrap();
}

/// Another writer's command: it creates an API key, or writes a model.
pub fn rival(
    ticks: &CountingClock,
    model: Option<&'static str>,
) -> impl FnMut(Head) -> Batch + use<> {
    use muster_catalog::changes::{Change, ContentName, KeyCreated, ModelWritten};
    let (ticks, mut count) = (ticks.clone(), 0);
    move |head| {
        count += 1;
        let bytes = bytes::Bytes::from(model.map_or(format!("key {count}"), ToOwned::to_owned));
        let named = ContentName::new(&bytes);
        let change = match model {
            Some(_) => Change::ModelWritten(ModelWritten { source: named }),
            None => {
                let id = format!("rival-{count}").parse().unwrap();
                Change::KeyCreated(KeyCreated { id, record: named, limited: None, expires: None })
            }
        };
        let (kind, body) = change.encode();
        let position = head.position.next();
        let entry = Entry {
            position,
            moment: ticks.now(),
            actor: "rival".into(),
            command: ticks.command_id(),
            part: 1,
            parts: 1,
            request: None,
            trace: None,
            idempotency: None,
            previous: head.hash,
            changes: vec![Record { kind, skippable: false, body }],
        };
        let content = ContentRef { position, digest: Digest::of(&bytes) };
        Batch {
            entries: vec![entry.encode().unwrap()],
            contents: vec![(content, bytes)],
            purges: Vec::new(),
        }
    }
}

/// A model under which documents of one group refer to each other.
const REFERRING: &str = r#"{"groups":{"links":{"singular":"link","resources":{"pages":{
    "singular":"page","muster":{"references":[{"field":"/to","collection":"/links/pages","group":"g"}]}}}}}}"#;

const PLAIN: &str =
    r#"{"groups":{"links":{"singular":"link","resources":{"pages":{"singular":"page"}}}}}"#;

#[tokio::test(start_paused = true)]
async fn a_model_that_another_writer_brought_is_folded_as_ones_own_is() {
    let ticks = CountingClock::default();
    let faults = [AppendFault::Pass; 4].into_iter().chain([AppendFault::Overtaken]);
    let below: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let faulty =
        FaultyLedger::new(below.clone(), faults).with_rival(rival(&ticks, Some(REFERRING)));
    let ledger: Arc<dyn Ledger> = Arc::new(faulty);
    let registry = open(&ledger, &ticks).await;
    registry.submit(model(PLAIN), &by()).await.unwrap();
    registry.submit(put("/links/g/pages/a", "{}"), &by()).await.unwrap();
    registry.submit(put("/links/g/pages/b", r#"{"to":"a"}"#), &by()).await.unwrap();
    // It is read with the plain model, where it refers to nothing; then the other one lands.
    let refused = registry.submit(put("/links/g/pages/c", r#"{"to":"none"}"#), &by()).await;
    assert_eq!(code(&refused.unwrap_err()), "invalid_document");
    let referred = registry.submit(delete("/links/g/pages/a"), &by()).await;
    assert_eq!(code(&referred.unwrap_err()), "referenced");
    registry.submit(put("/links/g/pages/c", r#"{"to":"b"}"#), &by()).await.unwrap();
    registry.verify(|_| {}).await.unwrap();
    assert_eq!(registry.view().position(), Position(6));
}
