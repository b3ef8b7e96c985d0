//! One document that everybody writes.

use std::collections::BTreeSet;

use muster_catalog::{
    Reason,
    command::{Condition, EntityView, ExpectedTag},
};
use muster_registry::SubmitError;

use super::*;

const NAME: &str = "/configs/app/entries/hot";
const CLIENTS: u64 = 64;

const ROUNDS: u64 = 200;

/// Lets every client send so many commands; answers the epochs that the answers showed.
async fn epochs(command: fn(u64, u64) -> muster_catalog::command::Command) -> Vec<u64> {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    registry.submit(put(NAME, "{}"), &by()).await.unwrap();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let registry = registry.clone();
            tokio::spawn(async move {
                let mut epochs = Vec::new();
                for round in 0..ROUNDS {
                    let done = registry.submit(command(client, round), &by()).await.unwrap();
                    epochs.push(done.view.version_at(&xid(NAME)).unwrap().epoch);
                }
                assert!(epochs.is_sorted(), "a client's own answers come in order");
                epochs
            })
        })
        .collect();
    let mut found = Vec::new();
    for client in clients {
        found.extend(client.await.unwrap());
    }
    registry.verify(|_| {}).await.unwrap();
    registry.close().await;
    found
}

fn put_one(client: u64, round: u64) -> muster_catalog::command::Command {
    put(NAME, &format!("[{client},{round}]"))
}

fn patch_one(client: u64, round: u64) -> muster_catalog::command::Command {
    patch(NAME, &format!(r#"{{"labels":{{"is":"{client}-{round}"}}}}"#))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_who_writes_one_document_is_answered_with_an_epoch_of_its_own() {
    for command in [put_one, patch_one] {
        let found = epochs(command).await;
        let distinct: BTreeSet<u64> = found.iter().copied().collect();
        assert_eq!(distinct, (2..2 + CLIENTS * ROUNDS).collect());
        assert_eq!(found.len(), distinct.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_if_match_one_client_wins_each_state() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let registry = open(&ledger, &CountingClock::default()).await;
    registry.submit(put(NAME, "{}"), &by()).await.unwrap();
    for round in 0..20 {
        let stamp = registry.view().document_stamp(&xid(NAME)).unwrap();
        let view = EntityView::Document;
        let expected = ExpectedTag { position: stamp.position, tag: stamp.tag, view };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let registry = registry.clone();
                let mut command = put_one(client, round);
                command.conditions = vec![Condition::Matches(vec![expected])];
                tokio::spawn(async move { registry.submit(command, &by()).await })
            })
            .collect();
        let mut winners = 0;
        for client in clients {
            match client.await.unwrap() {
                Ok(_) => winners += 1,
                Err(SubmitError::Refused(refusal)) => {
                    assert!(matches!(*refusal.reason, Reason::PreconditionFailed { .. }));
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(winners, 1, "round {round}");
    }
    assert_eq!(registry.view().version_at(&xid(NAME)).unwrap().epoch, 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cache_that_holds_nothing_costs_time_and_no_command() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let mut settings = settings(Foundation::BuiltIn, CountingClock::default().clock());
    settings.cache_bytes = 0;
    let registry = Registry::open(Box::new(LedgerHandle(ledger)), settings).await.unwrap();
    registry.submit(put(NAME, "{}"), &by()).await.unwrap();
    for client in 0..5 {
        registry.submit(patch_one(client, 0), &by()).await.unwrap();
    }
    assert_eq!(registry.view().version_at(&xid(NAME)).unwrap().epoch, 6);
}
