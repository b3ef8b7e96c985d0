//! The errors of the API: the table of codes ([`ErrorCode::all`]), the arguments of each code
//! ([`ErrorKind`]), one refusal with its facts ([`Problem`]), and its JSON ([`ErrorBody`]).

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
