use clap::Args;
use muster_words::Xid;

use super::{delete::deletable, xid};
use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, Explanation},
    suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster restore providers/cms/entries/sanity
  muster restore providers/cms
  muster list --deleted

";

/// Undo the last deletion of a group, a document or a version
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// The entity to restore; a group comes back with everything in it
    #[arg(value_parser = xid, value_name = "XID")]
    xid: Xid,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl RestoreArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        deletable(&self.xid)?;
        let client = self.explanation.of(self.connection.client(context).await?)?;
        let answer = match client.restore(&self.xid).await {
            Ok(answer) => answer,
            Err(error) if error.is_absent() => {
                let shown = suggest::without_slash(&self.xid);
                let what = format!("no deleted entity has the name {shown}");
                let there = there(&self.xid);
                return Err(Failure::from(error)
                    .with_message(what)
                    .help(format!("muster list {there} --deleted shows what can be restored")));
            }
            Err(error) => return Err(error.into()),
        };
        if !context.screen.is_table() {
            return context.screen.value(&answer.json()?);
        }
        context.screen.line(&format!("restored {}", suggest::without_slash(&self.xid)))
    }
}

/// The collection of an entity.
fn there(xid: &Xid) -> String {
    let name = suggest::without_slash(xid);
    let parts: Vec<&str> = name.split('/').collect();
    parts[..parts.len() - 1].join("/")
}
