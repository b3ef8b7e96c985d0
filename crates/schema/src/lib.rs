//! What a schema means: compile it, check a value against it, locate every violation.
//!
//! Pure: a schema that refers to another one names it by xid, and the caller's [`SchemaSources`]
//! bring it. Nothing here fetches anything, and nothing here knows where documents are kept.

mod analysis;
mod compile;
mod dialect;
mod messages;
mod meter;
mod nearest;
mod pattern;
mod report;
mod sources;
mod violation;

pub use compile::{CompileError, Schema};
pub use dialect::Dialect;
pub use nearest::nearest;
pub use sources::{NoSources, SchemaSources};
pub use violation::{Severity, Violation, ViolationSource};

/// What the work on one schema never passes, each with its reason.
pub mod limits;

#[cfg(test)]
mod tests;
