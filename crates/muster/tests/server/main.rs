//! The program as people run it: a process, a port, a folder.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod access;
mod applying;
mod burning;
mod client;
mod conditions;
mod crash;
mod crowds;
mod directories;
mod disk;
mod documents;
mod doors;
mod example;
mod floods;
mod harness;
mod hostile;
mod interrupting;
mod lifecycle;
mod models;
mod references;
mod repeats;
mod secure;
mod sockets;
mod tampering;
