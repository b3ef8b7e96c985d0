use clap::Args;

use super::{explained, named};
use crate::{Context, Failure, arguments::ConnectionArguments, output::Table};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster providers explain mistral

";

/// Say what declares a live AI provider, and which declaration wins
#[derive(Debug, Args)]
pub struct ProviderExplainArguments {
    /// The provider
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ProviderExplainArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let name = named(&self.name)?;
        let client = self.connection.client(context).await?;
        let answer = client.explain_provider(name.as_str()).await;
        let answer = answer.map_err(|error| explained(error, &name))?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        let mut table = Table::new(["", "declared by", "place", "why not"]);
        for one in answer.read()?.declarations {
            let sign = if one.wins { "*" } else { "" };
            let why_not = match (&one.error, one.enabled, one.wins) {
                (Some(error), ..) => error.clone(),
                (None, false, _) => "it says enabled: false".to_owned(),
                (None, true, false) => "a declaration above it wins".to_owned(),
                (None, true, true) => String::new(),
            };
            table.row([sign.to_owned(), one.declared_by, one.origin, why_not]);
        }
        screen.write(table.render(screen).as_bytes())
    }
}
