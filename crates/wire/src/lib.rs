//! What travels between a client and a server of Muster: a type for each answer that isn't an
//! entity's document, error bodies and their codes, the names and encodings of headers, entity
//! tags, and events of the change stream. Both sides use it, so a thing is written and read by one
//! piece of code. The table of operations ([`operations`]) says what can be asked; the description of
//! the API as OpenAPI is made from it and from the types.
//!
//! It is neither a server nor a client: it opens no connection, knows no registry and decides
//! nothing. Types of the domain are converted to these at the border and are never serialised
//! themselves.

pub mod capabilities;
pub mod changes;
pub mod entities;
pub mod errors;
pub mod etag;
pub mod followers;
pub mod headers;
pub mod health;
pub mod keys;
pub mod ledger;
pub mod log;
pub mod model;
pub mod openapi;
pub mod operations;
mod or_other;
pub mod restore;
mod sample;
pub mod status;

pub use errors::{
    CodeOrigin, ErrorBody, ErrorCode, ErrorFacts, ErrorKind, Problem, Severity, Violation,
    ViolationCause,
};
pub use or_other::OrOther;
pub use sample::Sample;
