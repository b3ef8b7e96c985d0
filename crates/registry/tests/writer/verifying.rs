//! Verifying a registry that goes on writing.

use std::sync::atomic::AtomicBool;

use muster_journal::MemoryLedger;
use muster_ledger::Signer;
use muster_registry::CheckpointFile;
use muster_seal::KeyPair;
use muster_words::Position;

use super::*;
use crate::commands::*;

const MODELS: [&str; 2] = [
    r#"{"groups":{"dirs":{"singular":"dir"}}}"#,
    r#"{"groups":{"dirs":{"singular":"dir"},"boxes":{"singular":"box"}}}"#,
];

/// Writes, deletes, restores and erases until it is told to stop.
async fn write_on(registry: Registry, lane: usize, is_over: Arc<AtomicBool>) -> u64 {
    let mut count = 0;
    while !is_over.load(Ordering::Relaxed) {
        let name = format!("/configs/app-{lane}/entries/e{}", count % 7);
        let commands = [
            put(&name, &format!("[{lane},{count}]")),
            patch(&name, &format!(r#"{{"name":"n{count}"}}"#)),
            delete(&name),
            restore(&name),
            purge(&name),
        ];
        for command in commands {
            registry.submit(command, &by()).await.unwrap();
        }
        if lane == 0 && count % 16 == 0 {
            let source = MODELS[usize::try_from(count / 16).unwrap() % 2];
            registry.submit(model(source), &by()).await.unwrap();
        }
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn verifies_while_writes_go_past_its_view() {
    let folder = tempfile::tempdir().unwrap();
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let mut settings = settings(Foundation::BuiltIn, CountingClock::default().clock());
    let signer = Signer::new("test/changes".parse().unwrap(), KeyPair::from_seed(&[7; 32]));
    let file = CheckpointFile::new(folder.path().join("changes.checkpoint"), signer);
    settings.checkpoint = Some(file);
    let registry =
        Registry::open(Box::new(LedgerHandle(ledger.clone())), settings.clone()).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let lanes: Vec<_> = (0..3)
        .map(|lane| tokio::spawn(write_on(registry.clone(), lane, is_over.clone())))
        .collect();
    let (mut verified, mut signed, mut passed) = (0_u64, Position::ZERO, 0_u64);
    // Until the checkpoint was replaced at least once under way, and some verdicts were given.
    while verified < 8 || signed < Position(2) {
        let verdict = registry.verify(|_| {}).await.unwrap();
        passed += u64::from(registry.view().position().0 > verdict.entries);
        let found = verdict.checkpoint.unwrap_or_default();
        assert!(found >= signed, "the checkpoint only grows");
        assert!(found <= Position(verdict.entries), "what is signed was verified");
        signed = found;
        verified += 1;
    }
    is_over.store(true, Ordering::Relaxed);
    for lane in lanes {
        assert!(lane.await.unwrap() > 0);
    }
    assert!(passed > 0, "writes did go past a view");
    let last = registry.verify(|_| {}).await.unwrap();
    assert!(last.purged > 0);
    registry.close().await;
    // Without the registry it is said the same.
    let reader: Arc<dyn muster_journal::LedgerReader> = ledger;
    let apart = muster_registry::verify(&reader, &settings, |_| {}).await.unwrap();
    let told = (apart.entries, apart.contents, apart.purged);
    assert_eq!(told, (last.entries, last.contents, last.purged));
    assert_eq!(apart.checkpoint, Some(Position(last.entries)));
}
