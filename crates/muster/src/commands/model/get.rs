use clap::Args;
use muster_client::Query;

use crate::{Context, Failure, arguments::ConnectionArguments, commands::past::PastArguments};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster model get > model.json
  muster model get --full
  muster model get --at 7d

";

/// Print the model that was put; with --full, the whole model in force
#[derive(Debug, Args)]
pub struct ModelGetArguments {
    /// The whole model in force, with the built-in part
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    past: PastArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ModelGetArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let query = self.past.add_to(Query::new(), context)?;
        let answer = client.model_at(self.full, &query).await?;
        context.screen.json(&answer.text()?)
    }
}
