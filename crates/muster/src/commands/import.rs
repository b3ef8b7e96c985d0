pub(super) mod confluent;

use std::{io::IsTerminal as _, path::PathBuf};

use clap::{Args, Subcommand};
use muster_wire::export::ExportLine;
use serde_json::json;

use crate::{
    Context, Failure, OwnCode,
    arguments::{ConnectionArguments, Explanation},
    import::{ImportSource, Imported, Importer, ModelCatalogue, RefusedItem},
    output::{numbers::counted, progress::ProgressLine},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster import everything.jsonl
  muster export --server https://a.example | muster import - --server https://b.example
  muster import few.yaml --atomic
  muster import api.json --from models.dev --prune

A line is what muster export writes, such as
  {\"document\":{\"xid\":\"/configs/app/entries/a\",\"text\":\"[1]\"}}

";

/// The refused items that are shown.
const SHOWN_MAX: usize = 20;

/// Put what an export holds into a registry; the same isn't written again
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct ImportArguments {
    #[command(subcommand)]
    kind: Option<ImportKind>,
    #[command(flatten)]
    file: FileImport,
}

/// What is imported, if it isn't a file.
#[derive(Debug, Subcommand)]
enum ImportKind {
    Confluent(confluent::ConfluentImportArguments),
}

/// The import of a file.
#[derive(Debug, Args)]
struct FileImport {
    /// The file that muster export wrote, JSON Lines or YAML; - is standard input
    #[arg(value_name = "FILE", required = true)]
    file: Option<PathBuf>,
    /// The file is a catalogue of AI models: models.dev, liter-llm or litellm
    #[arg(long, value_enum, value_name = "CATALOGUE", hide_possible_values = true)]
    from: Option<ModelCatalogue>,
    /// Delete the model providers and models that aren't in the catalogue
    #[arg(long, requires = "from", conflicts_with = "atomic")]
    prune: bool,
    /// Import everything or nothing; at most 20,000 groups and documents and 8 MiB
    #[arg(long)]
    atomic: bool,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ImportArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self.kind {
            Some(ImportKind::Confluent(confluent)) => confluent.run(context).await,
            None => self.file.run(context).await,
        }
    }
}

impl FileImport {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let Some(file) = self.file.clone() else {
            return Err(Failure::usage("name the file to import").help("- is standard input"));
        };
        let shown = context.shown(&file);
        if file.as_os_str() == "-" && std::io::stdin().is_terminal() {
            return Err(Failure::usage("standard input is a terminal")
                .help("name a file, or send an export into a pipe"));
        }
        let mut source = ImportSource::open(&file, &shown)?;
        if let Some(catalogue) = self.from {
            source = source.into_catalogue(catalogue)?;
        }
        let kept = self.prune.then(|| source.names());
        let client = self.explanation.of(self.connection.client(context).await?)?;
        let mut importer = Importer::begin(client, self.atomic).await?;
        let mut progress = ProgressLine::new(&context.screen, "importing", 0);
        let fault = self.read(&mut source, &mut importer, &mut progress).await?;
        let fault = match fault {
            Some(fault) if self.atomic => return Err(fault),
            fault => fault,
        };
        // What was read before a fault is imported.
        let imported = importer.end(kept.as_ref()).await?;
        drop(progress);
        report(context, &imported, &shown)?;
        fault.map_or(Ok(()), Err)
    }

    /// Reads the file to its end, or to the fault that it returns.
    async fn read(
        &self,
        source: &mut ImportSource,
        importer: &mut Importer,
        progress: &mut ProgressLine,
    ) -> Result<Option<Failure>, Failure> {
        let (mut total, mut is_export, mut has_ended) = (source.count().unwrap_or(0), false, false);
        let mut pressed = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            let line = match source.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(fault) => return Ok(Some(fault)),
            };
            match &line {
                ExportLine::Registry(registry) => {
                    is_export = true;
                    total = registry
                        .documents
                        .map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX));
                }
                ExportLine::End(_) => has_ended = true,
                _ => {}
            }
            tokio::select! {
                biased;
                _ = &mut pressed => {
                    return Err(Failure::new(
                        OwnCode::Interrupted,
                        "stopped: only a part was imported",
                    )
                    .help("import the file again: what is there already stays as it is"));
                }
                added = importer.add(line) => added?,
            }
            progress.advance_of(importer.sent(), total);
        }
        if is_export && !has_ended {
            return Ok(Some(source.fault("it ends before its last line, so it isn't complete")));
        }
        Ok(None)
    }
}

fn report(context: &Context, imported: &Imported, shown: &str) -> Result<(), Failure> {
    let refused = &imported.refused;
    if context.screen.is_table() {
        let documents = counted(imported.documents, "document", "documents");
        let groups = counted(imported.groups, "group", "groups");
        let line = match imported.has_changed || !refused.is_empty() {
            true => format!("imported {groups} and {documents} from {shown}"),
            false => format!("nothing to change: {groups} and {documents} of {shown} are there"),
        };
        context.screen.line(&line)?;
        if imported.deleted > 0 {
            let deleted = counted(imported.deleted, "name", "names");
            context.screen.line(&format!("deleted {deleted} that the catalogue lacks"))?;
        }
    } else {
        let refused: Vec<_> = refused.iter().map(RefusedItem::value).collect();
        context.screen.value(&json!({
            "file": shown,
            "documents": imported.documents,
            "groups": imported.groups,
            "model": imported.has_model,
            "deleted": imported.deleted,
            "changed": imported.has_changed,
            "refused": refused,
        }))?;
    }
    if refused.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> =
        refused.iter().take(SHOWN_MAX).flat_map(RefusedItem::lines).collect();
    if refused.len() > SHOWN_MAX {
        lines.push(format!("  … and {} more", refused.len() - SHOWN_MAX));
    }
    let count = counted(refused.len(), "item was", "items were");
    Err(Failure::new(OwnCode::PartlyApplied, format!("{count} refused; the rest was imported"))
        .lines(lines)
        .help(
            "correct them in the file, and import it again: what is there already stays as it is",
        ))
}
