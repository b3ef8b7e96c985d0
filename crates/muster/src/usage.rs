//! Errors of the parser, in our words.

use std::num::{IntErrorKind, ParseIntError};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::{Exit, Failure};

/// The failure for an error of the parser. Help and version aren't failures; they are printed.
pub(crate) fn explain(error: &clap::Error) -> Failure {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A reader who has left needs no more.
        let _ = error.print();
        return Failure::already_reported(Exit::Done);
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return Failure::already_reported(Exit::Usage);
    }
    let said = |kind| error.get(kind).map(text).unwrap_or_default();
    let what = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            format!("there is no command {}", said(ContextKind::InvalidSubcommand))
        }
        ErrorKind::UnknownArgument => {
            let written = said(ContextKind::InvalidArg);
            if written.starts_with('-') {
                format!("there is no flag {written} here")
            } else {
                format!("{written:?} is one argument too many")
            }
        }
        ErrorKind::MissingRequiredArgument => {
            format!("{} is missing", bare(&said(ContextKind::InvalidArg)))
        }
        ErrorKind::MissingSubcommand => "which command?".to_owned(),
        ErrorKind::InvalidValue if said(ContextKind::InvalidValue).is_empty() => {
            format!("{} needs a value", bare(&said(ContextKind::InvalidArg)))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let (value, flag) = (said(ContextKind::InvalidValue), said(ContextKind::InvalidArg));
            let flag = bare(&flag);
            match std::error::Error::source(error) {
                Some(cause) if is_zero(cause) => format!("{flag} needs a number above 0"),
                Some(cause) if cause.is::<ParseIntError>() => {
                    format!("{flag} needs a whole number, not {value:?}")
                }
                Some(cause) => format!("{value:?} isn't a valid {flag}: {cause}"),
                None => format!("{value:?} isn't a valid {flag}"),
            }
        }
        ErrorKind::ArgumentConflict => {
            let (one, other) = (said(ContextKind::InvalidArg), said(ContextKind::PriorArg));
            format!("{} and {} can't be used together", bare(&one), bare(&other))
        }
        _ => first_line(&error.to_string()),
    };
    Failure::usage(what).help(help(error))
}

fn is_zero(cause: &(dyn std::error::Error + 'static)) -> bool {
    let number = cause.downcast_ref::<ParseIntError>();
    number.is_some_and(|number| *number.kind() == IntErrorKind::Zero)
}

/// If a collection was given instead of a name, the command that lists it.
fn name_help(error: &clap::Error) -> Option<String> {
    std::error::Error::source(error)?.downcast_ref::<muster_words::XidError>()?;
    let written = text(error.get(ContextKind::InvalidValue)?);
    let collection = written.trim_matches('/');
    let is_collection = collection.parse::<muster_words::Id>().is_ok();
    Some(if is_collection {
        format!("a name has two parts or four; muster list {collection} shows what exists")
    } else {
        "a group is written as providers/cms, a document as providers/cms/entries/sanity".to_owned()
    })
}

fn help(error: &clap::Error) -> String {
    if let Some(help) = name_help(error) {
        return help;
    }
    let suggested = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
        ContextKind::ValidSubcommand,
        ContextKind::ValidValue,
    ];
    let found = suggested.iter().find_map(|kind| {
        let text = text(error.get(*kind)?);
        (!text.is_empty()).then_some((*kind, text))
    });
    match found {
        Some((ContextKind::ValidValue | ContextKind::ValidSubcommand, all)) => {
            format!("choose one of {all}")
        }
        Some((_, near)) => format!("did you mean {near}?"),
        None if REACH
            .iter()
            .any(|flag| Some(*flag) == error.get(ContextKind::InvalidArg).map(text).as_deref()) =>
        {
            "put it after a command that talks to a registry: muster list --server URL".to_owned()
        }
        None => match usage(error).filter(|_| error.kind() != ErrorKind::InvalidSubcommand) {
            Some(usage) => format!("usage: {usage}"),
            None if error.kind() == ErrorKind::InvalidSubcommand => {
                "muster help shows all commands".to_owned()
            }
            None => "--help shows examples and flags".to_owned(),
        },
    }
}

/// A flag without its value's name, or an argument without its brackets.
fn bare(flag: &str) -> &str {
    match flag.strip_prefix(['<', '[']) {
        Some(argument) => argument.trim_end_matches(['>', ']', '.']),
        None => flag.split(' ').next().unwrap_or(flag),
    }
}

/// Flags of many commands that the program itself doesn't have.
const REACH: [&str; 4] = ["--server", "--data", "--key-file", "--ca-cert"];

fn usage(error: &clap::Error) -> Option<String> {
    let usage = error.get(ContextKind::Usage)?.to_string();
    let line = usage.lines().next()?.trim_start_matches("Usage:").trim().to_owned();
    (!line.is_empty()).then_some(line)
}

fn text(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(all) => all.join(", "),
        ContextValue::StyledStrs(all) => {
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        ContextValue::None => String::new(),
        value => value.to_string(),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_words::Moment;

    use super::*;
    use crate::output::Screen;

    #[test]
    fn names_what_was_not_understood_and_what_was_likely_meant() {
        for (line, expect) in [
            ("muster lst", "error: there is no command lst  [usage]\nhelp: did you mean list?"),
            (
                "muster get a/b --detials",
                "error: there is no flag --detials here  [usage]\nhelp: did you mean --details?",
            ),
            (
                "muster get a/b --output pdf",
                "error: \"pdf\" isn't a valid --output  [usage]\nhelp: choose one of table, json, yaml",
            ),
            (
                "muster --server x list",
                "error: there is no flag --server here  [usage]\nhelp: put it after a command that talks to a registry: muster list --server URL",
            ),
            (
                "muster get a/b b",
                "error: \"b\" is one argument too many  [usage]\nhelp: usage: muster get [OPTIONS] <XID>",
            ),
            (
                "muster quux",
                "error: there is no command quux  [usage]\nhelp: muster help shows all commands",
            ),
            (
                "muster log providers",
                "error: \"providers\" isn't a valid XID: an xid has the form /<groups>/<group>[/<resources>/<resource>[/meta | /versions/<version>]]  [usage]\nhelp: a name has two parts or four; muster list providers shows what exists",
            ),
            (
                "muster get ../x/y",
                "error: \"../x/y\" isn't a valid XID: an xid has the form /<groups>/<group>[/<resources>/<resource>[/meta | /versions/<version>]]  [usage]\nhelp: a group is written as providers/cms, a document as providers/cms/entries/sanity",
            ),
            (
                "muster log --limit 0",
                "error: --limit needs a number above 0  [usage]\nhelp: --help shows examples and flags",
            ),
            (
                "muster list --limit -1",
                "error: --limit needs a whole number, not \"-1\"  [usage]\nhelp: --help shows examples and flags",
            ),
        ] {
            let command = crate::command(clap::ColorChoice::Never);
            let error = command.try_get_matches_from(line.split(' ')).unwrap_err();
            let failure = explain(&error);
            let text = failure.render(&Screen::plain(Moment::EPOCH)).unwrap();
            assert_eq!(text, expect, "{line}");
            assert_eq!(failure.exit_code(), Exit::Usage);
        }
    }
}
