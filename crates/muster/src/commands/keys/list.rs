use clap::Args;

use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    output::{Table, times},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster keys list
  muster keys list --all

";

/// List the keys, without their secrets
#[derive(Debug, Args)]
pub struct KeyListArguments {
    /// Include revoked keys
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl KeyListArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client_or_directory(context).await?;
        let answer = client.keys(self.all).await?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        let mut table = Table::new(["id", "name", "role", "scope", "created", "ends"]);
        let list = answer.read()?;
        for key in list.keys {
            let created = times::since(screen, &key.createdat);
            let ends = match (&key.revokedat, &key.expiresat) {
                (Some(revoked), _) => format!("revoked {}", times::at(screen, revoked)),
                (None, Some(expires)) => times::at(screen, expires),
                (None, None) => String::new(),
            };
            table.row([
                key.id,
                key.name.unwrap_or_default(),
                key.role.unwrap_or_default(),
                key.scope.unwrap_or_default().join(" "),
                created,
                ends,
            ]);
        }
        if table.is_empty() {
            screen.note(match list.given {
                true => "no keys but the one that the server was started with",
                false => "no keys: everybody on this computer may do everything",
            });
            return Ok(());
        }
        screen.write(table.render(screen).as_bytes())
    }
}
