use clap::Args;

use super::{explain, id_of};
use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, Explanation},
    commands::delete::confirm,
    output::Style,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster keys forget 9f3a11c2

";

/// Erase the record of a revoked or expired key, including its name
#[derive(Debug, Args)]
pub struct Forget {
    /// The key's id, as in keys list --all
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

impl Forget {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let id = id_of(&self.id)?;
        let client = self.connection.client_or_directory(context).await?;
        let client = self.explanation.of(client)?;
        let screen = &context.screen;
        if !self.yes && screen.is_table() {
            let line = format!("- name and role of key {id}");
            screen.note(&screen.paint_error(Style::Removed, &line));
        }
        confirm(context, self.yes, "Erase for ever?")?;
        client.forget_key(id).await.map_err(|error| explain(error, id))?;
        if screen.is_table() {
            return screen.line(&format!("forgot {id}"));
        }
        screen.value(&serde_json::json!({"id": id, "forgotten": true}))
    }
}
