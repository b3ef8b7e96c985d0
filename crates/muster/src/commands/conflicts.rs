//! Conflicts: documents that two registries changed differently.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use muster_catalog::sync::{CONFLICTS, conflict_name};
use muster_client::{Client, Query};
use muster_wire::{
    ErrorCode,
    search::FoundDocument,
    sync::{ConflictSide, ResolveRequest, ResolvedDocument, SyncDocument},
};
use muster_words::{
    Xid,
    json::{self, Map, Value},
};
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
  muster conflicts list --output json | jq '.conflicts[] | select(.peer == \"b01d44e8\").document'

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

/// How these commands end.
const EXIT_CODES: &str = "\
Exit codes: 0 done, also if there are no conflicts or it was decided before; 1 refused, or there is
no such conflict; 2 not understood, or several conflicts have this name.
";

/// What a decision does, and how the command ends.
const DECISION: &str = "\
This registry gets a new version, also with --take ours, in which both sides are. The other one gets
one when it learns of it, unless its document says the same already; then its conflict only closes.

Exit codes: 0 done, also if it was decided before; 1 refused, or there is no such conflict; 2 not
understood, or several conflicts have this name.
";

/// The most conflicts that are listed.
const LISTED_MAX: usize = 1_000;

/// List, show and decide conflicts between registries
#[derive(Debug, Subcommand)]
pub enum ConflictsCommand {
    #[command(before_help = LIST_EXAMPLES, after_help = EXIT_CODES)]
    List(ConflictsListArguments),
    #[command(before_help = SHOW_EXAMPLES, after_help = EXIT_CODES)]
    Show(ConflictsShowArguments),
    #[command(before_help = RESOLVE_EXAMPLES, after_help = DECISION)]
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

/// Decide a conflict, so that both registries say the same
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

/// The conflict of this name, or the only one about the document of this name.
async fn named(client: &Client, xid: &Xid) -> Result<FoundConflict, Failure> {
    let is_conflict = xid.group_ids().is_some_and(|(groups, _)| groups.as_str() == CONFLICTS);
    let names = match is_conflict {
        true => vec![xid.clone()],
        false => names_about(client, xid).await?,
    };
    let mut found = Vec::new();
    for name in names {
        match client.document(&name).await {
            Ok(there) => {
                let document = json::parse(&there.bytes).unwrap_or_default();
                found.push(FoundConflict { xid: name.to_string(), document });
            }
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error.into()),
        }
    }
    let text = xid.to_string();
    match (found.pop(), found.as_slice()) {
        (Some(only), []) => Ok(only),
        (None, _) => {
            let what = format!("there is no conflict about {}", shown(&text));
            Err(Failure::new(ErrorCode::NotFound, what).help("muster conflicts list shows them"))
        }
        (Some(last), others) => {
            let names: Vec<&str> =
                others.iter().chain([&last]).map(|one| shown(&one.xid)).collect();
            Err(Failure::usage(format!("there are several conflicts about {}", shown(&text)))
                .help(format!("name one of {}", names.join(", "))))
        }
    }
}

/// The names that conflicts about a document have, one for each other registry.
async fn names_about(client: &Client, document: &Xid) -> Result<Vec<Xid>, Failure> {
    let peers = match client.all(&format!("/{CONFLICTS}"), &Query::new()).await {
        Ok(peers) => peers,
        // A registry with another model has no place for conflicts.
        Err(error) if error.is_absent() => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let peers = peers.entries.into_iter().filter_map(|(id, _)| id.parse().ok());
    Ok(peers.filter_map(|peer| conflict_name(document, &peer)).collect())
}

fn shown(xid: &str) -> &str {
    xid.trim_start_matches('/')
}

impl ConflictsListArguments {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let query = Query::new().with("type", CONFLICTS).with("limit", LISTED_MAX);
        let found = client.search(&query, LISTED_MAX).await?;
        let left = found.count.saturating_sub(found.documents.len() as u64);
        let screen = &context.screen;
        if !screen.is_table() {
            let rows: Vec<Value> = found.documents.iter().map(row).collect();
            return screen.value(&json!({"conflicts": rows, "left_out": left}));
        }
        if found.documents.is_empty() {
            screen.note("no conflicts");
            return Ok(());
        }
        let mut table =
            Table::new(["document", "with", "since", "theirs written", "differences"]).numbers(4);
        for one in &found.documents {
            let text = |pointer: &str| {
                one.document.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            table.row([
                shown(&text("/document")).to_owned(),
                text("/peer"),
                one.modifiedat.clone(),
                text("/theirs/origin/time"),
                separated(differences(&one.document)),
            ]);
        }
        screen.write(table.render(screen).as_bytes())?;
        if left > 0 {
            screen
                .note(&format!("and {} more; show and resolve know them by name", separated(left)));
        }
        Ok(())
    }
}

/// A conflict for a program: everything that its document has, but for what the sides say.
fn row(found: &FoundDocument) -> Value {
    let mut row = Map::new();
    row.insert("xid".to_owned(), found.xid.as_str().into());
    row.insert("since".to_owned(), found.modifiedat.as_str().into());
    row.insert("differences".to_owned(), differences(&found.document).into());
    for member in ["document", "peer", "policy", "route", "ours", "theirs", "base"] {
        let Some(mut value) = found.document.get(member).cloned() else { continue };
        if let Some(side) = value.as_object_mut() {
            side.remove("text");
            side.remove("base64");
        }
        row.insert(member.to_owned(), value);
    }
    Value::Object(row)
}

fn differences(conflict: &Value) -> u64 {
    let listed = conflict.get("differences").and_then(Value::as_array);
    listed.map_or(0, Vec::len) as u64
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
