use clap::Args;

use crate::{Context, Failure, OwnCode, arguments::ConnectionArguments};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster keys ledger
  muster ledger check proof.tlog-proof --key \"$(muster keys ledger)\"

";

/// Print the public key that verifies the ledger's checkpoints and proofs
#[derive(Debug, Args)]
pub struct LedgerKeyArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl LedgerKeyArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client_or_directory(context).await?;
        let report = client.ledger().await?.read()?;
        let Some(key) = report.key else {
            let what = format!("{} signs no checkpoints", client.place());
            return Err(Failure::new(OwnCode::NotSigned, what)
                .help("a registry with a data directory signs them; one in memory has no key"));
        };
        match context.screen.is_table() {
            true => context.screen.line(&key),
            false => context.screen.value(&serde_json::json!({"key": key})),
        }
    }
}
