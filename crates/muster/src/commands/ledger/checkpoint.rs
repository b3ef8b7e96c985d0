use clap::Args;

use crate::{Context, Failure, arguments::ConnectionArguments};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster ledger checkpoint > today.checkpoint
  muster ledger verify --against today.checkpoint

";

/// Print the newest signed checkpoint, to keep it and to compare with it later
#[derive(Debug, Args)]
pub struct LedgerCheckpointArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl LedgerCheckpointArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client_or_directory(context).await?;
        let answer = client.checkpoint().await?;
        if context.screen.is_table() {
            return context.screen.write(&answer.bytes);
        }
        let note = String::from_utf8_lossy(&answer.bytes);
        context.screen.value(&serde_json::json!({"checkpoint": note}))
    }
}
