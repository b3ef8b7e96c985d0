//! The binary: passes arguments and environment to the library, and returns its exit code.

use std::{collections::BTreeMap, ffi::OsString, process::ExitCode};

/// The system's allocator took a quarter of the time of a write: it is slow if one thread frees
/// what another one allocated, and the writer does so with every command (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // A variable that isn't UTF-8 can't be one of our settings.
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    muster::run(&arguments, environment)
}
