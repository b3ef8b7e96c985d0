use std::{path::PathBuf, sync::Arc};

use clap::{ArgGroup, Args};
use muster_guard::ledger_key;
use muster_publisher::{
    DestinationError, EarlierSite, HistoryError, PublishOptions, PublishedSite, SiteKeys,
    earlier_manifest, gaps, later_keys, publish,
};
use muster_wire::publications::PublicationOutcome;
use muster_words::Moment;

use crate::{Context, Failure, OwnCode, bounded_file};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster publish restore --to /srv/www/site --hours-ago 3 --key site.key
  muster publish restore --to /srv/www/site --version-id v20270131-120000 --dry-run

";

/// The largest list of keys, in bytes: a thousand rotations.
const KEYS_BYTES_MAX: u64 = 1024 * 1024;

/// Publish an earlier state again, from a site's own history
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("when").args(["version_id", "hours_ago"]).required(true))]
pub struct RestoreSiteArguments {
    /// The folder with the site, or a bucket: s3://BUCKET/FOLDER, gs://… or az://…
    #[arg(long, value_name = "PLACE")]
    to: String,
    /// The number or the tag of the publication
    #[arg(long, value_name = "VERSION")]
    version_id: Option<String>,
    /// What was published this many hours ago
    #[arg(long, value_name = "COUNT")]
    hours_ago: Option<u32>,
    /// The file keys/site.key of the registry, or a copy of it, to sign with
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The CDN to tell of what changed, as for muster publish
    #[arg(long, value_name = "HOW")]
    purge: Option<String>,
    /// A header with which the CDN is asked, such as 'Fastly-Key: env:FASTLY_KEY'; may repeat
    #[arg(long, value_name = "HEADER", requires = "purge")]
    purge_header: Vec<String>,
    /// Show what would be written and what is missing, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl RestoreSiteArguments {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let place = super::shown(context, &self.to);
        let keys = self.keys()?;
        if keys.is_none() && !self.dry_run {
            return Err(Failure::usage("without its key the site can't be signed")
                .help("--key FILE names keys/site.key of the registry, or a copy of it"));
        }
        let destination =
            super::destination(context, &self.to, (self.purge.as_deref(), &self.purge_header))?;
        let now = context.screen.now;
        let wanted = self.wanted(now)?;
        let found = earlier_manifest(&*destination, &wanted, keys.as_ref()).await;
        let manifest = found.map_err(|error| {
            let help = match &error {
                HistoryError::Destination(error) => return unreadable(error, &place),
                HistoryError::Absent | HistoryError::Ambiguous { .. } => {
                    "the folder history holds what was published; newer first"
                }
                _ => "use another copy of the site",
            };
            Failure::new(OwnCode::NoFile, format!("{place}: {error}")).help(help)
        })?;
        let missing = gaps(&*destination, &manifest).await;
        let missing = missing.map_err(|error| unreadable(&error, &place))?;
        if !missing.is_empty() {
            let what = format!("{place}: the bytes of {} are gone", missing.join(", "));
            return Err(Failure::new(OwnCode::DestinationFailed, what)
                .help("choose a later publication; what was purged doesn't come back"));
        }
        let base_url = manifest.cdn_urls.base.clone();
        let channel = manifest.channel.clone();
        let keys = Arc::new(keys);
        let source = PublishedSite {
            destination: destination.clone(),
            manifest,
            channel,
            base_url,
            keys,
            now,
        };
        // Its position is an earlier one than what is there now; its number is a later one.
        let options = PublishOptions { is_trial: self.dry_run, may_go_back: true, now };
        let report = publish(&source, &destination, &options).await;
        let report = report.map_err(|error| super::failure(error, &place))?;
        let outcome = PublicationOutcome { dry_run: self.dry_run, ..report.outcome(&place) };
        super::show(context, &outcome)
    }

    fn keys(&self) -> Result<Option<SiteKeys>, Failure> {
        let Some(file) = &self.key else { return Ok(None) };
        let signer = ledger_key::read(file).map_err(|error| {
            Failure::new(OwnCode::LedgerKey, error.to_string()).help(error.help())
        })?;
        // Beside it lie the keys that lead to it from the first one, if there are any.
        let listed = bounded_file::read(&file.with_extension("keys"), KEYS_BYTES_MAX).ok();
        let listed = listed.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let later = later_keys(listed.unwrap_or_default(), signer.verifier());
        Ok(Some(SiteKeys { signer, later }))
    }

    fn wanted(&self, now: Moment) -> Result<EarlierSite, Failure> {
        if let Some(version) = &self.version_id {
            return Ok(EarlierSite::Version(version.clone()));
        }
        let age = i64::from(self.hours_ago.unwrap_or_default()) * 3_600_000_000;
        let time = Moment::from_microseconds(now.microseconds().saturating_sub(age));
        let too_far = |_| Failure::usage("--hours-ago goes back further than there are times");
        Ok(EarlierSite::At(time.map_err(too_far)?))
    }
}

fn unreadable(error: &DestinationError, place: &str) -> Failure {
    Failure::new(OwnCode::DestinationFailed, format!("{place}: {error}"))
        .help(super::help(error, place))
}
