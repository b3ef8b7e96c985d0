//! The registry as a long-running service: a unit of systemd, or a property list of launchd.

mod account;
pub mod install;
mod plist;
pub mod status;
mod supervisor;
pub mod uninstall;
mod unit;
mod unit_words;

use clap::Subcommand;

use crate::{Context, Failure};

/// Install the server as a service of this computer, look at it, remove it
#[derive(Debug, Subcommand)]
pub enum SupervisionCommand {
    #[command(before_help = install::EXAMPLES)]
    Install(install::InstallArguments),
    #[command(before_help = uninstall::EXAMPLES)]
    Uninstall(uninstall::UninstallArguments),
    #[command(before_help = status::EXAMPLES)]
    Status(status::SupervisionStatusArguments),
}

impl SupervisionCommand {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Install(install) => install.run(context),
            Self::Uninstall(uninstall) => uninstall.run(context),
            Self::Status(status) => context.wait(status.run(context)),
        }
    }
}
