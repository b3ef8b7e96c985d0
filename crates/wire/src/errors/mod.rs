//! Every way in which a request can be refused: one table of codes ([`ErrorCode::all`]), what a
//! refusal says ([`Problem`]), and how it travels ([`ErrorBody`]).

mod body;
mod code;
mod ours;
mod page;
mod problem;
mod specification;
mod violation;

pub use body::ErrorBody;
pub use code::{ErrorCode, ErrorFacts, Origin};
pub use page::page;
pub use problem::Problem;
pub use violation::{Severity, Violated, Violation};

#[cfg(test)]
mod tests;
