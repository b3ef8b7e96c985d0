//! Writes a page of the reference to standard output: `openapi`.
#![expect(clippy::print_stdout, reason = "the page is the result")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("openapi") => {
            println!("{:#}", muster_wire::openapi::document(env!("CARGO_PKG_VERSION")))
        }
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}
