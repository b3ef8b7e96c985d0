//! Settings.

pub mod default;

use clap::Subcommand;

use crate::{Context, Failure};

/// Show the available settings
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    #[command(before_help = default::EXAMPLES)]
    Default(default::ConfigDefaultArguments),
}

impl ConfigCommand {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Default(default) => default.run(context),
        }
    }
}
