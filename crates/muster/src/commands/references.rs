use clap::Args;
use muster_words::Xid;

use super::xid;
use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    output::{Style, Table, numbers::counted},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster references providers/ssg/entries/hugo
  muster references schemagroups/webstack/schemas/provider
  muster references providers/ssg/entries/hugo --output json | jq .referred_by

";

/// Show what refers to a document or a group, and to what it refers
#[derive(Debug, Args)]
pub struct ReferencesArguments {
    /// The document or the group
    #[arg(value_parser = xid, value_name = "XID")]
    xid: Xid,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ReferencesArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let answer = match client.references(&self.xid).await {
            Ok(answer) => answer,
            Err(error) => return Err(super::get::explain(&client, &self.xid, error).await),
        };
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        let found = answer.read()?;
        let mut table = Table::new(["how", "name", "note"]);
        let plain = |xid: &str| match xid.trim_start_matches('/') {
            "" => "the model".to_owned(),
            name => name.to_owned(),
        };
        for one in &found.refers_to {
            let note = if one.exists { "" } else { "missing" };
            table.row(["refers to".to_owned(), plain(&one.xid), note.to_owned()]);
        }
        for one in &found.referred_by {
            table.row(["referred by".to_owned(), plain(one), String::new()]);
        }
        if !table.is_empty() {
            screen.write(table.render(screen).as_bytes())?;
        }
        let (to, by) = (found.refers_to.len(), found.referred_by.len());
        let mut note =
            format!("refers to {}, referred to by {by}", counted(to, "entity", "entities"));
        if let Some(left_out) = found.left_out {
            note = format!("{note}; {left_out} more names are left out");
        }
        screen.note(&screen.paint_error(Style::Dim, &note));
        Ok(())
    }
}
