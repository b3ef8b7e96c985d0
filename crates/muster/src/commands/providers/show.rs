use clap::Args;

use super::{condition, explained, named};
use crate::{Context, Failure, arguments::ConnectionArguments};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster providers show local

";

/// Show a live AI provider
#[derive(Debug, Args)]
pub struct ProviderShowArguments {
    /// The provider
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ProviderShowArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let name = named(&self.name)?;
        let client = self.connection.client(context).await?;
        let answer = client.live_provider(name.as_str()).await;
        let answer = answer.map_err(|error| explained(error, &name))?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        let found = answer.read()?;
        let models: Vec<&str> = found.models.iter().map(|model| model.id.as_str()).collect();
        let health = &found.health;
        let error = found.error.as_ref();
        for (label, value) in [
            ("name", found.name.clone()),
            ("type", found.r#type.clone()),
            ("base URL", found.base_url.clone().unwrap_or_default()),
            ("status", found.status.clone()),
            ("error", error.map_or_else(String::new, |e| format!("{}  [{}]", e.message, e.code))),
            ("health", condition(health)),
            ("proves", health.proves.clone().unwrap_or_default()),
            ("breaker", format!("{}, {} failures", health.breaker.state, health.breaker.failures)),
            ("declared", format!("{} {}", found.declared_by, found.origin.unwrap_or_default())),
            ("calls", format!("{}, {} failed", found.calls, found.failures)),
            ("models", shortened(&models)),
        ] {
            if !value.trim().is_empty() {
                screen.line(&format!("{label:<9} {value}"))?;
            }
        }
        Ok(())
    }
}

/// The first names of a list.
fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        Some(more) => format!("{shown} and {more} more"),
        None => shown,
    }
}
