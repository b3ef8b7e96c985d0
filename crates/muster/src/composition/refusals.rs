use crate::{Failure, OwnCode};
use muster_wire::ErrorCode;

/// Another process uses the data directory; the lock file names it.
#[must_use]
pub fn directory_in_use(shown: &str, address: Option<&str>, process: Option<u32>) -> Failure {
    let server =
        address.map_or("another process".to_owned(), |address| format!("the server at {address}"));
    let process = process.map_or(String::new(), |process| format!(" (process {process})"));
    let failure = Failure::new(OwnCode::InUse, format!("{shown} is in use by {server}{process}"));
    match address {
        Some(address) => failure.help(format!(
            "a server is already running: --server {address}; a second registry needs another directory: --data DIR"
        )),
        None => failure.help("wait until it ends, or use another directory: --data DIR"),
    }
}

/// What makes a server reachable from other computers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The address that it listens on.
    ListenAddress,
    /// The URL under which clients know it.
    PublicUrl,
}

/// Where a registry without keys is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeylessRegistry {
    /// In memory.
    Memory,
    /// Nowhere yet. These flags make other commands find its data directory.
    New(String),
    /// In the data directory that other commands find with these flags.
    Kept(String),
}

/// The server is reachable from other computers, but the registry has no keys.
pub(super) fn key_required(reach: Reach, registry: &KeylessRegistry) -> Failure {
    let (what, otherwise) = match reach {
        Reach::ListenAddress => (
            "this address can be reached from other computers, but the registry has no keys",
            "listen on 127.0.0.1",
        ),
        Reach::PublicUrl => (
            "the public URL is for other computers, but the registry has no keys",
            "leave out the public URL",
        ),
    };
    let create = "muster keys create --role admin";
    let variable = "or set a key in MUSTER_ADMIN_KEY";
    let make = match registry {
        KeylessRegistry::Memory => "set a key in MUSTER_API_KEY".to_owned(),
        KeylessRegistry::New(flags) => {
            format!("muster init{flags}, and then {create}{flags}; {variable}")
        }
        KeylessRegistry::Kept(flags) => format!("{create}{flags}, {variable}"),
    };
    Failure::new(ErrorCode::KeyRequired, what)
        .help(format!("{make}, then start again; or {otherwise}"))
}
