use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::{Context, Failure, OwnCode, arguments::quoted};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  source <(muster shell zsh)
  muster shell bash > ~/.config/muster.bash

";

/// What stands for the program in the scripts.
const PROGRAM: &str = "'@PROGRAM@'";

/// Print functions for a shell that register, find and propagate entities
#[derive(Debug, Args)]
pub struct ShellArguments {
    /// The shell: zsh or bash
    #[arg(value_enum, value_name = "SHELL", hide_possible_values = true)]
    shell: FunctionShell,
    /// The program that the functions run [default: this one]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// A shell that has functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FunctionShell {
    Zsh,
    Bash,
}

impl ShellArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let script = match self.shell {
            FunctionShell::Zsh => include_str!("shell/integration.zsh"),
            FunctionShell::Bash => include_str!("shell/integration.bash"),
        };
        let program = self.program.map_or_else(std::env::current_exe, std::path::absolute);
        let program = program.ok().and_then(|path| path.into_os_string().into_string().ok());
        let program = program.ok_or_else(|| {
            Failure::new(OwnCode::System, "the path of this program can't be read as text")
                .help("muster shell zsh --program /usr/local/bin/muster names it")
        })?;
        context.screen.write(script.replace(PROGRAM, &quoted(&program)).as_bytes())
    }
}
