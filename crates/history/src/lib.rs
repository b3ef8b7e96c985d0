//! From changes to what people and followers see: what a command did, the events that tell of it,
//! the log, and the differences between two states of a document.
//!
//! Nothing here reads a ledger, waits, or frames anything for a protocol: commands and states
//! come in as values, events and summaries go out as values. What a change means for the catalog
//! is the fold's business; this room only says what it did.

// rustdoc asks of every public type which auto traits it has, and the catalog's chains and maps lie
// deeper in each other than the compiler's default of 128 steps.
#![recursion_limit = "256"]

mod committed;
pub mod difference;
mod edit;
mod events;
mod log;

pub use committed::{CommittedCommand, DamagedEntry};
pub use edit::{Edit, EditAction, EditDetail, EditSubject};
pub use events::{EventKind, PendingEvents, RegistryEvent, events};
pub use log::{CommandPage, LogQuery, LogRead, LogWalk, Scope, Summary};
