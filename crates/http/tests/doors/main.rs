//! The server as clients meet it: over real sockets, the rude clients among them.
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
