//! Durable stores for ledgers and for the marks of their followers. Each engine has its own module,
//! uses its native features, and is behind a Cargo feature with its name. Only [`open`] knows which
//! engine keeps what.
//!
//! A store fulfils the contracts of [`muster_journal`] and nothing more: it doesn't know the
//! meaning of entries, decides nothing, and finds entries only by position. It doesn't check that
//! only one server opens a data directory, either: the caller holds the directory's lock.

mod error;
mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod store;

pub use error::StoreOpenError;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLedger;
pub use store::{LastUse, OpenStore, Place, Store, open};
