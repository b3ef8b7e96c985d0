use clap::Args;

use crate::{Context, Failure, arguments::ConnectionArguments};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster model get > model.json
  muster model get --full

";

/// Print the model that was put; with --full, the whole model in force
#[derive(Debug, Args)]
pub struct ModelGetArguments {
    /// The whole model in force, with the built-in part
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ModelGetArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let answer = if self.full { client.model().await? } else { client.model_source().await? };
        context.screen.json(&answer.text()?)
    }
}
