use clap::Args;
use muster_wire::providers::LiveProviderReport;

use super::{condition, status_style};
use crate::{Context, Failure, arguments::ConnectionArguments, output::Table};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster providers list
  muster providers list --output json

";

/// List the live AI providers with their status, health and latency
#[derive(Debug, Args)]
pub struct ProviderListArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ProviderListArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let answer = client.live_providers().await?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        let list = answer.read()?;
        if list.providers.is_empty() && list.refused.is_empty() {
            screen.note("no providers; muster providers add NAME --type TYPE adds one");
            return Ok(());
        }
        if !list.providers.is_empty() {
            screen.write(table(&list.providers).render(screen).as_bytes())?;
        }
        for provider in &list.providers {
            if let Some(error) = &provider.error {
                screen.note(&format!("{}: {}  [{}]", provider.name, error.message, error.code));
            }
        }
        for line in &list.refused {
            let reason = line.reason.as_deref().unwrap_or("no reason is known");
            screen.note(&format!("{} is refused: {reason}  [{}]", line.name, line.origin));
        }
        Ok(())
    }
}

/// The table of providers, which the board shows, too.
pub(super) fn table(providers: &[LiveProviderReport]) -> Table {
    let headings =
        ["name", "type", "status", "health", "latency", "calls", "failed", "models", "from"];
    let mut table = Table::new(headings).numbers(5).numbers(6).numbers(7);
    for provider in providers {
        let latency = provider.health.latency_ms;
        table.row([
            provider.name.clone(),
            provider.r#type.clone(),
            provider.status.clone(),
            condition(&provider.health),
            latency.map_or_else(String::new, |latency| format!("{latency} ms")),
            provider.calls.to_string(),
            provider.failures.to_string(),
            provider.models.len().to_string(),
            provider.declared_by.clone(),
        ]);
        table.paint(2, status_style(provider));
    }
    table
}
