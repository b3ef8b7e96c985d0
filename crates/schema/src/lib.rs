//! JSON Schema: compiles a schema, validates values, and locates every violation.
//!
//! This room is pure: a schema refers to other schemas by xid, and the caller's [`SchemaSources`]
//! provides them. Nothing here fetches anything or knows where documents are stored.

mod address;
mod analysis;
mod bounds;
mod compile;
mod compile_error;
mod decimal;
mod dialect;
mod messages;
mod metaschemas;
mod meter;
mod nearest;
mod outline;
mod pattern;
mod report;
mod sources;
mod violation;
mod vocabulary;

pub use compile::Schema;
pub use compile_error::{CompileError, ReferenceFault};
pub use dialect::Dialect;
pub use nearest::nearest;
pub use outline::Outline;
pub use pattern::cost_of_pattern;
pub use sources::{NoSources, SchemaSources};
pub use violation::{Severity, Violation, ViolationSource};
pub use vocabulary::MetaschemaFault;

/// Limits on the work for one schema, with their reasons.
pub mod limits;

#[cfg(test)]
mod tests;
