use std::fmt::Write as _;

use clap::{ColorChoice, CommandFactory, builder::styling};

use crate::Arguments;

/// The commands, grouped by purpose. A test checks that each command is listed exactly once.
pub(crate) const WANTS: [(&str, &[&str]); 7] = [
    ("Start", &["init", "serve", "service"]),
    (
        "Read",
        &[
            "list",
            "get",
            "search",
            "entities",
            "references",
            "log",
            "diff",
            "watch",
            "export",
            "status",
        ],
    ),
    ("Change", &["put", "delete", "restore", "rollback", "apply", "import", "extract", "model"]),
    ("Send", &["propagation", "conflicts", "encryption"]),
    ("Prove", &["validate", "schema", "ledger"]),
    ("Publish", &["publish", "client", "snapshot"]),
    (
        "Run",
        &[
            "mcp",
            "providers",
            "backup",
            "restore-backup",
            "keys",
            "config",
            "errors",
            "completions",
            "shell",
            "man",
        ],
    ),
];

/// The text under the list.
const AFTER: &str = "\
Exit codes: 0 done, 1 refused or failed, 2 not understood, 3 the ledger or a proof doesn't verify.
muster <command> --help shows examples and flags.";

/// The layout of a command's help page: summary, examples, flags.
const PAGE: &str = "{about}\n\n{before-help}Usage: {usage}\n\n{all-args}{after-help}";

/// The whole command line, for the parser, the help pages, the completions and the manual.
#[must_use]
pub fn command(color: ColorChoice) -> clap::Command {
    let styles = styling::Styles::styled()
        .header(styling::Style::new().bold())
        .usage(styling::Style::new().bold())
        .literal(styling::Style::new())
        .placeholder(styling::Style::new());
    let command = laid_out(Arguments::command().color(color).styles(styles));
    let overview = overview(&command);
    command.help_template(format!(
        "{{about}}\n\nUsage: {{usage}}\n\n{overview}\n{{options}}\n\n{AFTER}\n"
    ))
}

fn laid_out(command: clap::Command) -> clap::Command {
    let names: Vec<String> =
        command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    names.iter().fold(command, |command, name| {
        command.mut_subcommand(name, |one| {
            let has_more = one.has_subcommands();
            // A command that does something itself needs no other one.
            let needs_one = has_more && !one.is_args_conflicts_with_subcommands_set();
            let one = if needs_one { one.subcommand_required(true) } else { one };
            laid_out(one.help_template(PAGE))
        })
    })
}

/// The commands with their summaries, grouped by purpose.
fn overview(command: &clap::Command) -> String {
    let mut text = String::new();
    for (want, names) in WANTS {
        let _ = writeln!(text, "{want}:");
        for name in names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {name:<15} {about}");
        }
        text.push('\n');
    }
    text.push_str("Options:");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The commands that people are told of.
    fn shown(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
        command.get_subcommands().filter(|one| !one.is_hide_set())
    }

    #[test]
    fn every_command_stands_in_the_overview_once_and_has_examples() {
        let command = command(ColorChoice::Never);
        let listed: Vec<&str> = WANTS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let there: BTreeSet<&str> = shown(&command).map(clap::Command::get_name).collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), there);
        assert_eq!(listed.len(), there.len());
        let mut left: Vec<&clap::Command> = shown(&command).collect();
        while let Some(one) = left.pop() {
            let about = one.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty() && !about.ends_with('.'), "{}: {about}", one.get_name());
            assert!(about.chars().count() <= 76, "{}: {about}", one.get_name());
            let examples = one.get_before_help().map(ToString::to_string).unwrap_or_default();
            assert!(one.has_subcommands() || examples.contains("muster "), "{}", one.get_name());
            left.extend(one.get_subcommands());
        }
    }

    #[test]
    fn the_definition_holds_together() {
        command(ColorChoice::Never).debug_assert();
    }
}
