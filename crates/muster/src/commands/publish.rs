use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use clap::Args;
use muster_client::Client;
use muster_publisher::{
    Destination, DestinationError, FolderDestination, PublicationReport, PublicationSource,
    PublishError, PublishOptions, SourceError, publish,
};
use muster_wire::manifest::{ManifestFile, ManifestRequest, object_path};
use serde_json::json;

use crate::{
    Context, Failure, OwnCode,
    arguments::ConnectionArguments,
    output::{Style, numbers::counted, numbers::separated},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster publish --to /srv/www/site --dry-run
  muster publish --to /srv/www/site --base-url https://cdn.example
  muster publish --to staging --channel staging --data /var/lib/muster

";

/// Publish providers and stacks as a signed site of static files
#[derive(Debug, Args)]
pub struct PublishArguments {
    /// The folder to publish to; it is created if there is none
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// The channel that the manifest names [default: production]
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// The address under which the files will lie [default: the registry's own, and /site]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The collections to publish, with commas between them [default: providers,stacks]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    collections: Vec<String>,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace also a later state, or another registry's site
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl PublishArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let request = ManifestRequest {
            channel: self.channel.clone(),
            base_url: self.base_url.clone(),
            collections: self.collections.clone(),
            at_least: None,
        };
        let source = ServedSite { client, request };
        let destination: Arc<dyn Destination> = Arc::new(FolderDestination::new(self.to.clone()));
        let options = PublishOptions {
            is_trial: self.dry_run,
            may_go_back: self.force,
            now: context.screen.now,
        };
        let report = publish(&source, &destination, &options).await;
        let place = context.shown(&self.to);
        let report = report.map_err(|error| failure(error, &place))?;
        self.show(context, &report, &place)
    }

    fn show(
        &self,
        context: &Context,
        report: &PublicationReport,
        place: &str,
    ) -> Result<(), Failure> {
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&to_json(report, self.dry_run, place));
        }
        let (manifest, plan) = (&report.manifest, &report.plan);
        let documents = counted(manifest.files.len(), "file", "files");
        if report.is_unchanged {
            let position = separated(manifest.position);
            let what = format!("nothing to publish: {place} holds position {position}");
            return screen.line(&format!("{what} as {}", manifest.tag));
        }
        if self.dry_run {
            for (path, _) in &plan.named {
                screen.line(&screen.paint(Style::Added, &format!("+ {path}")))?;
            }
            for path in &plan.removed {
                screen.line(&screen.paint(Style::Removed, &format!("- {path}")))?;
            }
        }
        let position = separated(manifest.position);
        let written = counted(plan.named.len(), "name", "names");
        let removed = counted(plan.removed.len(), "name", "names");
        let verb = if self.dry_run { "would publish" } else { "published" };
        screen.line(&format!(
            "{verb} position {position} as {} to {place}: {documents}; {written} written, {removed} removed",
            manifest.tag
        ))
    }
}

/// What was done, for programs.
fn to_json(report: &PublicationReport, is_trial: bool, place: &str) -> serde_json::Value {
    let manifest = &report.manifest;
    let written: Vec<&String> = report.plan.named.iter().map(|(path, _)| path).collect();
    json!({
        "to": place,
        "dry_run": is_trial,
        "unchanged": report.is_unchanged,
        "channel": manifest.channel,
        "version": manifest.version,
        "tag": manifest.tag,
        "position": manifest.position,
        "expires": manifest.expires,
        "before": report.before,
        "files": manifest.files.len(),
        "objects": report.plan.objects.len(),
        "written": written,
        "removed": report.plan.removed,
    })
}

/// A registry's site as a source: the manifest is signed for the channel and the address, and the
/// files come by their digests.
struct ServedSite {
    client: Client,
    request: ManifestRequest,
}

#[async_trait]
impl PublicationSource for ServedSite {
    async fn manifest(&self, at_least: u64) -> Result<Bytes, SourceError> {
        let at_least = Some(at_least).filter(|least| *least > 0);
        let request = ManifestRequest { at_least, ..self.request.clone() };
        Ok(self.client.render_manifest(&request).await?.bytes)
    }

    async fn file(&self, _path: &str, file: &ManifestFile) -> Result<Bytes, SourceError> {
        Ok(self.client.site_file(&object_path(&file.sha256)).await?)
    }
}

fn failure(error: PublishError, place: &str) -> Failure {
    let what = format!("{place}: {error}");
    match error {
        PublishError::Source(error) => match error.downcast::<muster_client::ClientError>() {
            Ok(error) => (*error).into(),
            Err(error) => Failure::new(OwnCode::System, error.to_string()),
        },
        PublishError::BrokenSource { .. } => {
            Failure::new(OwnCode::UnexpectedAnswer, error.to_string()).help(
                "the documents changed meanwhile, or the server is of another release; try again",
            )
        }
        PublishError::Destination(DestinationError::Busy) => {
            Failure::new(OwnCode::DestinationBusy, what)
                .help("wait for its end, then publish again")
        }
        PublishError::Destination(DestinationError::Foreign) => {
            Failure::new(OwnCode::DestinationForeign, what)
                .help("name an empty folder, a new one, or one with a site")
        }
        PublishError::OtherRegistry { .. } | PublishError::Later { .. } => {
            Failure::new(OwnCode::DestinationForeign, what)
                .help("use another folder; --force replaces what is there")
        }
        PublishError::BrokenManifest(_) => Failure::new(OwnCode::DestinationFailed, what)
            .help("move manifest.json away, then publish again: all files are written anew"),
        PublishError::Destination(_) | PublishError::Compression(_) => {
            Failure::new(OwnCode::DestinationFailed, what).help(
                "check that the folder can be written and its disk isn't full, then publish again",
            )
        }
    }
}
