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
        let script = String::from_utf8_lossy(&script);
        context.screen.write(with_names(self.shell, &script).as_bytes())
    }
}

/// The script with a function that asks the registry for names before it offers commands and flags.
/// Names are what the hidden command `complete-names` prints.
fn with_names(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => {
            let script =
                script.replace("complete -F _muster -o", "complete -F _muster_or_names -o");
            match script.split_once("\nif [[ \"${BASH_VERSINFO") {
                Some((functions, rest)) => {
                    let names = include_str!("completions/names.bash");
                    format!("{functions}\n{names}if [[ \"${{BASH_VERSINFO{rest}")
                }
                None => script,
            }
        }
        Shell::Zsh => {
            let end = "\nif [ \"$funcstack[1]\" = \"_muster\" ]; then\n";
            match script.split_once(end) {
                // The file itself has the name `_muster` where zsh loads it, so the function that was
                // generated gets another one.
                Some((functions, _)) => {
                    let functions = functions.replacen("\n_muster() {", "\n_muster_words() {", 1);
                    let names = include_str!("completions/names.zsh");
                    format!("{functions}\n{names}")
                }
                None => script.to_owned(),
            }
        }
        Shell::Fish => {
            // What completes a flag's value stands with the flag.
            let line = |line: &str| match line.strip_suffix(" -r") {
                Some(flag) => format!("{flag} -r -a '(__muster_values)'\n"),
                None => format!("{line}\n"),
            };
            let script: String = script.lines().map(line).collect();
            format!("{script}{}", include_str!("completions/names.fish"))
        }
        _ => script.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_asks_for_names() {
        for (shell, expect) in [
            (Shell::Bash, "complete -F _muster_or_names -o"),
            (Shell::Zsh, "\n_muster() {\n    local program"),
            (Shell::Fish, "-l classification -d 'The class"),
            (Shell::Fish, " -r -a '(__muster_values)'\n"),
        ] {
            let mut script = Vec::new();
            let mut command = crate::command(ColorChoice::Never);
            clap_complete::generate(shell, &mut command, "muster", &mut script);
            let script = with_names(shell, &String::from_utf8_lossy(&script));
            assert!(script.contains(expect), "{shell}: {expect}");
            assert!(script.contains("complete-names --"), "{shell}");
            assert!(!script.contains("complete -F _muster -o"), "{shell}");
        }
    }
}
