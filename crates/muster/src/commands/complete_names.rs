//! The names that fit where somebody's cursor is on a command line. The scripts of
//! `muster completions` and `muster shell` ask for them.

mod line;
mod names;

use std::time::Duration;

use clap::{Args, ColorChoice};

use self::line::WantedName;
use crate::{Context, Failure};

/// How long names may take: somebody waits at a prompt, and whatever isn't there by then is left out.
const TIME_MAX: Duration = Duration::from_millis(300);

/// The most names that are offered; nobody reads more.
const NAMES_MAX: usize = 1_000;

/// Print the names that complete a command line, for the scripts of muster completions
#[derive(Debug, Args)]
pub struct CompleteNamesArguments {
    /// The words behind the name of the program, up to the one that is completed
    #[arg(value_name = "WORD", last = true)]
    words: Vec<String>,
}

impl CompleteNamesArguments {
    /// Never fails: where names can't be had, there are none, and no message stands in the prompt.
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let mut root = crate::command(ColorChoice::Never);
        root.build();
        let Some(wanted) = line::wanted(&root, &self.words) else { return Ok(()) };
        // Nobody opens a registry at each Tab, and no other one's names would help.
        if wanted.connection.data.is_some() {
            return Ok(());
        }
        let names = found(context, &wanted).unwrap_or_default();
        let fits = names.into_iter().filter(|name| is_plain(name));
        let fits = fits.filter(|name| name.starts_with(&wanted.prefix));
        let lines = fits.take(NAMES_MAX).map(|name| format!("{}{name}\n", wanted.before));
        context.screen.write(lines.collect::<String>().as_bytes())
    }
}

/// Whether a shell takes a name as the word that it is. Others may have written it, and bash puts it
/// on the command line as it comes, so one that a shell would obey isn't offered.
fn is_plain(name: &str) -> bool {
    let is_safe = |letter: char| letter.is_alphanumeric() || "-._~:@/,".contains(letter);
    !name.starts_with(['-', '~']) && name.chars().all(is_safe)
}

/// Asks the registry, for as long as that may take. A name server that doesn't answer isn't waited
/// for either.
fn found(context: &Context, wanted: &WantedName) -> Option<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let asking = async {
        let client = wanted.connection.client(context).await.ok()?;
        names::of(&client, wanted).await
    };
    let found = runtime.block_on(async { tokio::time::timeout(TIME_MAX, asking).await });
    runtime.shutdown_background();
    found.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_nothing_that_a_shell_would_obey() {
        for (name, expect) in [
            ("entities/services/entries/pay.ments~1:a@b", true),
            ("küche", true),
            ("data-and-knowledge", true),
            ("cooking;id>/tmp/x", false),
            ("$(id)", false),
            ("`id`", false),
            ("a b", false),
            ("a\nb", false),
            ("it's", false),
            ("\u{1b}]0;x\u{7}", false),
            ("\u{202e}abc", false),
            ("--yes", false),
            ("~root", false),
            ("a*", false),
        ] {
            assert_eq!(is_plain(name), expect, "{name:?}");
        }
    }
}
