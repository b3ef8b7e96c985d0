use clap::Args;

use crate::{Context, Failure, arguments::Reach, commands::delete::confirm, output::Style};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster keys revoke 9f3a11c2

";

/// Revoke a key: it is refused from then on
#[derive(Debug, Args)]
pub struct Revoke {
    /// The key's id, as keys list shows it
    #[arg(value_name = "ID")]
    id: String,
    /// Don't ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Revoke {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let is_id =
            self.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if self.id.is_empty() || !is_id {
            return Err(Failure::usage(format!("{:?} is no key's id", self.id))
                .help("muster keys list shows the ids"));
        }
        let client = self.reach.client_or_directory(context).await?;
        let screen = &context.screen;
        if !self.yes && screen.is_table() {
            let line = format!("- key {}", self.id);
            screen.note(&screen.paint_error(Style::Removed, &line));
        }
        confirm(context, self.yes, "Revoke it?")?;
        client.revoke_key(&self.id).await.map_err(|error| {
            let is_absent = error.is_absent();
            let failure = Failure::from(error);
            if is_absent {
                failure
                    .saying(format!("there is no key {}", self.id))
                    .help("muster keys list shows the ids")
            } else {
                failure
            }
        })?;
        if screen.is_table() {
            return screen.line(&format!("revoked {}", self.id));
        }
        screen.value(&serde_json::json!({"id": self.id, "revoked": true}))
    }
}
