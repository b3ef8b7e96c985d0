//! The program as people run it: a process, a port, a folder.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod access;
mod applying;
mod assisting;
mod backups;
mod bound_formats;
mod burning;
mod client;
mod conditions;
mod confluent;
mod confluent_documented;
mod confluent_keys;
mod confluent_large;
mod confluent_moving;
mod confluent_tags;
mod console;
mod crash;
mod crowds;
mod daily;
mod directories;
mod disk;
mod documents;
mod doors;
mod example;
mod extracting;
mod flips;
mod floods;
mod harness;
mod hostile;
mod identity;
mod interrupting;
mod kills;
mod lifecycle;
mod lists;
mod live_events;
mod logs;
mod models;
mod moving;
mod old_schemas;
mod origins;
mod past;
mod plans;
mod proofs;
mod propagating;
mod providers;
mod publishing;
mod reference;
mod references;
mod repeats;
mod rot;
mod schema_bundles;
mod schema_commands;
mod schemas;
mod searching;
mod secure;
mod soak;
mod sockets;
mod starving;
mod tampering;
mod undoing;
mod websockets;
mod yaml;

/// Here all of it is in clear text; in `server_tls` what is hostile comes within TLS.
const TLS: bool = false;
const SCHEME: &str = "http";
