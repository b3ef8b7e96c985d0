//! The port to a ledger that lasts: what a store must do, an in-memory reference that does it,
//! the conformance suite that says whether another one does, and a faulty store that is worse than
//! reality.
//!
//! Nothing here knows a database, and nothing here knows what an entry means: entries are bytes
//! with a position, contents are bytes with a digest. Stores that last are in `stores`; who may
//! append and when is `registry`'s business.

mod batch;
pub mod conformance;
mod error;
pub mod faulty;
mod memory;
mod port;
mod seed;

pub use batch::{Batch, Malformed};
pub use error::{AppendError, Cause, Corrupt, Damage, ReadError};
pub use memory::Memory;
pub use port::{Ledger, LedgerReader};
pub use seed::Seed;
