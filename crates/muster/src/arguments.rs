use std::{
    any::TypeId,
    path::{Path, PathBuf},
};

use clap::{
    Args, Parser,
    builder::{PathBufValueParser, TypedValueParser as _},
};

use crate::{
    commands::MusterCommand,
    output::{ColorChoice, Format},
};

/// Muster is a registry of documents that other systems depend on
#[derive(Debug, Parser)]
#[command(name = "muster", version, disable_help_subcommand = false)]
pub struct Arguments {
    /// Flags of all commands.
    #[command(flatten)]
    pub global: GlobalArguments,
    /// The command.
    #[command(subcommand)]
    pub command: MusterCommand,
}

/// Flags of all commands.
#[derive(Debug, Args)]
pub struct GlobalArguments {
    /// Output format of results and errors: table, json or yaml
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORM")]
    #[arg(help_heading = "Everywhere", hide_possible_values = true)]
    pub output: Format,
    /// When to use colour: auto, always or never
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    #[arg(help_heading = "Everywhere", hide_possible_values = true)]
    pub color: ColorChoice,
    /// The settings file [default: muster.toml in the current folder]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub config: Option<PathBuf>,
}

/// The flag of commands that change something.
#[derive(Clone, Debug, Default, Args)]
pub struct Explanation {
    /// The reason for the change; muster log shows it
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
}

/// Flags of commands that talk to a registry.
#[derive(Clone, Debug, Default, Args)]
pub struct ConnectionArguments {
    /// The server to talk to [default: http://127.0.0.1:8080, or MUSTER_SERVER]
    #[arg(long, value_name = "URL", help_heading = "Which registry", conflicts_with = "data")]
    pub server: Option<String>,
    /// Open this data directory instead; no server may be using it
    #[arg(long, value_name = "DIR", help_heading = "Which registry")]
    pub data: Option<PathBuf>,
    /// A file that holds the API key [or MUSTER_API_KEY]
    #[arg(long, value_name = "FILE", help_heading = "Which registry")]
    pub key_file: Option<PathBuf>,
    /// A file of certificates that may sign the server's [or MUSTER_CA_CERT]
    #[arg(long, value_name = "FILE", help_heading = "Which registry")]
    pub ca_cert: Option<PathBuf>,
}

impl ConnectionArguments {
    /// Whether a server or a data directory was named.
    #[must_use]
    pub(crate) const fn is_named(&self) -> bool {
        self.server.is_some() || self.data.is_some()
    }

    /// The flags that were given, for a command that is suggested.
    #[must_use]
    pub(crate) fn flags(&self) -> String {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let all = [
            ("server", self.server.clone()),
            ("data", path(&self.data)),
            ("key-file", path(&self.key_file)),
            ("ca-cert", path(&self.ca_cert)),
        ];
        let given = all.into_iter().filter_map(|(name, value)| Some((name, value?)));
        given.map(|(name, value)| format!(" --{name} {}", quoted(&value))).collect()
    }
}

/// The command line with `~/` read as the home in every argument that is a path. A shell does that
/// only at the beginning of a word, so `--to=~/a` arrives as it was typed.
pub(crate) fn with_home(command: clap::Command, home: &Path) -> clap::Command {
    let command = command.mut_args(|argument| {
        if argument.get_value_parser().type_id() != TypeId::of::<PathBuf>() {
            return argument;
        }
        let home = home.to_owned();
        argument.value_parser(PathBufValueParser::new().map(move |path| below_home(&home, path)))
    });
    command.mut_subcommands(|one| with_home(one, home))
}

fn below_home(home: &Path, path: PathBuf) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => home.join(rest),
        Err(_) => path,
    }
}

/// A word as a shell reads it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,@%+=".contains(letter);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
