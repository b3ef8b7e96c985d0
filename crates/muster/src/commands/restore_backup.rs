use std::path::PathBuf;

use clap::Args;
use muster_ledger::Verifier;
use tokio::signal::unix::{SignalKind, signal};

use super::backup::verifier;
use crate::{
    Context, Failure, OwnCode, composition,
    output::{numbers::separated, progress::ProgressLine},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster restore-backup monday.backup --data /var/lib/muster
  muster restore-backup monday.backup --data trial --key ledger.pub
  muster restore-backup s3://safe/registry/2026-11/r-20261121T020000Z.backup --data trial

";

/// Make a data directory from a backup
#[derive(Debug, Args)]
pub struct RestoreBackupArguments {
    /// The file that muster backup or a server wrote; also one in a bucket, s3://BUCKET/PATH or az://,
    /// with the key in the environment as for muster publish
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The data directory to make; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The public key that must have signed the backup, or a file with it
    #[arg(long, value_name = "KEY", value_parser = verifier)]
    key: Option<Verifier>,
}

impl RestoreBackupArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        // Interrupted, it leaves nothing behind: what was written so far is removed.
        let mut ended = signal(SignalKind::terminate())
            .map_err(|error| Failure::new(OwnCode::System, format!("signals: {error}")))?;
        let address = self.file.to_str().filter(|text| text.contains("://"));
        let fetched = match address {
            None => None,
            Some(address) => {
                let fetching = composition::FetchedBackup::fetch(context, address, &self.data);
                Some(tokio::select! {
                    biased;
                    _ = tokio::signal::ctrl_c() => return Err(interrupted()),
                    _ = ended.recv() => return Err(interrupted()),
                    fetched = fetching => fetched?,
                })
            }
        };
        let file = fetched.as_ref().map_or(self.file.as_path(), composition::FetchedBackup::file);
        let mut progress = ProgressLine::new(&context.screen, "restoring entries", 0);
        let wanted =
            composition::BackupToRestore { file, directory: &self.data, key: self.key.as_ref() };
        let restored = tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => return Err(interrupted()),
            _ = ended.recv() => return Err(interrupted()),
            restored = composition::restore_backup(context, wanted, &mut progress) => restored?,
        };
        drop(progress);
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&serde_json::json!({
                "data": self.data.display().to_string(),
                "registryid": restored.registry,
                "entries": restored.entries,
                "formerkey": restored.former_key,
                "key": restored.key,
            }));
        }
        let shown = context.shown(&self.data);
        let entries = separated(restored.entries);
        screen.line(&format!("registry {} in {shown}: {entries} entries", restored.registry))?;
        screen.line(&format!("its ledger's key from now on: {}", restored.key))?;
        screen.line(&format!("the key of what was signed before: {}", restored.former_key))?;
        screen.line(&format!("muster serve --data {shown} serves it"))
    }
}

fn interrupted() -> Failure {
    Failure::new(OwnCode::Interrupted, "stopped: nothing was restored")
        .help("the same command begins again")
}
