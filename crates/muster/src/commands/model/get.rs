use clap::Args;

use crate::{Context, Failure, arguments::ConnectionArguments};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster model get
  muster model get --source > model.json

";

/// Print the model in force
#[derive(Debug, Args)]
pub struct ModelGetArguments {
    /// Only the part that was put, without the built-in part; model put accepts it
    #[arg(long)]
    source: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ModelGetArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let answer =
            if self.source { client.model_source().await? } else { client.model().await? };
        context.screen.value(&answer.json()?)
    }
}
