use std::path::PathBuf;

use clap::Args;

use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    backup_file::NewFile,
    commands::import::confluent::{remote, transfer},
    output::numbers::counted,
    schema_transfer::{RemoteRegistry, TransferPlan},
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
    /// Only say what would be done; for a URL
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ConfluentExportArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let own = RemoteRegistry::new(client, "/confluent".to_owned(), None);
        let records = own.read().await?;
        if let Some(url) = self.to.as_deref().filter(|to| to.contains("://")) {
            let target = remote(url)?;
            let plan = TransferPlan::of(&records, &target.read().await?);
            return transfer(context, &plan, &target, self.dry_run, url).await;
        }
        let lines: String = records.all().map(|record| record.line() + "\n").collect();
        match self.to {
            None => context.screen.write(lines.as_bytes()),
            Some(file) => {
                let path = PathBuf::from(&file);
                let shown = context.shown(&path);
                let mut new = NewFile::create(&path, &shown)?;
                new.write(lines.as_bytes(), &shown)?;
                new.keep(&shown)?;
                let versions = counted(records.schemas.len(), "version", "versions");
                context.screen.line(&format!("wrote {versions} to {shown}"))
            }
        }
    }
}
