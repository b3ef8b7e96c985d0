//! What Muster is measured with: each measurement compares, in one run on one machine, with what
//! a user would pick instead, and prints ratios.
//!
//! It is no test: nothing here passes or fails, and nothing of it runs in CI.

mod core_writes;
mod floor;

fn main() -> std::process::ExitCode {
    let what = std::env::args().nth(1).unwrap_or_default();
    let done = match what.as_str() {
        "core-writes" => core_writes::run(),
        _ => {
            eprintln!("usage: muster-bench core-writes");
            return std::process::ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
