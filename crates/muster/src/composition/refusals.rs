use crate::{Failure, OwnCode};
use muster_wire::ErrorCode;

/// The data directory is another process's, which its lock file names.
#[must_use]
pub fn directory_in_use(shown: &str, address: Option<&str>, process: Option<u32>) -> Failure {
    let server =
        address.map_or("another process".to_owned(), |address| format!("the server at {address}"));
    let process = process.map_or(String::new(), |process| format!(" (process {process})"));
    let failure = Failure::new(OwnCode::InUse, format!("{shown} is in use by {server}{process}"));
    match address {
        Some(address) => failure.help(format!(
            "that server answers already: --server {address}; to run a second registry give it a directory of its own: --data DIR"
        )),
        None => failure.help("wait until it ends, or give another directory: --data DIR"),
    }
}

/// An address that others can reach, and no key. `kept` are the flags with which other commands
/// find the registry's directory; none: it is in memory.
#[must_use]
pub fn key_required(kept: Option<&str>) -> Failure {
    let what = "this address can be reached from outside, and the registry has no keys";
    let make = match kept {
        Some(flags) => format!("muster keys create --role admin{flags}"),
        None => "give it one in MUSTER_API_KEY".to_owned(),
    };
    Failure::new(ErrorCode::KeyRequired, what)
        .help(format!("{make}, then start again; or listen on 127.0.0.1"))
}
