//! Conflicts: documents that two registries changed differently.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use muster_client::{Client, Query};
use muster_wire::sync::{ConflictSide, ResolveRequest, ResolvedDocument, SyncDocument};
use muster_words::{Xid, json::Value};
use serde_json::json;

use super::{
    put::{file_name, read_document},
    xid,
};
use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, Explanation},
    output::{
        Table,
        numbers::{counted, separated},
    },
};

/// Examples of the command `list`.
const LIST_EXAMPLES: &str = "\
Examples:
  muster conflicts list
  muster conflicts list --output json | jq '.conflicts[].document'

";

/// Examples of the command `show`.
const SHOW_EXAMPLES: &str = "\
Examples:
  muster conflicts show configs/web/entries/limits

";

/// Examples of the command `resolve`.
const RESOLVE_EXAMPLES: &str = "\
Examples:
  muster conflicts resolve configs/web/entries/limits --take ours
  muster conflicts resolve configs/web/entries/limits --take theirs --message \"theirs is newer\"
  muster conflicts resolve configs/web/entries/limits --take merged.json

";

/// The most conflicts that are listed.
const LISTED_MAX: usize = 1_000;

/// List, show and decide conflicts between registries
#[derive(Debug, Subcommand)]
pub enum ConflictsCommand {
    #[command(before_help = LIST_EXAMPLES)]
    List(ConflictsListArguments),
    #[command(before_help = SHOW_EXAMPLES)]
    Show(ConflictsShowArguments),
    #[command(before_help = RESOLVE_EXAMPLES)]
    Resolve(ConflictsResolveArguments),
}

/// List the documents that two registries changed differently
#[derive(Debug, Args)]
pub struct ConflictsListArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Show both sides of a conflict and what differs between them
#[derive(Debug, Args)]
pub struct ConflictsShowArguments {
    /// The document, or the conflict about it
    #[arg(value_parser = xid, value_name = "XID")]
    xid: Xid,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Decide a conflict: the document gets a new version that both registries take
#[derive(Debug, Args)]
pub struct ConflictsResolveArguments {
    /// The document, or the conflict about it
    #[arg(value_parser = xid, value_name = "XID")]
    xid: Xid,
    /// What the document says then: ours (of this registry), theirs (of the other one), or a file; -
    /// for standard input
    #[arg(long, value_name = "ours|theirs|FILE")]
    take: PathBuf,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ConflictsCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Resolve(resolve) => resolve.run(context).await,
        }
    }
}

/// A conflict, with its own name.
struct FoundConflict {
    xid: String,
    document: Value,
}

