use clap::Args;
use muster_client::DeleteOptions;
use muster_words::Xid;
use serde_json::json;

use super::{explained, named};
use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, Explanation},
    commands::delete::confirm,
    output::Style,
    suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster providers remove local --yes

";

/// Remove a live AI provider: deletes its document
#[derive(Debug, Args)]
pub struct ProviderRemoveArguments {
    /// The provider
    #[arg(value_name = "NAME")]
    name: String,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ProviderRemoveArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let name = named(&self.name)?;
        let client = self.explanation.of(self.connection.client(context).await?)?;
        let answer = client.explain_provider(name.as_str()).await;
        let declared = answer.map_err(|error| explained(error, &name))?.read()?;
        let document = declared.declarations.iter().find(|one| one.declared_by == "document");
        let Some(document) = document else {
            let places: Vec<String> = declared
                .declarations
                .iter()
                .map(|one| format!("{} {}", one.declared_by, one.origin))
                .collect();
            let what = format!("no document declares {name}, but: {}", places.join(", "));
            return Err(Failure::usage(what)
                .help(format!("remove it there, or muster providers stop {name}")));
        };
        let xid: Xid = document.origin.parse().map_err(|_| {
            Failure::usage(format!("{} isn't the place of a document", document.origin))
        })?;
        let (screen, shown) = (&context.screen, suggest::without_slash(&xid));
        if !self.yes && screen.is_table() {
            screen.note(&screen.paint_error(Style::Removed, &format!("- {shown}")));
        }
        confirm(context, self.yes, "Delete?")?;
        client.delete(&xid, &DeleteOptions::default()).await?;
        if !screen.is_table() {
            return screen.value(&json!({ "xid": xid.to_string() }));
        }
        screen.line(&format!("deleted {shown}"))
    }
}
