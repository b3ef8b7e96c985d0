use clap::Args;

use super::{condition, explained, named};
use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    output::{Table, times},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster providers health
  muster providers health local

";

/// Show the health of one or all live AI providers, with circuit breakers
#[derive(Debug, Args)]
pub struct ProviderHealthArguments {
    /// The provider; all without it
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ProviderHealthArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let screen = &context.screen;
        let all = match &self.name {
            Some(name) => {
                let name = named(name)?;
                let answer = client.provider_health(name.as_str()).await;
                let answer = answer.map_err(|error| explained(error, &name))?;
                if !screen.is_table() {
                    return screen.value(&answer.json()?);
                }
                vec![answer.read()?]
            }
            None => {
                let list = client.live_providers().await?.read()?;
                list.providers.into_iter().map(|provider| provider.health).collect()
            }
        };
        if !screen.is_table() {
            return screen.value(&serde_json::to_value(&all).unwrap_or_default());
        }
        let headings = ["name", "status", "health", "breaker", "probes", "good", "last", "error"];
        let mut table = Table::new(headings).numbers(4).numbers(5);
        for health in all {
            let last = health.last_health_check.as_deref();
            let error = health.last_error.as_ref();
            let condition = condition(&health);
            table.row([
                health.provider,
                health.status,
                condition,
                health.breaker.state,
                health.probes.to_string(),
                health.good_probes.to_string(),
                last.map_or_else(String::new, |last| times::since(screen, last)),
                error.map_or_else(String::new, |error| error.code.clone()),
            ]);
        }
        screen.write(table.render(screen).as_bytes())
    }
}
