//! Every way in which a request can be refused: one table of codes ([`ErrorCode::all`]) with the
//! arguments of each ([`ErrorKind`]), what a refusal says ([`Problem`]), and how it travels
//! ([`ErrorBody`]).

mod argument;
mod body;
mod code;
mod problem;
mod table;
mod violation;

pub use body::ErrorBody;
pub use code::{CodeOrigin, ErrorCode, ErrorFacts, ErrorKind, snake, snake_length};
pub use problem::Problem;
pub use violation::{Severity, Violation, ViolationCause};

#[cfg(test)]
mod tests;
