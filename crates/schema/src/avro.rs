//! Avro (Apache Avro 1.12): parses schemas and locates every problem, prints their canonical forms
//! and fingerprints, compares versions, and checks data in JSON and in binary.
//!
//! ```
//! use muster_schema::{Direction, Policy, avro::{AvroSchema, compare}};
//!
//! let old = AvroSchema::parse(r#"{"type":"enum","name":"Size","symbols":["S","M"]}"#, &[])?;
//! let new = AvroSchema::parse(r#"{"type":"enum","name":"Size","symbols":["S"]}"#, &[])?;
//! for broken in compare(&old, &new, Direction::Backward, Policy::Sound) {
//!     println!("{} {}: {}", broken.path, broken.rule, broken.message);
//! }
//! # Ok::<(), muster_schema::avro::AvroError>(())
//! ```

mod check_binary;
mod check_json;
mod compare;
mod defaults;
mod definitions;
mod difference;
mod fault;
mod fingerprint;
mod frame;
mod logical;
mod names;
mod parse;
mod printer;
pub(crate) mod schema;

pub use compare::compare;
pub use difference::difference;
pub use fault::{AvroError, AvroFault, AvroProblem};
pub use frame::{ConfluentFrame, FrameFault};
pub use schema::AvroSchema;

#[cfg(test)]
mod tests;
