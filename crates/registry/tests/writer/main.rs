//! The writer where it is hardest: faults, races, crashes, full disks, erasure, and the laws of the
//! fold.
//!
//! Every history follows from a seed, which is a constant plus the number in `MUSTER_SEED`, so that
//! a night can run others and a failure can be run again.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod backups;
mod capabilities;
mod commands;
mod compliance;
mod crash;
mod defaults;
mod faulty;
mod followers;
mod formats;
mod full;
mod identifiers;
mod laws;
mod purging;
mod repeats;
mod serial;
mod syncing;
mod together;
mod unchecked;
mod verifying;
mod views;

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use muster_journal::{Ledger, LedgerHandle};
use muster_ledger::CommandId;
use muster_model::Foundation;
use muster_registry::{Clock, Genesis, OpenError, Registry, RegistrySettings};
use muster_words::Moment;

/// The seed of a history: a test's own number, moved by `MUSTER_SEED`.
fn seed(own: u64) -> u64 {
    let moved = std::env::var("MUSTER_SEED").ok().and_then(|text| text.parse::<u64>().ok());
    own.wrapping_add(moved.unwrap_or(0).wrapping_mul(1_000_003))
}

/// Moments and command ids that follow from nothing but how often they were asked for. It is
/// shared by all who write to one ledger, so that moments only grow.
#[derive(Clone, Default)]
struct CountingClock {
    moment: Arc<AtomicI64>,
    command: Arc<AtomicU64>,
}

impl CountingClock {
    fn now(&self) -> Moment {
        let tick = self.moment.fetch_add(10, Ordering::Relaxed);
        Moment::from_microseconds(1_700_000_000_000_000 + tick).unwrap()
    }

    fn command_id(&self) -> CommandId {
        let count = self.command.fetch_add(1, Ordering::Relaxed);
        // Its first four bytes are the tag of what it changes.
        CommandId((u128::from(count) << 96 | u128::from(count)).to_be_bytes())
    }

    fn clock(&self) -> Clock {
        let (of_now, of_ids) = (self.clone(), self.clone());
        Clock {
            now: Arc::new(move || of_now.now()),
            command_id: Arc::new(move || of_ids.command_id()),
        }
    }
}

fn settings(foundation: Foundation, clock: Clock) -> RegistrySettings {
    let mut settings = RegistrySettings::new(foundation, clock);
    settings.genesis = Some(Genesis { registry: "test".parse().unwrap(), actor: "test".into() });
    settings
}

/// Opens the registry over a ledger.
async fn open(ledger: &Arc<dyn Ledger>, ticks: &CountingClock) -> Registry {
    try_open(ledger, ticks).await.unwrap()
}

async fn try_open(ledger: &Arc<dyn Ledger>, ticks: &CountingClock) -> Result<Registry, OpenError> {
    Registry::open(
        Box::new(LedgerHandle(ledger.clone())),
        settings(Foundation::BuiltIn, ticks.clock()),
    )
    .await
}
