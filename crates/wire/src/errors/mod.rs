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
pub use code::{ErrorCode, ErrorFacts, ErrorKind, Origin, snake, snake_length};
pub use problem::Problem;
pub use violation::{Severity, Violated, Violation};

#[cfg(test)]
mod tests;
