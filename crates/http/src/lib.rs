//! The HTTP server of the registry. It accepts connections and limits their cost ([`Server`]),
//! handles every request first ([`Front`]: authentication, admission, timing), answers from the
//! cache of rendered documents ([`FastRead`]), and passes the rest to the routes.
//!
//! It holds no rule of the registry: a route turns a request into a command or a query, and the
//! result into an answer. It stores nothing. It opens no URL that a client names, but
//! those of AI providers that documents declare.

// rustdoc checks every public type for auto traits. The catalog's nested chains and maps need more
// than the compiler's default of 128 steps.
#![recursion_limit = "256"]

mod body;
mod budget;
pub mod compression;
mod connections;
mod cors;
mod date;
mod fast_read;
mod front;
mod gatekeeper;
mod guarded;
pub mod health;
mod host;
mod known_models;
mod known_query;
mod limits;
mod live_events;
mod live_providers;
pub mod metrics;
pub mod native;
mod panics;
mod problem;
mod public_address;
mod request_body;
mod request_id;
mod request_log;
mod response_body;
mod server;
mod submit;
mod tls;
mod upgrade;
pub mod xregistry;

pub use body::Body;
pub use budget::BodyBudget;
pub use cors::{AllowedOrigins, OriginError};
pub use fast_read::{FastRead, FastReads, FastRequest, FullResponse};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use front::PlainHead;
pub use front::{CONSOLE, Caller, Front, SESSION_TOKEN, session_cookie, session_id};
pub use gatekeeper::Gatekeeper;
pub use host::foreign_origin;
pub use limits::ServerLimits;
pub use live_events::{EVENTS_KEPT, LiveEvents};
pub use live_providers::{
    LiveProviders, PROVIDERS_FOLLOWER, ProviderCheck, ProviderFollower, ProviderSurroundings,
};
pub use muster_guard::Principal;
pub use problem::{IntoProblem, respond};
pub use public_address::{PublicAddress, PublicAddressError};
pub use request_body::{BodyFault, read_body};
pub use request_log::{RequestLevel, RequestLog};
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use server::read_head;
pub use server::{Phase, ReservedAddress, Server};
pub use submit::{check, correlation, message, origin, problem_of_forbidden, submit};
pub use tls::{Certificate, CertificateError, Tls};
