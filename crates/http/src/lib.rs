//! The HTTP server of the registry. It accepts connections and limits their cost ([`Server`]),
//! handles every request first ([`Front`]: authentication, admission, timing), answers from the
//! cache of rendered documents ([`FastRead`]), and passes the rest to the routes.
//!
//! It holds no rule of the registry: a route turns a request into a command or a query, and the
//! result into an answer. It stores nothing, and fetches nothing for clients.

// rustdoc checks every public type for auto traits. The catalog's nested chains and maps need more
// than the compiler's default of 128 steps.
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
