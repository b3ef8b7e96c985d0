use clap::{Args, ColorChoice};
use clap_complete::Shell;

use crate::{Context, Failure};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster completions bash > ~/.local/share/bash-completion/completions/muster
  muster completions zsh > ~/.zfunc/_muster
  muster completions fish > ~/.config/fish/completions/muster.fish

";

/// Print the completions for a shell
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

impl CompletionsArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut script = Vec::new();
        let mut command = crate::command(ColorChoice::Never);
        clap_complete::generate(self.shell, &mut command, "muster", &mut script);
        context.screen.write(&script)
    }
}
