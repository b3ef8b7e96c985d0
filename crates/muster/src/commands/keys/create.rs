use clap::Args;
use muster_wire::keys::KeyRequest;

use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, Explanation},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  (umask 077; muster keys create --role publisher --name deploy > deploy.key)
  muster keys create --role publisher --name ci --scope /providers/cms --expires 90d
  muster keys create --role admin --data /var/lib/muster

";

/// Create a key and print it; it can't be shown again
#[derive(Debug, Args)]
pub struct KeyCreateArguments {
    /// A name that says what the key is for
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The role of the key: admin, publisher, reviewer, consumer or auditor
    #[arg(long, value_name = "ROLE", default_value = "admin")]
    role: String,
    /// Limit the key to a place, such as /providers/cms or '/providers/*/entries/sanity-*'; may be
    /// repeated
    #[arg(long, value_name = "PLACE")]
    scope: Vec<String>,
    /// Expire after a time (90d, 12h) or at a moment (2027-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl KeyCreateArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client_or_directory(context).await?;
        let client = self.explanation.of(client)?;
        let wanted = KeyRequest {
            role: Some(self.role),
            name: self.name,
            scope: (!self.scope.is_empty()).then_some(self.scope),
            expires: self.expires,
        };
        // Afterwards this command may have no key to ask with. If it can't be known, nothing is said.
        let there = client.keys(false).await.and_then(|answer| answer.read());
        let is_first = there.is_ok_and(|there| there.keys.is_empty() && !there.given);
        let answer = client.create_key(&wanted).await?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        let made = answer.read()?;
        let mut note = "this is the only time that the key is shown".to_owned();
        if is_first {
            note.push_str("; it is the first: from now on requests need a key");
        }
        screen.note(&note);
        screen.line(&made.key)
    }
}
