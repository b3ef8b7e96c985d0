//! The doors beside `/api`, met over real sockets.
// A served router holds the catalog within more types than the compiler looks through by default.
#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod access;
mod changes;
mod description;
mod followers;
mod harness;
mod keys;
mod ledger;
mod log;
mod proofs;
mod resuming;
mod syncing;
mod tlog;
mod validate;
