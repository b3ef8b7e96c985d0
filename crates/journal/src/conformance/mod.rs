//! Says whether a store keeps what [`Ledger`] promises.
//!
//! [`run`] takes a [`Shelf`], which opens ledgers by name, and goes through the MUSTs of the port
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
pub trait Shelf: Send + Sync {
    /// Opens the ledger of a name: an empty one the first time, afterwards as it was left. The
    /// suite has dropped what it held of that name before it asks again.
    async fn open(&self, name: &str) -> Arc<dyn Ledger>;
}

/// Runs every check on ledgers from a shelf. It needs tokio's runtime with its timer, and more than
/// one thread if races are to be real.
///
/// # Panics
/// Where a check doesn't hold.
pub async fn run(shelf: &dyn Shelf) {
    reading::run(shelf).await;
    appending::run(shelf).await;
    contents::run(shelf).await;
    waiting::run(shelf).await;
    lasting::run(shelf).await;
    for seed in 0..8 {
        likeness::behaves_like_the_reference(shelf, seed).await;
    }
}
