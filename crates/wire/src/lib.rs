//! What travels between a client and a server of Muster: error bodies and their codes, the names
//! and encodings of headers, entity tags, events of the change stream, and the description of the
//! API as OpenAPI. Both sides use it, so a thing is written and read by one piece of code.
//!
//! It is neither a server nor a client: it opens no connection, knows no registry and decides
//! nothing. Types of the domain are converted to these at the border and are never serialised
//! themselves.

pub mod capabilities;
pub mod changes;
pub mod doors;
pub mod entities;
pub mod errors;
pub mod etag;
pub mod headers;
pub mod health;
pub mod keys;
pub mod ledger;
pub mod log;
pub mod model;
pub mod openapi;
pub mod restore;
mod sample;
pub mod status;

pub use errors::{
    ErrorBody, ErrorCode, ErrorFacts, Origin, Problem, Severity, Violated, Violation,
};
pub use sample::Sample;
