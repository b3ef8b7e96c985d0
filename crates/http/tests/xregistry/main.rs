//! xRegistry as clients meet it, without a socket: requests in, answers out, on a registry in
//! memory.
// The registry behind the server has more nested types than the compiler counts by default.
#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

mod collections;
mod conditions;
mod crowded;
mod description;
mod documents;
mod door;
mod entities;
mod export;
mod fast;
mod ours;
mod refusals;
