use std::path::PathBuf;

use clap::{Args, Parser};

use crate::{
    commands::MusterCommand,
    output::{ColorChoice, Format},
};

/// Muster keeps documents that other systems depend on
#[derive(Debug, Parser)]
#[command(name = "muster", version, disable_help_subcommand = false)]
pub struct Arguments {
    /// What holds for every command.
    #[command(flatten)]
    pub global: GlobalArguments,
    /// What to do.
    #[command(subcommand)]
    pub command: MusterCommand,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
pub struct GlobalArguments {
    /// The form of results and of errors: table, json or yaml
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORM")]
    #[arg(help_heading = "Everywhere", hide_possible_values = true)]
    pub output: Format,
    /// When to use colour: auto, always or never
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    #[arg(help_heading = "Everywhere", hide_possible_values = true)]
    pub color: ColorChoice,
    /// The settings file; without it muster.toml in this folder
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub config: Option<PathBuf>,
}

/// The flag of commands that change something.
#[derive(Clone, Debug, Default, Args)]
pub struct Explanation {
    /// Why, in a sentence; muster log shows it
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
}

/// Flags of commands that talk to a registry.
#[derive(Clone, Debug, Default, Args)]
pub struct ConnectionArguments {
    /// The server to talk to [default: http://127.0.0.1:8080, or MUSTER_SERVER]
    #[arg(long, value_name = "URL", help_heading = "Which registry", conflicts_with = "data")]
    pub server: Option<String>,
    /// The data directory to open, when no server has it open
    #[arg(long, value_name = "DIR", help_heading = "Which registry")]
    pub data: Option<PathBuf>,
    /// A file that holds the API key to send [or MUSTER_API_KEY]
    #[arg(long, value_name = "FILE", help_heading = "Which registry")]
    pub key_file: Option<PathBuf>,
}
