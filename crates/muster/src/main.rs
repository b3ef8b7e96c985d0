//! The binary: arguments and environment in, an exit code out.

use std::{collections::BTreeMap, ffi::OsString, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // What isn't UTF-8 can't be a setting of ours.
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    muster::run(&arguments, environment)
}
