use std::path::PathBuf;

use clap::Args;
use muster_client::site::Snapshot;
use serde_json::json;

use super::client::{SiteArguments, get::failure};
use crate::{
    Context, Failure, OwnCode,
    backup_file::NewFile,
    output::numbers::{counted, size},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster snapshot --url https://cdn.example --key site.pub --to site.snapshot

";

/// Write a whole published site into one file, which a program can include
#[derive(Debug, Args)]
pub struct SnapshotArguments {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    site: SiteArguments,
}

impl SnapshotArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let shown = context.shown(&self.to);
        let mut out = NewFile::create(&self.to, &shown)?;
        let whole = self.site.reader(context)?.whole().await;
        let (manifest, files) = whole.map_err(|error| failure(&error))?;
        let bytes = Snapshot::write(&manifest, |digest| files.get(digest).cloned());
        let bytes = bytes.map_err(|error| {
            Failure::new(OwnCode::BadFile, error.to_string()).help("publish the site again")
        })?;
        out.write(&bytes, &shown)?;
        out.keep(&shown)?;
        let count = manifest.manifest.files.len();
        let tag = &manifest.manifest.tag;
        if !context.screen.is_table() {
            let (to, bytes) = (self.to.display().to_string(), bytes.len());
            return context.screen.value(&json!({
                "to": to, "tag": tag, "files": count, "bytes": bytes,
            }));
        }
        let (files, bytes) = (counted(count, "file", "files"), size(bytes.len() as u64));
        context.screen.line(&format!("wrote {files} of {tag} to {shown}, {bytes}"))
    }
}
