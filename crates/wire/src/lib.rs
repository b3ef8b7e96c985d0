//! The wire format between Muster's clients and servers: a type for each answer that isn't an
//! entity's document, error bodies and their codes, the names and encodings of headers, entity
//! tags, and events of the change stream. Both sides use these types, so one piece of code writes
//! and reads each of them. The table of operations ([`operations`]) lists every operation; the OpenAPI
//! document is generated from the table and the types.
//!
//! It is neither a server nor a client: it opens no connection, knows no registry and decides
//! nothing. Types of the domain are converted to these types at the border and are never serialised
//! themselves.

pub mod apply;
pub mod capabilities;
pub mod changes;
pub mod confluent;
pub mod deleted;
pub mod diff;
pub mod difference;
pub mod entities;
pub mod errors;
pub mod etag;
pub mod export;
pub mod followers;
pub mod headers;
pub mod health;
pub mod index;
pub mod keys;
pub mod ledger;
pub mod live_events;
pub mod log;
pub mod manifest;
pub mod model;
pub mod openapi;
pub mod operations;
mod or_other;
pub mod proofs;
pub mod propagation;
pub mod providers;
pub mod publications;
pub mod references;
pub mod restore;
pub mod rollback;
mod sample;
pub mod schemas;
pub mod search;
pub mod status;
pub mod sync;
pub mod validation;

pub use errors::{
    CodeOrigin, ErrorBody, ErrorCode, ErrorFacts, ErrorKind, Problem, Severity, Violation,
    ViolationCause,
};
pub use or_other::OrOther;
pub use sample::Sample;
