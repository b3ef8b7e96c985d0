use clap::Args;
use muster_words::json::Value;

use crate::{Context, Failure, arguments::Reach};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  (umask 077; muster keys create --name deploy > deploy.key)
  muster keys create --role admin --data /var/lib/muster

";

/// Create a key and print it, this once
#[derive(Debug, Args)]
pub struct Create {
    /// What it is for
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What it may do; admin is the only role there is
    #[arg(long, value_name = "ROLE", default_value = "admin")]
    role: String,
    #[command(flatten)]
    reach: Reach,
}

impl Create {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.reach.client_or_directory(context).await?;
        let answer = client.create_key(self.name.as_deref(), &self.role).await?.json()?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer);
        }
        let key = answer.get("key").and_then(Value::as_str).unwrap_or_default();
        screen.note(
            "this is the only time that the key is shown; from now on every request needs one",
        );
        screen.line(key)
    }
}