impl FoundConflict {
    /// A member that is text.
    fn text(&self, name: &str) -> &str {
        self.document.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// All conflicts.
async fn all(client: &Client) -> Result<Vec<FoundConflict>, Failure> {
    let query = Query::new().with("type", "conflicts").with("limit", "1000");
    let found = client.search(&query, LISTED_MAX).await?.documents.into_iter();
    Ok(found.map(|one| FoundConflict { xid: one.xid, document: one.document }).collect())
}

/// The conflict of this name, or the only one about the document of this name.
async fn named(client: &Client, xid: &Xid) -> Result<FoundConflict, Failure> {
    let text = xid.to_string();
    let is_it = |one: &FoundConflict| one.xid == text || one.text("document") == text;
    let mut found: Vec<FoundConflict> = all(client).await?.into_iter().filter(is_it).collect();
    match (found.pop(), found.as_slice()) {
        (Some(only), []) => Ok(only),
        (None, _) => Err(Failure::usage(format!("there is no conflict about {}", shown(&text)))
            .help("muster conflicts list")),
        (Some(last), others) => {
            let names: Vec<&str> =
                others.iter().chain([&last]).map(|one| shown(&one.xid)).collect();
            Err(Failure::usage(format!("there are several conflicts about {}", shown(&text)))
                .help(format!("name one of {}", names.join(", "))))
        }
    }
}

fn shown(xid: &str) -> &str {
    xid.trim_start_matches('/')
}

impl ConflictsListArguments {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let found = all(&client).await?;
        let screen = &context.screen;
        if !screen.is_table() {
            let rows = found.iter().map(|one| {
                json!({
                    "xid": one.xid,
                    "document": one.text("document"),
                    "peer": one.text("peer"),
                    "policy": one.text("policy"),
                })
            });
            return screen.value(&json!({"conflicts": rows.collect::<Vec<_>>()}));
        }
        if found.is_empty() {
            screen.note("no conflicts");
            return Ok(());
        }
        let mut table =
            Table::new(["document", "with", "theirs written", "differences"]).numbers(3);
        for one in &found {
            let written = one.document.pointer("/theirs/origin/time").and_then(Value::as_str);
            let differences = one.document.get("differences").and_then(Value::as_array);
            table.row([
                shown(one.text("document")).to_owned(),
                one.text("peer").to_owned(),
                written.unwrap_or_default().to_owned(),
                separated(differences.map_or(0, Vec::len) as u64),
            ]);
        }
        screen.write(table.render(screen).as_bytes())
    }
}

impl ConflictsShowArguments {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let found = named(&client, &self.xid).await?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&found.document);
        }
        screen.line(&format!("{}  with {}", shown(found.text("document")), found.text("peer")))?;
        for (side, name) in [("base", "before"), ("ours", "ours"), ("theirs", "theirs")] {
            if let Some(one) = found.document.get(side) {
                screen.line(&format!("{name}: {}", said(one)))?;
            }
        }
        let none = Vec::new();
        let differences = found.document.get("differences").and_then(Value::as_array);
        let differences = differences.unwrap_or(&none);
        screen.line(&counted(differences.len(), "difference", "differences"))?;
        for one in differences {
            let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
            let value = one.get("value").map(|value| format!("  {value}")).unwrap_or_default();
            let sign = match text("op") {
                "add" => "+",
                "remove" => "-",
                _ => "~",
            };
            screen.line(&format!("{sign} {}{value}", text("path")))?;
        }
        Ok(())
    }
}

/// What a side says, in one line.
fn said(side: &Value) -> String {
    let text = |pointer: &str| side.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let from = format!("(written {} in {})", text("/origin/time"), text("/origin/registry"));
    if side.get("deleted").is_some() {
        return format!("deleted  {from}");
    }
    let document = text("/text");
    let short: String = document.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = short.chars().take(200).collect();
    let more = if cut.len() < short.len() { "…" } else { "" };
    format!("{cut}{more}  {from}")
}

impl ConflictsResolveArguments {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.explanation.of(self.connection.client(context).await?)?;
        let found = named(&client, &self.xid).await?;
        let (take, document) = match self.take.to_str() {
            Some("ours") => (Some(ConflictSide::Ours), None),
            Some("theirs") => (Some(ConflictSide::Theirs), None),
            _ => (None, Some(document_of(&self.take)?)),
        };
        let request = ResolveRequest { conflict: found.xid.clone(), take, document };
        let answer = client.resolve_conflict(&request).await?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        let report = answer.read()?;
        let said = match report.position {
            Some(position) => format!("decided at position {}", separated(position)),
            None => "was decided before".to_owned(),
        };
        screen.line(&format!("{}  {said}", shown(&report.document)))
    }
}

/// What a file says instead of both sides.
fn document_of(file: &Path) -> Result<ResolvedDocument, Failure> {
    let bytes = read_document(file)?;
    let mut carrier = SyncDocument::default();
    carrier.set_bytes(&bytes);
    let name = file_name(file);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let kind = extension.and_then(crate::folder::known_content_type);
    Ok(ResolvedDocument {
        contenttype: kind.map(str::to_owned),
        text: carrier.text,
        base64: carrier.base64,
    })
}
