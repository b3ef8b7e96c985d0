//! The server as clients meet it: over real sockets, the rude clients among them.
// The registry behind the server has more nested types than the compiler counts by default.
#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

mod answers;
mod bodies;
mod crowds;
mod harness;
mod heads;
mod neighbours;
mod protocols;
mod stopping;

/// Here all of it is in clear text; in `doors_tls` the same within TLS.
const TLS: bool = false;
const SCHEME: &str = "http";
