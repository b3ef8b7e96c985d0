//! History: what a command did, the events about it, the log, and differences between two states of
//! a document.
//!
//! Nothing here reads a ledger, waits, or frames anything for a protocol: commands and states are
//! arguments, events and summaries are results. The fold defines what a change means for the
//! catalog; this room only describes what it did.

// rustdoc checks every public type for auto traits. The catalog's nested chains and maps need more
// than the compiler's default of 128 steps.
#![recursion_limit = "256"]

mod between;
mod committed;
pub mod difference;
mod edit;
mod entry_facts;
mod events;
mod log;

pub use between::{
    ChangedEntity, EntityDifference, ResourceState, changed_entities, changed_entity, entity_order,
    written_entities,
};
pub use committed::{CommittedCommand, DamagedEntry, changes_in};
pub use edit::{Edit, EditAction, EditDetail, EditKind, EditSubject, EditWord};
pub use entry_facts::{EntryFacts, NamedDigest};
pub use events::{EventKind, PendingEvents, RegistryEvent, events};
pub use log::{CommandPage, LogQuery, LogRead, LogWalk, Scope, Summary};
