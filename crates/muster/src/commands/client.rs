//! Reading a published site, as an application does.

pub mod get;
pub mod health;
pub mod stats;

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, Subcommand};
use muster_client::{
    TrustedRoots,
    site::{FolderSource, SiteOptions, SiteReader, SiteSource, Snapshot, UrlSource},
};
use muster_ledger::Verifier;

use crate::{Context, Failure, OwnCode, bounded_file};

/// Read a published site as an application does
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    #[command(before_help = get::EXAMPLES)]
    Get(get::ClientGetArguments),
    #[command(before_help = health::EXAMPLES)]
    Health(health::ClientHealthArguments),
    #[command(before_help = stats::EXAMPLES)]
    Stats(stats::ClientStatsArguments),
}

impl ClientCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Get(get) => get.run(context).await,
            Self::Health(health) => health.run(context).await,
            Self::Stats(stats) => stats.run(context).await,
        }
    }
}

/// Which site is read, and what helps where it can't be.
#[derive(Clone, Debug, Args)]
pub struct SiteArguments {
    /// The address of the site, or a folder with it; several are asked in their order
    #[arg(long, value_name = "URL", required = true)]
    url: Vec<String>,
    /// The public key of the site, as muster keys site prints it, or a file with it [default:
    /// signatures aren't checked]
    #[arg(long, value_name = "KEY", value_parser = super::backup::site_verifier)]
    key: Option<Verifier>,
    /// The channel that it must have
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// A folder that keeps what was read, for when the site can't be
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// A file that muster snapshot wrote, for when nothing else is left
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// How often to try
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    max_retries: u32,
    /// The time for one try, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    timeout: u32,
    /// A file of certificates that may sign the server's [or MUSTER_CA_CERT]
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
}

/// The largest snapshot, in bytes.
const SNAPSHOT_BYTES_MAX: u64 = 256 * 1024 * 1024;

impl SiteArguments {
    /// A reader of the site.
    pub(in crate::commands) fn reader(&self, context: &Context) -> Result<SiteReader, Failure> {
        let timeout = Duration::from_secs(u64::from(self.timeout.max(1)));
        let set = &context.settings.client.ca_cert;
        let roots = match &self.ca_cert {
            Some(file) => TrustedRoots::File(file.clone()),
            None if set.is_empty() => TrustedRoots::System,
            None => TrustedRoots::File(context.set_path(set)),
        };
        let source = |place: &String| -> Result<Arc<dyn SiteSource>, Failure> {
            if !place.contains("://") {
                return Ok(Arc::new(FolderSource::new(context.set_path(place))));
            }
            let source = UrlSource::new(place, timeout, &roots);
            Ok(Arc::new(source.map_err(|error| Failure::usage(error.to_string()))?))
        };
        let sources = self.url.iter().map(source).collect::<Result<_, _>>()?;
        let options = SiteOptions {
            max_retries: self.max_retries,
            timeout,
            key: self.key.clone(),
            channel: self.channel.clone(),
            disk: self.cache.clone(),
            snapshot: self.snapshot(context)?.map(Arc::new),
            ..SiteOptions::default()
        };
        Ok(SiteReader::new(sources, options))
    }

    fn snapshot(&self, context: &Context) -> Result<Option<Snapshot>, Failure> {
        let Some(file) = &self.snapshot else { return Ok(None) };
        let shown = context.shown(file);
        let bytes = bounded_file::read(file, SNAPSHOT_BYTES_MAX).map_err(|error| {
            Failure::new(OwnCode::NoFile, format!("{shown}: {error}"))
                .help("name a file that muster snapshot wrote")
        })?;
        Snapshot::read(&bytes).map(Some).map_err(|error| {
            Failure::new(OwnCode::BadFile, format!("{shown}: {error}"))
                .help("write it again with muster snapshot")
        })
    }
}
