//! The program `muster`: one binary that is server and command line.
//!
//! The command line talks to a registry through the public API alone; where no server runs, the
//! program opens the data directory itself and calls the same router without a socket. This is the
//! only room that reads arguments, the environment and settings, and the only one that knows a
//! terminal. No rule of the registry lives here.

mod arguments;
mod commands;
mod composition;
mod connection;
mod context;
mod document_set;
mod failure;
mod folder;
mod help;
mod output;
mod plan;
mod settings;
mod shape;
mod suggest;
mod usage;

use std::{collections::BTreeMap, ffi::OsString, process::ExitCode};

use arguments::Arguments;
use clap::FromArgMatches;
use context::Context;
use failure::{Exit, Failure, FailureCode, OwnCode};
pub use help::command;
use output::{ColorChoice, Format, Screen};

/// Runs one command of the program and gives its exit code. `arguments` begins with the name of
/// the program.
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

/// What was said, then what it means: the arguments, and with the settings what they stand in.
fn understand(
    arguments: &[OsString],
    environment: BTreeMap<String, String>,
) -> Result<(Arguments, Context), UsageMistake> {
    let early = |failure| (failure, None);
    let color = early_color(arguments, &environment);
    let matches = help::command(color)
        .try_get_matches_from(arguments)
        .map_err(|error| early(usage::explain(&error)))?;
    let arguments =
        Arguments::from_arg_matches(&matches).map_err(|error| early(usage::explain(&error)))?;
    let context = Context::new(&arguments.global, environment).map_err(early)?;
    Ok((arguments, context))
}

/// How to print what goes wrong before the arguments are understood.
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

/// Whether the environment wants no colour: by `NO_COLOR` (no-color.org), or because the terminal
/// can't show any.
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
