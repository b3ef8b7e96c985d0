//! What the embedded library for schemas is measured with: validation next to other libraries on the
//! same schemas and payloads, checks of compatibility as versions grow, memory, and large schemas.
//!
//! It is no test: nothing here passes or fails, except `collection`, which ends with an error if a
//! schema takes too long. `bench/schemas/run` and `tests/collection/run` fetch what it reads.

mod avro;
mod clock;
mod collection;
mod compatibility;
mod memory;
mod peers;
mod read;
mod validation;

use std::{
    error::Error,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// What a measurement gives: nothing, or why it couldn't be made.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Measures the embedded library for schemas, and prints ratios.
#[derive(Debug, Parser)]
#[command(name = "muster-bench-schemas")]
struct Arguments {
    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Validation next to the crate `jsonschema`, ajv and fastjsonschema.
    Validation(validation::Arguments),
    /// One check of compatibility with 1 to 1,000 earlier versions.
    Compatibility(compatibility::Arguments),
    /// Memory of a compiled schema.
    Memory(memory::Arguments),
    /// Large Avro schemas: time and memory of parsing and comparing.
    Avro,
    /// All schemas of a public collection: which register, and what comparing versions finds.
    Collection(collection::Arguments),
    /// One case in a process of its own, for its memory.
    #[command(hide = true)]
    Alone { what: String, name: String, file: Option<PathBuf> },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().order {
        Order::Validation(arguments) => validation::run(&arguments),
        Order::Compatibility(arguments) => compatibility::run(&arguments),
        Order::Memory(arguments) => memory::run(&arguments),
        Order::Avro => avro::run(),
        Order::Collection(arguments) => collection::run(&arguments),
        Order::Alone { what, name, file } => match (what.as_str(), file) {
            ("memory", Some(file)) => memory::alone(&name, &file),
            _ => avro::alone(&name),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    // Nobody reads on where this can't be written.
    let _ = writeln!(io::stdout(), "{text}");
}
