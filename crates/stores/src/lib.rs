//! Ledgers, and marks of their followers, that last: one file per engine, each native to it, each behind a feature of its name.
//! [`open`] is the one place that knows which engine keeps what.
//!
//! A store keeps the contracts of [`muster_journal`] and nothing more: it doesn't know what an
//! entry means, never decides, and answers no query but by position. That only one server opens a
//! data directory is not its business either: the caller holds the directory's lock.

mod error;
mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod store;

pub use error::StoreOpenError;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLedger;
pub use store::{Place, Store, open};
