//! What Muster is measured with: each measurement compares, in one run on one machine, with what
//! a user would pick instead, and prints ratios.
//!
//! It is no test: nothing here passes or fails, and nothing of it runs in CI.

mod confluent;
mod console;
mod core_writes;
mod floor;
mod follow;
mod growth;
mod load;
mod machine;
mod order;
mod past;
mod process;
mod propagation;
mod providers;
mod ratio;
mod reads;
mod scratch;
mod search;
mod servers;
mod starve;
mod talk;
mod watcher;
mod writes;

use std::{error::Error, process::ExitCode};

use clap::Parser as _;

use crate::{
    order::{Arguments, Order, Pair},
    ratio::Report,
    scratch::Scratch,
};

/// The server's allocator, so that no comparison is one of allocators.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a measurement gives: nothing, or why it couldn't be made.
type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = if let (Some(address), Some(file)) = (arguments.bare, &arguments.file) {
        servers::bare::serve(address, file)
    } else if let (Some(address), Some(upstream)) = (arguments.proxy, arguments.upstream) {
        servers::proxy::serve(address, upstream)
    } else if let Some(address) = arguments.post {
        let Arguments { posts, loops, bytes, .. } = arguments;
        servers::posts::Posts { posts, loops, bytes }.make(address)
    } else {
        measure(&arguments)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Outcome {
    let scratch = Scratch::make(&arguments.scratch)?;
    let order = Order::new(arguments, scratch.path());
    let mut report = Report::default();
    report.say(&machine::describe(&order)?);
    for pair in arguments.pairs() {
        let measured = match pair {
            Pair::Reads => reads::run(&order, &mut report),
            Pair::Writes => writes::run(&order, &mut report),
            Pair::Follow => follow::run(&order, &mut report),
            Pair::Growth => growth::run(&order, &mut report),
            Pair::CoreWrites => core_writes::run(&order, &mut report),
            Pair::Past => past::run(&order, &mut report),
            Pair::Search => search::run(&order, &mut report),
            Pair::Confluent => confluent::run(&order, &mut report),
            Pair::Console => console::run(&order, &mut report),
            Pair::Starve => starve::run(&order, &mut report),
            Pair::Propagation => propagation::run(&order, &mut report),
            Pair::Providers => providers::run(&order, &mut report),
        };
        if let Err(error) = measured {
            // One that fails must not take the others with it.
            report.skip(&format!("{pair}: {error}"));
        }
    }
    report.end();
    Ok(())
}
