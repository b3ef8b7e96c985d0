//! The binary: arguments and environment in, an exit code out.

use std::{collections::BTreeMap, ffi::OsString, process::ExitCode};

/// A quarter of a write was spent in the system's allocator, which is slow where one thread frees
/// what another one took, as the writer does with every command (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // What isn't UTF-8 can't be a setting of ours.
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    muster::run(&arguments, environment)
}
