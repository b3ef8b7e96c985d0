use clap::Args;

use super::{check_id, explain};
use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, Explanation},
    commands::delete::confirm,
    output::Style,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster keys revoke 9f3a11c2

";

/// Revoke a key; it is refused from then on
#[derive(Debug, Args)]
pub struct KeyRevokeArguments {
    /// The key's id, as in keys list
    #[arg(value_name = "ID")]
    id: String,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl KeyRevokeArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        check_id(&self.id)?;
        let client = self.connection.client_or_directory(context).await?;
        let client = self.explanation.of(client)?;
        let screen = &context.screen;
        if !self.yes && screen.is_table() {
            let line = format!("- key {}", self.id);
            screen.note(&screen.paint_error(Style::Removed, &line));
        }
        confirm(context, self.yes, "Revoke it?")?;
        client.revoke_key(&self.id).await.map_err(|error| explain(error, &self.id))?;
        if screen.is_table() {
            return screen.line(&format!("revoked {}", self.id));
        }
        screen.value(&serde_json::json!({"id": self.id, "revoked": true}))
    }
}
