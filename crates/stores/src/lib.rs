//! Ledgers that last: one file per engine, each native to it, each behind a feature of its name.
//!
//! A store keeps the contracts of [`muster_journal::Ledger`] and nothing more: it doesn't know what
//! an entry means, never decides, and answers no query but by position. That only one server
//! opens a data directory is not its business either: the caller holds the directory's lock.

#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLedger;
