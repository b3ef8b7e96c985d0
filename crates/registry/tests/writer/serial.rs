//! Commands that come at once end as if they had come one after another.

pub mod clients;
mod hot;
mod replay;

use std::{collections::BTreeMap, time::Duration};

use clients::{Sent, client};
use muster_journal::{
    MemoryLedger, SeededRandom,
    faulty::{AppendFault, FaultyLedger},
};
use replay::check;

use super::*;
use crate::commands::*;

/// Histories of that many clients with that many commands each.
const HISTORIES: u64 = 6;
const CLIENTS: u64 = 12;
const COMMANDS: u64 = 40;

/// What everybody finds: a schema, a rule, and documents that refer to each other.
async fn furnish(registry: &Registry) -> Vec<Sent> {
    let mut sent = Vec::new();
    for (index, command) in [
        model(clients::MODELS[0]),
        put("/schemagroups/own/schemas/s", clients::SCHEMAS[0]),
        put("/rulegroups/own/rules/r0", clients::RULES[0]),
        put("/configs/app/entries/c0", r#"{"a":1}"#),
        put("/links/g/pages/p0", "{}"),
        put("/links/g/pages/p1", r#"{"to":"p0"}"#),
    ]
    .into_iter()
    .enumerate()
    {
        sent.push(clients::send(registry, format!("furnish-{index}"), command).await);
    }
    sent
}

/// Plays a history and checks it; answers how often each answer was given.
async fn play(number: u64) -> BTreeMap<&'static str, u32> {
    let mut dice = SeededRandom::new(number);
    // A slow ledger gathers commands into batches.
    let mut pace = SeededRandom::new(dice.draw());
    let faults = std::iter::repeat_with(move || match pace.below(4) {
        0 => AppendFault::Pass,
        slow => AppendFault::Delay(Duration::from_millis(slow)),
    });
    let ledger: Arc<dyn Ledger> =
        Arc::new(FaultyLedger::new(Arc::new(MemoryLedger::new()), faults));
    let registry = open(&ledger, &CountingClock::default()).await;
    let mut sent = furnish(&registry).await;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|index| tokio::spawn(client(registry.clone(), index, COMMANDS, dice.draw())))
        .collect();
    for client in clients {
        sent.extend(client.await.unwrap());
    }
    registry.verify(|_| {}).await.unwrap();
    let mut kinds = BTreeMap::new();
    for sent in &sent {
        *kinds.entry(sent.answer.as_ref().map_or_else(|code| *code, |_| "done")).or_default() += 1;
    }
    check(&*ledger, &registry, sent, number).await;
    registry.close().await;
    kinds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commands_that_come_at_once_end_as_some_serial_order_would() {
    let mut kinds: BTreeMap<&'static str, u32> = BTreeMap::new();
    for number in 0..HISTORIES {
        for (kind, count) in play(seed(100 + number)).await {
            *kinds.entry(kind).or_default() += count;
        }
    }
    // What should collide did.
    for kind in ["done", "precondition_failed", "referenced", "invalid_document", "not_found"] {
        assert!(kinds.get(kind).is_some_and(|count| *count >= 10), "{kind}: {kinds:?}");
    }
    for unexpected in ["fault", "corrupt", "closed", "outcome_unknown", "busy"] {
        assert!(!kinds.contains_key(unexpected), "{kinds:?}");
    }
    let all: u32 = kinds.values().sum();
    assert!(kinds.get("contended").copied().unwrap_or(0) * 50 <= all, "{kinds:?}");
}
