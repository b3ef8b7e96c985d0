//! The server as clients meet it within TLS: whatever it holds to in clear text, it holds to here.
// The registry behind the server has more nested types than the compiler counts by default.
#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

#[path = "doors/answers.rs"]
mod answers;
#[path = "doors/bodies.rs"]
mod bodies;
#[path = "doors/crowds.rs"]
mod crowds;
#[path = "doors/harness.rs"]
mod harness;
#[path = "doors/heads.rs"]
mod heads;
#[path = "doors/neighbours.rs"]
mod neighbours;
#[path = "doors/protocols.rs"]
mod protocols;
#[path = "doors/stopping.rs"]
mod stopping;

const TLS: bool = true;
const SCHEME: &str = "https";
