use clap::Args;
use muster_client::Client;
use muster_wire::keys::KeyEntry;
use muster_words::Moment;

use super::{described, explain, id_of};
use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, Explanation},
    commands::delete::confirm,
    output::{Style, times},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster keys revoke 9f3a11c2

";

/// Revoke a key; it is refused from then on
#[derive(Debug, Args)]
pub struct KeyRevokeArguments {
    /// The key's id, as in keys list; or the key itself
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
        let id = id_of(&self.id)?;
        let client = self.connection.client_or_directory(context).await?;
        let client = self.explanation.of(client)?;
        let keys = client.keys(true).await?.read()?.keys;
        let key = keys.iter().find(|key| key.id == id);
        let revoked = key.and_then(|key| key.revokedat.as_deref());
        if let Some(key) = key.filter(|_| revoked.is_none()) {
            self.show_plan(context, &client, key, &keys);
            confirm(context, self.yes, "Revoke it?")?;
        }
        client.revoke_key(id).await.map_err(|error| match revoked {
            Some(when) => Failure::from(error)
                .with_message(format!("key {id} was revoked {}", times::at(&context.screen, when)))
                .help(format!("muster keys forget {id} erases its name and role")),
            None => explain(error, id),
        })?;
        let screen = &context.screen;
        if screen.is_table() {
            return screen.line(&format!("revoked {id}"));
        }
        screen.value(&serde_json::json!({"id": id, "revoked": true}))
    }

    /// Shows which key it is, and what its end means for those who are there now.
    fn show_plan(&self, context: &Context, client: &Client, key: &KeyEntry, keys: &[KeyEntry]) {
        let screen = &context.screen;
        if !screen.is_table() {
            return;
        }
        if !self.yes {
            let line = format!("- {}", described(key));
            screen.note(&screen.paint_error(Style::Removed, &line));
        }
        if client.sends_key(&key.id) {
            screen.note("this command uses this key");
        }
        let is_valid = |key: &KeyEntry| {
            let ends = key.expiresat.as_deref().map(Moment::parse);
            key.revokedat.is_none()
                && ends.is_none_or(|ends| ends.is_ok_and(|ends| ends > screen.now))
        };
        if !keys.iter().any(|other| other.id != key.id && is_valid(other)) {
            screen.note(
                "it is the last one: without keys, everybody on the server's computer may do everything",
            );
        }
    }
}
