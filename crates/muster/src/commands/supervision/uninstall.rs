use std::{fs, io};

use clap::Args;
use serde_json::json;

use super::supervisor::{SupervisionPlace, Supervisor, file_failure};
use crate::{Context, Failure, OwnCode, commands::delete::confirm, output::Style};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  sudo muster service uninstall
  sudo muster service uninstall --name prices --yes

";

/// Stop the server and remove its file from the supervisor; the data stays
#[derive(Debug, Args)]
pub struct UninstallArguments {
    #[command(flatten)]
    place: SupervisionPlace,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

impl UninstallArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let (place, screen) = (&self.place, &context.screen);
        let file = place.file(context)?;
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let what =
                    format!("{} isn't installed: there is no {}", place.name, context.shown(&file));
                return Err(Failure::new(OwnCode::NotInstalled, what)
                    .help("--name, --scope and --supervisor say which one is meant"));
            }
            Err(error) => return Err(file_failure(&file, &error)),
        };
        if !self.yes && screen.is_table() {
            let plan = format!("- {} ({}), which is stopped", place.label(), context.shown(&file));
            screen.note(&screen.paint_error(Style::Removed, &plan));
        }
        confirm(context, self.yes, "Remove it?")?;
        self.end(context)?;
        fs::remove_file(&file).map_err(|error| file_failure(&file, &error))?;
        if place.supervisor() == Supervisor::Systemd {
            place.systemctl(&["daemon-reload"])?;
        }
        let data = place.data_in(&text);
        if !screen.is_table() {
            let data = data.map(|data| data.display().to_string());
            return screen.value(&json!({"name": place.name, "removed": true, "data": data}));
        }
        let kept = data.map(|data| format!("; its data stays in {}", context.shown(&data)));
        screen.line(&format!("removed {}{}", place.label(), kept.unwrap_or_default()))
    }

    /// Stops the server, and lets it not start again.
    fn end(&self, context: &Context) -> Result<(), Failure> {
        let (place, label) = (&self.place, self.place.label());
        match place.supervisor() {
            Supervisor::Systemd => place.systemctl(&["disable", "--now", &label]).map(drop),
            Supervisor::Launchd => {
                let target = format!("{}/{label}", place.domain());
                // One that isn't loaded needn't be stopped.
                match place.launchctl(&["print", &target], context) {
                    Ok(_) => place.launchctl(&["bootout", &target], context).map(drop),
                    Err(_) => Ok(()),
                }
            }
        }
    }
}
