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
