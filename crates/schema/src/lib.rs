//! JSON Schema: compiles a schema, validates values, and locates every violation.
//!
//! This room is pure: a schema refers to other schemas by xid, and the caller's [`SchemaSources`]
//! provides them. Nothing here fetches anything or knows where documents are stored.

mod address;
mod analysis;
mod bounds;
mod by_digits;
mod choices;
mod compile;
mod compile_error;
mod decimal;
mod dialect;
mod distinct;
mod equality;
mod found_violations;
mod kinds;
mod messages;
mod metaschemas;
mod meter;
mod nearest;
mod numbers;
mod outline;
mod pattern;
mod report;
mod sources;
mod steps;
mod violation;
mod vocabulary;

pub use compile::Schema;
pub use compile_error::{CompileError, ReferenceFault};
pub use decimal::compare_numbers;
pub use dialect::Dialect;
pub use found_violations::FoundViolations;
pub use nearest::nearest;
pub use numbers::oversized_numbers;
pub use outline::Outline;
pub use pattern::cost_of_pattern;
pub use sources::{NoSources, SchemaSources};
pub use steps::{StopSign, Stopped, heed_stop, stoppable};
pub use violation::{Severity, Violation, ViolationSource};
pub use vocabulary::MetaschemaFault;

/// Limits on the work for one schema, with their reasons.
pub mod limits;

#[cfg(test)]
mod tests;
