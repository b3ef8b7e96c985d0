//! The engine over a registry in memory, with a receiver of our own that misbehaves in every way.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![recursion_limit = "256"]

mod batching;
mod chaos;
mod delivering;
mod harness;
mod operating;
mod peers;
mod pulling;
mod receiver;
