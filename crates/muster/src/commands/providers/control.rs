use clap::Args;

use super::{condition, explained, named};
use crate::{Context, Failure, arguments::ConnectionArguments};

/// Examples of `start`.
pub const START: &str = "Examples:\n  muster providers start local\n\n";
/// Examples of `stop`.
pub const STOP: &str = "Examples:\n  muster providers stop local\n\n";
/// Examples of `restart`.
pub const RESTART: &str = "Examples:\n  muster providers restart local\n\n";
/// Examples of `probe`.
pub const PROBE: &str = "Examples:\n  muster providers probe local\n\n";
/// Examples of `reset`.
pub const RESET: &str = "Examples:\n  muster providers reset local\n\n";

/// Which provider a command is about
#[derive(Debug, Args)]
pub struct ProviderControlArguments {
    /// The provider
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ProviderControlArguments {
    pub(crate) async fn run(self, context: &Context, action: &str) -> Result<(), Failure> {
        let name = named(&self.name)?;
        let client = self.connection.client(context).await?;
        let answer = client.control_provider(name.as_str(), action).await;
        let answer = answer.map_err(|error| explained(error, &name))?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        if action == "stop" {
            return screen.line(&format!("{name} is stopped"));
        }
        let found = answer.read()?;
        let mut line = format!("{name} is {}, {}", found.status, condition(&found.health));
        if let Some(error) = found.error.or(found.health.last_error) {
            line = format!("{line}: {}  [{}]", error.message, error.code);
        }
        screen.line(&line)
    }
}
