use clap::Args;

use crate::{Context, Failure, settings};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster config default > muster.toml

";

/// Print a settings file that explains every setting
#[derive(Debug, Args)]
pub struct ConfigDefaultArguments {}

impl ConfigDefaultArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        context.screen.write(settings::default_file().as_bytes())
    }
}
