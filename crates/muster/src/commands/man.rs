use std::path::PathBuf;

use clap::{Args, ColorChoice};

use crate::{Context, Failure, OwnCode, output::numbers::counted};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster man | man -l -
  muster man --dir /usr/local/share/man/man1

";

/// Print the manual, or write a page for each command
#[derive(Debug, Args)]
pub struct ManArguments {
    /// Write the pages of all commands to this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl ManArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let unwritable = |error: std::io::Error| {
            Failure::new(OwnCode::OutputFailed, format!("the manual can't be written: {error}"))
        };
        let Some(folder) = self.dir else {
            let page = page_of(crate::command(ColorChoice::Never)).map_err(unwritable)?;
            return context.screen.write(&page);
        };
        std::fs::create_dir_all(&folder).map_err(unwritable)?;
        let mut count = 0;
        let mut root = crate::command(ColorChoice::Never);
        // The name of a page is the full name of its command: muster-keys-create.
        root.build();
        let mut left = vec![root];
        while let Some(command) = left.pop() {
            let shown = |one: &&clap::Command| one.get_name() != "help" && !one.is_hide_set();
            left.extend(command.get_subcommands().filter(shown).cloned());
            let name = command.get_display_name().unwrap_or("muster").to_owned();
            let page = page_of(command).map_err(unwritable)?;
            std::fs::write(folder.join(format!("{name}.1")), page).map_err(unwritable)?;
            count += 1;
        }
        let shown = context.shown(&folder);
        if !context.screen.is_table() {
            return context.screen.value(&serde_json::json!({"dir": shown, "pages": count}));
        }
        context.screen.line(&format!("{} in {shown}", counted(count, "page", "pages")))
    }
}

/// The exit codes, for the manual.
const EXIT_STATUS: &str = "\
0  done
1  refused or failed
2  not understood
3  the ledger doesn't verify";

/// The manual page of a command, with examples and exit codes, which the renderer leaves out.
fn page_of(command: clap::Command) -> std::io::Result<Vec<u8>> {
    let examples = command.get_before_help().map(ToString::to_string).unwrap_or_default();
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    section("EXIT STATUS", EXIT_STATUS, &mut page);
    if let Some(examples) = examples.strip_prefix("Examples:\n") {
        section("EXAMPLES", examples.trim_end(), &mut page);
    }
    Ok(page)
}

/// A section with its lines as they are. A backslash, a dash, and a dot or a quote at the start of
/// a line are escaped, because they have a meaning in roff.
fn section(title: &str, lines: &str, page: &mut Vec<u8>) {
    page.extend_from_slice(format!(".SH \"{title}\"\n.nf\n").as_bytes());
    for line in lines.lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        page.extend_from_slice(format!("\\&{line}\n").as_bytes());
    }
    page.extend_from_slice(b".fi\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_page_its_examples_as_they_are() {
        let mut page = Vec::new();
        section("EXAMPLES", "  muster x --y 'a\\b'\n.z", &mut page);
        let expect = ".SH \"EXAMPLES\"\n.nf\n\\&  muster x \\-\\-y 'a\\eb'\n\\&.z\n.fi\n";
        assert_eq!(String::from_utf8_lossy(&page), expect);
        let root = crate::command(ColorChoice::Never);
        let verify = root.find_subcommand("ledger").and_then(|one| one.find_subcommand("verify"));
        let page = verify.cloned().map(page_of).and_then(Result::ok).unwrap_or_default();
        let page = String::from_utf8_lossy(&page).into_owned();
        assert!(page.contains("muster ledger verify") && page.contains("EXIT STATUS"), "{page}");
    }
}
