//! The door: an HTTP server over the registry. It accepts connections and bounds what they cost
//! ([`Server`]), stands before every request ([`Front`]: who is it, may it come in, how long did
//! it take), answers what is rendered already ([`FastRead`]) and hands the rest to the routes.
//!
//! No rule of the registry lives here: a route turns a request into a command or a query, and what
//! comes back into an answer. It stores nothing, and fetches nothing on a client's behalf.

// rustdoc asks of every public type which auto traits it has, and the catalog's chains and maps lie
// deeper in each other than the compiler's default of 128 steps.
#![recursion_limit = "256"]

mod body;
pub mod compression;
mod front;
mod guarded;
pub mod health;
pub mod metrics;
pub mod native;
mod problem;
mod request_body;
mod server;
mod submit;
pub mod xregistry;

pub use body::Body;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use front::PlainHead;
pub use front::{
    Caller, EncodedResponse, FastRead, FastRequest, Front, Gatekeeper, PlainRequest, PublicAddress,
};
pub use muster_guard::Principal;
pub use problem::{IntoProblem, respond};
pub use request_body::{BodyBudget, BodyFault, read_body};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use server::plain_head;
pub use server::{Phase, Server, ServerLimits};
pub use submit::{check, correlation, message, origin, problem_of_forbidden, submit};
