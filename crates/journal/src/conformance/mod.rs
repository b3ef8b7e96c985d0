//! Says whether a store keeps what [`Ledger`] promises.
//!
//! [`run`] takes a [`LedgerFixture`], which opens ledgers by name, and goes through the MUSTs of the port
//! one by one; each check has a ledger of its own and panics with what it found. What can't be
//! seen from outside (durability when the power goes, damage on the medium, a full disk) is for
//! the store's own tests.

#![expect(clippy::unwrap_used, reason = "a check that doesn't hold panics: that is its answer")]

mod appending;
mod contents;
mod lasting;
mod likeness;
pub mod marks;
mod reading;
mod sample;
mod waiting;

use std::sync::Arc;

use async_trait::async_trait;

pub use self::sample::{sample_batch, sample_entry};
use crate::Ledger;

/// Where the suite finds ledgers.
#[async_trait]
pub trait LedgerFixture: Send + Sync {
    /// Opens the ledger of a name: an empty one the first time, afterwards as it was left. The
    /// suite has dropped what it held of that name before it asks again.
    async fn open(&self, name: &str) -> Arc<dyn Ledger>;
}

/// Runs every check on the ledgers of a fixture. It needs tokio's runtime with its timer, and more than
/// one thread if races are to be real.
///
/// # Panics
/// Where a check doesn't hold.
pub async fn run(fixture: &dyn LedgerFixture) {
    reading::run(fixture).await;
    appending::run(fixture).await;
    contents::run(fixture).await;
    waiting::run(fixture).await;
    lasting::run(fixture).await;
    for seed in 0..8 {
        likeness::behaves_like_the_reference(fixture, seed).await;
    }
}
