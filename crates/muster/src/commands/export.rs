mod confluent;

use std::{io::Write as _, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use muster_client::Query;
use muster_wire::export::{ExportEnd, ExportLine};
use muster_words::Xid;

use super::{past::PastArguments, xid};
use crate::{
    Context, Failure, OwnCode,
    arguments::ConnectionArguments,
    backup_file::NewFile,
    folder::NewFolder,
    output::{numbers::counted, progress::ProgressLine, yaml::to_yaml},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster export > everything.jsonl
  muster export providers/cms --format yaml
  muster export --format folder --to catalog
  muster export --at 7d --to last-week.jsonl

";

/// Write the model, groups and documents as one stream or as a folder
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_precedence_over_arg = true)]
pub struct ExportArguments {
    #[command(subcommand)]
    kind: Option<ExportKind>,
    #[command(flatten)]
    export: NativeExport,
}

/// What is written, if it isn't this registry's own form.
#[derive(Debug, Subcommand)]
enum ExportKind {
    Confluent(confluent::ConfluentExportArguments),
}

/// An export in this registry's own form.
#[derive(Debug, Args)]
struct NativeExport {
    /// A group or a document [default: everything]
    #[arg(value_parser = xid, value_name = "XID")]
    below: Option<Xid>,
    /// The form: jsonl (JSON Lines), yaml, or folder, which muster apply reads
    #[arg(long, value_enum, default_value_t, value_name = "FORM", hide_possible_values = true)]
    format: ExportFormat,
    /// The file or folder to write [default: standard output]
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
    #[command(flatten)]
    past: PastArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// The form of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// JSON Lines.
    #[default]
    Jsonl,
    /// YAML documents.
    Yaml,
    /// Files, as `muster apply` reads them.
    Folder,
}

/// Where an export goes.
enum Target {
    Standard(std::io::Stdout),
    File(NewFile, String),
    Folder(Box<NewFolder>),
}

impl ExportArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self.kind {
            Some(ExportKind::Confluent(confluent)) => confluent.run(context).await,
            None => self.export.run(context).await,
        }
    }
}

impl NativeExport {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let mut target = self.target(context)?;
        let client = self.connection.client(context).await?;
        let query = self.past.add_to(Query::new(), context)?;
        let below = self.below.clone().unwrap_or(Xid::Registry);
        let mut lines = client.export(&below, &query).await?;
        let mut progress = ProgressLine::new(&context.screen, "exporting", 0);
        let (mut done, mut total, mut end) = (0, 0, None);
        // One listener for the whole loop; a new one for each line would miss a Ctrl-C.
        let mut pressed = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            let line = tokio::select! {
                biased;
                _ = &mut pressed => {
                    return Err(Failure::new(OwnCode::Interrupted, "stopped: the export isn't complete"));
                }
                line = lines.next_line() => line?,
            };
            let Some(line) = line else { break };
            match &line {
                ExportLine::Registry(registry) if below == Xid::Registry => {
                    total = registry
                        .documents
                        .map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX));
                }
                ExportLine::Document(_) => done += 1,
                ExportLine::End(found) => end = Some(*found),
                _ => {}
            }
            target.write(&line, self.format)?;
            progress.advance_of(done, total);
        }
        drop(progress);
        let Some(end) = end else {
            return Err(Failure::new(
                OwnCode::UnexpectedAnswer,
                "the server's answer ended before its last line",
            )
            .help("the server's log says why; try again"));
        };
        let is_shown = !matches!(target, Target::Standard(_));
        target.keep()?;
        if is_shown { self.report(context, end) } else { Ok(()) }
    }

    fn target(&self, context: &Context) -> Result<Target, Failure> {
        let path = self.to.as_ref().filter(|path| path.as_os_str() != "-");
        Ok(match (path, self.format) {
            (Some(path), ExportFormat::Folder) => {
                Target::Folder(Box::new(NewFolder::create(path, &context.shown(path))?))
            }
            (None, ExportFormat::Folder) => {
                return Err(Failure::usage("a folder needs a name").help("add --to FOLDER"));
            }
            (Some(path), _) => {
                let shown = context.shown(path);
                Target::File(NewFile::create(path, &shown)?, shown)
            }
            (None, _) => Target::Standard(std::io::stdout()),
        })
    }

    fn report(&self, context: &Context, end: ExportEnd) -> Result<(), Failure> {
        let place = self.to.as_deref().map(|path| context.shown(path)).unwrap_or_default();
        if !context.screen.is_table() {
            let mut value = serde_json::to_value(end).unwrap_or_default();
            value["to"] = place.into();
            return context.screen.value(&value);
        }
        let count = |number: u64, one, many| {
            counted(usize::try_from(number).unwrap_or(usize::MAX), one, many)
        };
        let groups = count(end.groups, "group", "groups");
        let documents = count(end.documents, "document", "documents");
        context.screen.line(&format!("exported {groups} and {documents} to {place}"))?;
        if end.purged > 0 {
            let gone = count(end.purged, "document", "documents");
            context.screen.line(&format!("left out {gone} whose bytes were purged since"))?;
        }
        Ok(())
    }
}

impl Target {
    fn write(&mut self, line: &ExportLine, format: ExportFormat) -> Result<(), Failure> {
        let text = || match format {
            ExportFormat::Yaml => {
                let value = serde_json::to_value(line).unwrap_or_default();
                format!("---\n{}", to_yaml(&value))
            }
            _ => serde_json::to_string(line).unwrap_or_default() + "\n",
        };
        match self {
            Self::Standard(out) => {
                let written = out.write_all(text().as_bytes());
                written.map_err(|error| Failure::of_output(&error))
            }
            Self::File(file, shown) => file.write(text().as_bytes(), shown),
            Self::Folder(folder) => folder.write(line),
        }
    }

    fn keep(self) -> Result<(), Failure> {
        match self {
            Self::Standard(mut out) => out.flush().map_err(|error| Failure::of_output(&error)),
            Self::File(file, shown) => file.keep(&shown),
            Self::Folder(folder) => folder.finish(),
        }
    }
}
