use clap::Args;
use serde_json::json;

use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    backup_file::NewFile,
    commands::import::confluent::{remote, transfer},
    output::numbers::counted,
    schema_transfer::{RemoteRegistry, SchemaRecords, TransferPlan},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster export confluent > schemas.jsonl
  muster export confluent --to schemas.jsonl
  muster export confluent --to http://schema-registry:8081 --dry-run

";

/// Copy schemas with their ids to a file or a registry with Confluent's API
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct ConfluentExportArguments {
    /// The file, or the URL of a registry with that API [default: standard output]
    #[arg(long, value_name = "URL|FILE")]
    to: Option<String>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ConfluentExportArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let records = RemoteRegistry::own(client).read().await?;
        if let Some(url) = self.to.as_deref().filter(|to| to.contains("://")) {
            let target = remote(context, &self.connection, ("--to", url)).await?;
            let plan = TransferPlan::of(&records, &target.read().await?);
            return transfer(context, &plan, &target, self.dry_run, url).await;
        }
        self.write(context, &records)
    }

    /// Writes the records as lines.
    fn write(&self, context: &Context, records: &SchemaRecords) -> Result<(), Failure> {
        let lines: String = records.all().map(|record| record.line() + "\n").collect();
        let screen = &context.screen;
        let place = self.to.as_deref().filter(|to| *to != "-");
        let Some(path) = place.map(|to| context.set_path(to)) else {
            return match self.dry_run {
                false => screen.write(lines.as_bytes()),
                true => self.report(context, records, "standard output"),
            };
        };
        let shown = context.shown(&path);
        if self.dry_run {
            NewFile::check(&path, &shown)?;
        } else {
            let mut new = NewFile::create(&path, &shown)?;
            new.write(lines.as_bytes(), &shown)?;
            new.keep(&shown)?;
        }
        self.report(context, records, &shown)
    }

    fn report(
        &self,
        context: &Context,
        records: &SchemaRecords,
        place: &str,
    ) -> Result<(), Failure> {
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&json!({
                "to": place,
                "versions": records.schemas.len(),
                "dry_run": self.dry_run,
            }));
        }
        let versions = counted(records.schemas.len(), "version", "versions");
        let verb = if self.dry_run { "would write" } else { "wrote" };
        screen.line(&format!("{verb} {versions} to {place}"))
    }
}
