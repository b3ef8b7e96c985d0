//! The program `muster`: one binary that is both the server and the command line.
//!
//! The command line talks to a registry only through its public API. If no server runs, the program
//! opens the data directory itself and calls the same router without a socket. This is the only
//! room that reads arguments, the environment and settings, and the only one that knows about
//! terminals. It holds no rule of the registry.

// The catalog's nested chains need more than the compiler's default of 128 steps.
#![recursion_limit = "256"]

mod arguments;
mod backup_file;
mod bounded_file;
mod commands;
mod composition;
mod connection;
mod context;
mod document_proof;
mod document_set;
mod extraction;
mod failure;
mod folder;
mod help;
mod import;
mod literal;
mod model;
mod output;
mod plan;
mod schema_transfer;
mod settings;
mod suggest;
mod usage;

use std::{collections::BTreeMap, ffi::OsString, path::Path, process::ExitCode};

use arguments::Arguments;
use clap::FromArgMatches;
use context::Context;
use failure::{Exit, Failure, FailureCode, OwnCode};
pub use help::command;
use output::{ColorChoice, Format, Screen};

/// Runs one command and returns its exit code. `arguments` begins with the name of the program.
#[must_use]
pub fn run(arguments: &[OsString], environment: BTreeMap<String, String>) -> ExitCode {
    let early = early_screen(arguments, &environment);
    let outcome = understand(arguments, environment).and_then(|(arguments, context)| {
        let outcome = arguments.command.run(&context);
        outcome.map_err(|failure| (failure, Some(context.screen.clone())))
    });
    match outcome {
        Ok(()) => Exit::Done.into(),
        Err((failure, screen)) => {
            let screen = screen.unwrap_or(early);
            if let Some(text) = failure.render(&screen) {
                screen.note(&text);
            }
            failure.exit_code().into()
        }
    }
}

type UsageMistake = (Failure, Option<Screen>);

/// Parses the arguments and resolves them with the settings.
fn understand(
    arguments: &[OsString],
    environment: BTreeMap<String, String>,
) -> Result<(Arguments, Context), UsageMistake> {
    let early = |failure| (failure, None);
    let color = early_color(arguments, &environment);
    let home = environment.get("HOME").filter(|home| !home.is_empty());
    let command = match home {
        Some(home) => arguments::with_home(help::command(color), Path::new(home)),
        None => help::command(color),
    };
    let matches =
        command.try_get_matches_from(arguments).map_err(|error| early(usage::explain(&error)))?;
    let arguments =
        Arguments::from_arg_matches(&matches).map_err(|error| early(usage::explain(&error)))?;
    let context = Context::new(&arguments.global, environment).map_err(early)?;
    Ok((arguments, context))
}

/// The screen for errors before the arguments are parsed.
fn early_screen(arguments: &[OsString], environment: &BTreeMap<String, String>) -> Screen {
    let format = match flag(arguments, "--output").as_deref() {
        Some("json") => Format::Json,
        Some("yaml") => Format::Yaml,
        _ => Format::Table,
    };
    let color = match early_color(arguments, environment) {
        clap::ColorChoice::Always => ColorChoice::Always,
        clap::ColorChoice::Never => ColorChoice::Never,
        clap::ColorChoice::Auto => ColorChoice::Auto,
    };
    Screen::of_process(format, color, false)
}

fn early_color(
    arguments: &[OsString],
    environment: &BTreeMap<String, String>,
) -> clap::ColorChoice {
    let no_color = no_color(environment);
    match flag(arguments, "--color").as_deref() {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ if no_color => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    }
}

/// Whether the environment asks for no colour: through `NO_COLOR` (no-color.org), or because the
/// terminal has none.
fn no_color(environment: &BTreeMap<String, String>) -> bool {
    let is =
        |name: &str, wanted: fn(&str) -> bool| environment.get(name).is_some_and(|it| wanted(it));
    is("NO_COLOR", |value| !value.is_empty()) || is("TERM", |value| value == "dumb")
}

fn flag(arguments: &[OsString], name: &str) -> Option<String> {
    let texts: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let behind = texts.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1]);
    let within = texts.iter().find_map(|text| text.strip_prefix(name)?.strip_prefix('='));
    behind.or(within).map(str::to_owned)
}
