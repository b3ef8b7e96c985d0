//! The ports to a ledger that lasts and to the marks of those who follow it: what a store must do,
//! in-memory references that do it, the conformance suites that say whether another one does, and
//! a faulty store that is worse than reality.
//!
//! Nothing here knows a database, and nothing here knows what an entry means: entries are bytes
//! with a position, contents are bytes with a digest. Stores that last are in `stores`; who may
//! append and when is `registry`'s business.

mod batch;
pub mod conformance;
mod error;
pub mod faulty;
mod marks;
mod memory;
mod memory_marks;
mod port;
mod seed;

pub use batch::{Batch, MalformedBatch};
pub use error::{AppendError, Cause, Corrupt, Damage, ReadError};
pub use marks::{Epoch, Marks, MarksError};
pub use memory::MemoryLedger;
pub use memory_marks::MemoryMarks;
pub use port::{Ledger, LedgerReader};
pub use seed::SeededRandom;
