//! The ports of durable storage, for a ledger and for the marks of its followers: their contracts,
//! in-memory reference implementations, conformance suites for other implementations, and a faulty
//! ledger that is worse than reality.
//!
//! Nothing here knows a database or the meaning of an entry: entries are bytes with a position,
//! contents are bytes with a digest. Durable stores are in `stores`; `registry` decides who may
//! append and when.

mod batch;
pub mod conformance;
mod error;
pub mod faulty;
mod ledger_handle;
mod marks;
mod memory;
mod memory_marks;
mod port;
mod seed;

pub use batch::{Batch, MalformedBatch};
pub use error::{AppendError, Cause, Corrupt, Damage, ReadError};
pub use ledger_handle::LedgerHandle;
pub use marks::{Epoch, Marks, MarksError};
pub use memory::MemoryLedger;
pub use memory_marks::MemoryMarks;
pub use port::{Ledger, LedgerReader};
pub use seed::SeededRandom;
