//! The meaning of a ledger: the catalog, the frozen changes, the fold that applies changes to a
//! catalog, the decisions that turn commands into changes, the judge, and queries.
//!
//! Nothing here does I/O, reads a clock or draws a random number. Moments, ids and contents come
//! with the command, so that any history can be replayed and any failure simulated. Nothing here
//! knows HTTP, storage or permissions.

// rustdoc checks every public type for auto traits. The catalog's nested chains and maps need more
// than the compiler's default of 128 steps.
#![recursion_limit = "256"]

pub mod alias;
pub mod apply;
mod authority;
pub mod capabilities;
mod catalog;
pub mod changes;
pub mod classes;
pub mod command;
mod content;
pub mod decide;
mod difference;
pub mod entity;
pub mod facts;
pub mod index;
pub mod judge;
mod lifecycle;
pub mod query;
mod refusal;
pub mod registration;
pub mod schema_settings;
pub mod state;
pub mod sync;
pub mod tree;
mod view;

pub use catalog::Catalog;
pub use changes::Outcome;
pub use content::Content;
pub use lifecycle::{Lifecycle, LifecycleError};
pub use refusal::{
    Absence, ModelRefusal, Reason, Refusal, Unrestorable, ValueFault, VersionRefusal, XidList,
};
pub use view::{GroupView, RegistryView, ResourceView, View};
