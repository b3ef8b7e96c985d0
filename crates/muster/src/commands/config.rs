//! Settings.

pub mod default;
pub mod show;

use clap::Subcommand;

use crate::{Context, Failure};

/// Show the settings that there are, and those in force
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    #[command(before_help = default::EXAMPLES)]
    Default(default::ConfigDefaultArguments),
    #[command(before_help = show::EXAMPLES)]
    Show(show::ConfigShowArguments),
}

impl ConfigCommand {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Default(default) => default.run(context),
            Self::Show(show) => show.run(context),
        }
    }
}
