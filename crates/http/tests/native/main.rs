//! The doors beside `/api`, met over real sockets.
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
mod tlog;
mod validate;
