use clap::Args;

use crate::{Context, Failure, arguments::ConnectionArguments, output::Table};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster providers discover
  muster providers discover --force

";

/// Read again the file and environment that declare AI providers
#[derive(Debug, Args)]
pub struct ProviderDiscoverArguments {
    /// Go on even if more than half of the providers of a source would be removed
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ProviderDiscoverArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let answer = client.discover_providers(self.force).await?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        let report = answer.read()?;
        let mut table = Table::new(["name", "outcome", "from", "place", "why"]);
        for line in report.providers {
            let why = line.reason.unwrap_or_default();
            table.row([line.name, line.outcome, line.declared_by, line.origin, why]);
        }
        if !table.is_empty() {
            screen.write(table.render(screen).as_bytes())?;
        } else if report.warnings.is_empty() {
            screen.note("nothing to discover: the settings name no file (providers.file), and the environment is off (providers.environment)");
        }
        for warning in report.warnings {
            screen.note(&format!("warning: {warning}"));
        }
        Ok(())
    }
}
