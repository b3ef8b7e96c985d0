use clap::Args;
use muster_client::Query;
use muster_words::{Xid, json::Value};

use super::xid;
use crate::{
    Context, Failure,
    arguments::Reach,
    output::{Screen, Style, Table, numbers::separated, times},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster log
  muster log providers/cms/entries/sanity
  muster log providers/cms --limit 10

";

/// Show who changed what and when, newest first
#[derive(Debug, Args)]
pub struct Log {
    /// Of what; of all without it
    #[arg(value_parser = xid, value_name = "XID", default_value = "/", hide_default_value = true)]
    xid: Xid,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
    /// Only what came before this position
    #[arg(long, value_name = "POSITION")]
    before: Option<u64>,
    #[command(flatten)]
    reach: Reach,
}

impl Log {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.reach.client(context).await?;
        let query = Query::new().with("limit", self.limit).with_some("before", self.before);
        let answer = match client.log(&self.xid, &query).await {
            Ok(answer) => answer.json()?,
            Err(error) => return Err(super::get::explain(&client, &self.xid, error).await),
        };
        if !context.screen.is_table() {
            return context.screen.value(&answer);
        }
        let entries = answer.get("entries").or(Some(&answer)).and_then(Value::as_array);
        let entries = entries.map(Vec::as_slice).unwrap_or_default();
        let table = table(&context.screen, entries);
        if table.is_empty() {
            context.screen.note("nothing happened");
            return Ok(());
        }
        context.screen.write(table.render(&context.screen).as_bytes())?;
        if answer.get("next").is_some_and(|next| !next.is_null()) {
            let oldest = entries.last().and_then(|entry| entry.get("position"));
            let oldest = oldest.map(ToString::to_string).unwrap_or_default();
            let note = format!("muster log --before {oldest} shows what came before");
            context.screen.note(&context.screen.paint_error(Style::Dim, &note));
        }
        Ok(())
    }
}

fn table(screen: &Screen, entries: &[Value]) -> Table {
    let mut table = Table::new(["position", "when", "who", "what"]).numbers(0);
    for entry in entries {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let position = entry.get("position").and_then(Value::as_u64).unwrap_or_default();
        table.row([
            separated(position),
            times::at(screen, text("time")),
            text("actor").to_owned(),
            what(entry),
        ]);
    }
    table
}

/// What an entry did: what the server says in words, else its changes.
fn what(entry: &Value) -> String {
    if let Some(words) = entry.get("what").and_then(Value::as_str) {
        return words.to_owned();
    }
    let changes = entry.get("changes").and_then(Value::as_array);
    let told: Vec<String> = changes
        .into_iter()
        .flatten()
        .map(|change| {
            let text = |key: &str| change.get(key).and_then(Value::as_str).unwrap_or_default();
            let deed = if text("what").is_empty() { text("action") } else { text("what") };
            format!("{deed} {}", text("xid").trim_start_matches('/')).trim().to_owned()
        })
        .collect();
    told.join(", ")
}
