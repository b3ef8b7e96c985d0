use std::fmt::Write as _;

use clap::Args;
use muster_client::{Client, DeleteOptions, Precondition, Query};
use muster_words::{Xid, json::Value};

use super::{
    get::{explain, versioned},
    put::quoted,
    xid,
};
use crate::{
    Context, Failure, OwnCode,
    arguments::{ConnectionArguments, Explanation},
    output::{Style, numbers::counted},
    suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster delete providers/cms/entries/sanity
  muster delete providers/cms/entries/sanity/versions/1 --yes
  muster delete providers/cms --purge

";

/// Delete groups, documents or versions; restore brings them back
#[derive(Debug, Args)]
pub struct DeleteArguments {
    /// What to delete
    #[arg(value_parser = xid, value_name = "XID", required = true)]
    xids: Vec<Xid>,
    /// Only this version of the document
    #[arg(long, value_name = "ID")]
    version: Option<String>,
    /// Erase the documents and all their versions for ever, instead of hiding them
    #[arg(long)]
    purge: bool,
    /// Delete even if other documents refer to it
    #[arg(long)]
    force: bool,
    /// Delete only if this is the current epoch
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    epoch: Option<u64>,
    /// Delete only if it still has this entity tag, which put and get --etag print
    #[arg(long, value_name = "ETAG")]
    if_match: Option<String>,
    /// A key that makes it safe to repeat the command
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl DeleteArguments {
    pub(crate) async fn run(mut self, context: &Context) -> Result<(), Failure> {
        let of_one = [
            ("--version", self.version.is_some()),
            ("--epoch", self.epoch.is_some()),
            ("--if-match", self.if_match.is_some()),
            ("--idempotency-key", self.idempotency_key.is_some()),
        ];
        if let Some((name, _)) = of_one.iter().find(|(_, is_set)| *is_set && self.xids.len() > 1) {
            return Err(Failure::usage(format!("{name} needs exactly one name")));
        }
        for xid in &mut self.xids {
            deletable(xid)?;
            *xid = versioned(xid, self.version.as_deref())?;
        }
        let client = self.explanation.of(self.connection.client(context).await?)?;
        self.show_plan(context, &client).await?;
        let question = if self.purge { "Erase for ever?" } else { "Delete?" };
        confirm(context, self.yes, question)?;
        for xid in &self.xids {
            let removal = DeleteOptions {
                purge: self.purge,
                force: self.force,
                epoch: self.epoch,
                precondition: match &self.if_match {
                    Some(tag) => Precondition::IfMatch(quoted(tag)),
                    None => Precondition::None,
                },
                idempotency_key: self.idempotency_key.clone(),
            };
            if let Err(error) = client.delete(xid, &removal).await {
                return Err(explain(&client, xid, error).await);
            }
            let done = if self.purge { "erased" } else { "deleted" };
            let shown = suggest::without_slash(xid);
            if context.screen.is_table() {
                context.screen.line(&format!("{done} {shown}"))?;
            } else {
                let xid = xid.to_string();
                context.screen.value(&serde_json::json!({"xid": xid, "purged": self.purge}))?;
            }
        }
        if !self.purge && context.screen.is_terminal {
            let shown = suggest::without_slash(&self.xids[0]);
            let note = format!("muster restore {shown} restores it");
            context.screen.note(&context.screen.paint_error(Style::Dim, &note));
        }
        Ok(())
    }

    /// Shows what would be deleted. An entity that doesn't exist ends the command, unless it is to
    /// be purged, because a deleted entity can still be purged.
    async fn show_plan(&self, context: &Context, client: &Client) -> Result<(), Failure> {
        let mut plan = String::new();
        for xid in &self.xids {
            let within = match client.details(xid, &Query::new()).await {
                Ok(answer) => within(&answer.json()?),
                Err(error) if self.purge && error.is_absent() => " (hidden)".to_owned(),
                Err(error) => return Err(explain(client, xid, error).await),
            };
            let line = format!("- {}{within}", suggest::without_slash(xid));
            let _ = writeln!(plan, "{}", context.screen.paint_error(Style::Removed, &line));
        }
        if !self.yes && context.screen.is_table() {
            context.screen.note(plan.trim_end());
        }
        Ok(())
    }
}

/// Refuses xids that can't be deleted: the registry itself and a document's Meta.
pub(super) fn deletable(xid: &Xid) -> Result<(), Failure> {
    let what = match xid {
        Xid::Registry => "the registry itself",
        Xid::Meta { .. } => "the Meta of a document",
        _ => return Ok(()),
    };
    Err(Failure::usage(format!("{what} can't be deleted or restored"))
        .help("name a group, a document or a version, such as providers/cms/entries/sanity"))
}

/// The number of things in it: ` with 4 entries` for a group, ` with 2 versions` for a document.
fn within(details: &Value) -> String {
    let members = details.as_object().into_iter().flatten();
    let counts: Vec<String> = members
        .filter_map(|(name, value)| Some((name.strip_suffix("count")?, value.as_u64()?)))
        .filter(|(plural, count)| *count > 0 && !(*plural == "versions" && *count == 1))
        .map(|(plural, count)| {
            counted(usize::try_from(count).unwrap_or(usize::MAX), plural, plural)
        })
        .collect();
    if counts.is_empty() { String::new() } else { format!(" with {}", counts.join(", ")) }
}

/// Continues only if the user confirmed, with `--yes` or at the prompt.
pub(super) fn confirm(context: &Context, yes: bool, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !context.screen.can_ask {
        return Err(Failure::new(
            OwnCode::NotConfirmed,
            "this needs a confirmation, but there is no terminal to ask on",
        )
        .help("check the plan above, then add --yes"));
    }
    if context.screen.ask(question) {
        Ok(())
    } else {
        Err(Failure::new(OwnCode::NotConfirmed, "nothing was changed"))
    }
}
