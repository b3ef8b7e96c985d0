//! The conformance suite for [`Ledger`].
//!
//! [`run`] takes a [`LedgerFixture`], which opens ledgers by name, and checks the MUSTs of the port one by
//! one. Each check has its own ledger, and panics if it fails. Each store tests itself what can't
//! be seen from outside: durability after a power failure, damage of the medium, a full disk.

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

/// Provides ledgers for the suite.
#[async_trait]
pub trait LedgerFixture: Send + Sync {
    /// Opens the ledger with this name: empty the first time, later as it was left. The suite drops
    /// the previous value before it opens a name again.
    async fn open(&self, name: &str) -> Arc<dyn Ledger>;
}

/// Runs every check. It needs tokio's runtime with its timer, and more than one thread for real
/// races.
///
/// # Panics If a check fails.
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
