use std::path::PathBuf;

use clap::{Args, ColorChoice};

use crate::{Context, Failure, output::numbers::counted};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster man | man -l -
  muster man --dir /usr/local/share/man/man1

";

/// Print the manual, or write a page for each command
#[derive(Debug, Args)]
pub struct Man {
    /// Write the pages of all commands to this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let unwritable = |error: std::io::Error| {
            Failure::new("output_failed", format!("the manual can't be written: {error}"))
        };
        let Some(folder) = self.dir else {
            let mut page = Vec::new();
            let manual = clap_mangen::Man::new(crate::command(ColorChoice::Never));
            manual.render(&mut page).map_err(unwritable)?;
            return context.screen.write(&page);
        };
        std::fs::create_dir_all(&folder).map_err(unwritable)?;
        let mut count = 0;
        let mut root = crate::command(ColorChoice::Never);
        // Names of pages are names of commands with those above them: muster-keys-create.
        root.build();
        let mut left = vec![root];
        while let Some(command) = left.pop() {
            left.extend(command.get_subcommands().filter(|one| one.get_name() != "help").cloned());
            let name = command.get_display_name().unwrap_or("muster").to_owned();
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page).map_err(unwritable)?;
            std::fs::write(folder.join(format!("{name}.1")), page).map_err(unwritable)?;
            count += 1;
        }
        let shown = context.shown(&folder);
        context.screen.line(&format!("{} in {shown}", counted(count, "page", "pages")))
    }
}
