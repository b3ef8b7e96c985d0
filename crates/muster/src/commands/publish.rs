mod restore;
mod served_site;
pub(in crate::commands) mod stored;

use std::{path::Path, sync::Arc, time::Duration};

use clap::{Args, Subcommand};
use muster_client::{Client, StreamItem, StreamStart};
use muster_publisher::{
    BadPlace, BucketScheme, CachedDestination, DestinationError, PublishError, PublishOptions,
    SiteDestination, destination_at, publish,
};
use muster_wire::{manifest::ManifestRequest, publications::PublicationOutcome};
use muster_words::Moment;

use self::served_site::ServedSite;
use crate::{
    Context, Failure, OwnCode,
    arguments::ConnectionArguments,
    composition,
    output::{
        Style,
        numbers::{counted, separated},
    },
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster publish --to /srv/www/site --base-url https://cdn.example
  muster publish --to /srv/www/site --base-url https://cdn.example --dry-run
  muster publish --to /srv/www/site --base-url https://cdn.example --watch
  muster publish --to s3://bucket/site --base-url https://cdn.example --purge cloudfront:E2QWRUHAPOMQZL
  muster publish --to gs://bucket/site --base-url https://cdn.example
  muster publish --to az://container/site --base-url https://cdn.example
  muster publish production
  muster publish --list
  muster publish restore --to /srv/www/site --version-id v20270131-120000 --key site.key

";

/// Publish providers and stacks as a signed site of static files
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct PublishArguments {
    /// A publication that the registry holds, such as production [default: all of them]
    #[arg(value_name = "NAME", conflicts_with = "to")]
    name: Option<String>,
    /// List the publications with their destinations, what each shows, and its last problem
    #[arg(long, conflicts_with_all = ["to", "dry_run"])]
    list: bool,
    /// The folder to publish to, which is created if there is none, or a bucket:
    /// s3://BUCKET/FOLDER, gs://BUCKET/FOLDER (Google) or az://CONTAINER/FOLDER (Azure)
    #[arg(long, value_name = "PLACE")]
    to: Option<String>,
    /// The channel that the manifest names [default: production]
    #[arg(long, value_name = "NAME", requires = "to")]
    channel: Option<String>,
    /// The CDN to tell of what changed: cloudfront:ID, or a method and an address such as
    /// 'PURGE https://cdn.example/{path}'
    #[arg(long, value_name = "HOW", requires = "to")]
    purge: Option<String>,
    /// A header with which the CDN is asked, such as 'Fastly-Key: env:FASTLY_KEY'; may repeat
    #[arg(long, value_name = "HEADER", requires = "purge")]
    purge_header: Vec<String>,
    /// The address under which the files will lie [default: the registry's own, and /site]
    #[arg(long, value_name = "URL", requires = "to")]
    base_url: Option<String>,
    /// The collections to publish, with commas between them [default: providers,stacks]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "to")]
    collections: Vec<String>,
    /// Go on, and publish each change
    #[arg(long, requires = "to", conflicts_with_all = ["dry_run", "data"])]
    watch: bool,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace also a later state, or another registry's site
    #[arg(long, requires = "to")]
    force: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
    #[command(subcommand)]
    action: Option<PublishAction>,
}

/// What else can be done with a published site.
#[derive(Debug, Subcommand)]
enum PublishAction {
    #[command(before_help = restore::EXAMPLES)]
    Restore(restore::RestoreSiteArguments),
}

/// How long changes are collected before they are published together.
const COLLECTING: Duration = Duration::from_millis(100);

/// How often the age of the manifest is looked at.
const RENEWAL_CHECK: Duration = Duration::from_secs(3_600);

impl PublishArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        if let Some(PublishAction::Restore(restore)) = self.action {
            return restore.run(context).await;
        }
        let client = self.connection.client(context).await?;
        if self.list {
            return stored::list(context, &client, self.name.as_deref()).await;
        }
        let Some(to) = self.to.clone() else {
            return stored::run(context, &client, self.name.as_deref(), self.dry_run).await;
        };
        if !self.watch {
            let outcome = self.publish_once(context, &client, &to, context.screen.now).await?;
            return show(context, &outcome);
        }
        self.publish_changes(context, &client, &to).await
    }

    async fn publish_once(
        &self,
        context: &Context,
        client: &Client,
        to: &str,
        now: Moment,
    ) -> Result<PublicationOutcome, Failure> {
        let request = ManifestRequest {
            channel: self.channel.clone(),
            base_url: self.base_url.clone(),
            collections: self.collections.clone(),
            previous: None,
        };
        let source = ServedSite { client: client.clone(), request };
        let cdn = (self.purge.as_deref(), self.purge_header.as_slice());
        let destination = destination(context, to, cdn)?;
        let options = PublishOptions { is_trial: self.dry_run, may_go_back: self.force, now };
        let place = shown(context, to);
        let report = publish(&source, &destination, &options).await;
        let report = report.map_err(|error| failure(error, &place))?;
        Ok(PublicationOutcome { dry_run: self.dry_run, ..report.outcome(&place) })
    }

    /// Publishes now, and again after each change until Ctrl-C. What fails is told and tried again.
    async fn publish_changes(
        &self,
        context: &Context,
        client: &Client,
        to: &str,
    ) -> Result<(), Failure> {
        // Followed first, so that no change falls between.
        let mut changes = client.changes(StreamStart::Now);
        let mut pressed = std::pin::pin!(tokio::signal::ctrl_c());
        let mut is_first = true;
        loop {
            let now = Moment::after_epoch(
                std::time::SystemTime::now()
                    .duration_since(std::time::SystemTime::UNIX_EPOCH)
                    .unwrap_or_default(),
            );
            match self.publish_once(context, client, to, now).await {
                Ok(outcome) if is_first || !outcome.unchanged => match show(context, &outcome) {
                    Err(failure) if outcome.purge_error.is_some() => {
                        context.screen.note(failure.what());
                    }
                    shown => shown?,
                },
                Ok(_) => {}
                Err(failure) if is_first => return Err(failure),
                Err(failure) => context.screen.note(&format!("not published: {}", failure.what())),
            }
            is_first = false;
            tokio::select! {
                biased;
                _ = &mut pressed => return Ok(()),
                () = change(&mut changes) => {}
                () = tokio::time::sleep(RENEWAL_CHECK) => {}
            }
            tokio::time::sleep(COLLECTING).await;
        }
    }
}

/// The destination at a place, with the CDN before it, if there is one.
fn destination(
    context: &Context,
    place: &str,
    (purge, headers): (Option<&str>, &[String]),
) -> Result<Arc<dyn SiteDestination>, Failure> {
    let destination = destination_alone(context, place)?;
    let Some(how) = purge else { return Ok(destination) };
    let cdn = composition::purge(how, headers, &context.environment)?;
    Ok(Arc::new(CachedDestination::new(destination, cdn)))
}

fn destination_alone(context: &Context, place: &str) -> Result<Arc<dyn SiteDestination>, Failure> {
    let path = context.set_path(place);
    let place = path.to_str().unwrap_or(place);
    destination_at(place, &composition::bucket_access(&context.environment)).map_err(|error| {
        let help = match error {
            BadPlace::NotBuilt => "build it with --features buckets, or publish to a folder",
            BadPlace::NoKey(_) => "set them in the environment of this command",
            BadPlace::BrokenKey { .. } => "correct the variable in the environment of this command",
            _ => "name a folder, or a bucket as s3://bucket/folder, gs://… or az://…",
        };
        Failure::usage(format!("{place}: {error}")).help(help)
    })
}

/// A place as people write it.
fn shown(context: &Context, place: &str) -> String {
    if place.contains("://") { place.to_owned() } else { context.shown(Path::new(place)) }
}

/// Waits for a change, or for a new connection, behind which changes may have been missed.
async fn change(changes: &mut muster_client::ChangeStream) {
    loop {
        match changes.next_item().await {
            Ok(StreamItem::Change(_) | StreamItem::Connected) => return,
            Ok(StreamItem::Lost(_)) => {}
            // The next publication says why.
            Err(_) => return tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

/// Shows what was done.
pub(in crate::commands) fn show(
    context: &Context,
    outcome: &PublicationOutcome,
) -> Result<(), Failure> {
    print(context, outcome)?;
    unpurged(outcome).map_or(Ok(()), Err)
}

/// The failure if a CDN couldn't be told of what was published.
fn unpurged(outcome: &PublicationOutcome) -> Option<Failure> {
    let why = outcome.purge_error.as_ref()?;
    let what = format!("{} is published, but the CDN wasn't told: {why}", outcome.to);
    Some(
        Failure::new(OwnCode::DestinationFailed, what)
            .help("publish again: then it is told of everything that it missed"),
    )
}

fn print(context: &Context, outcome: &PublicationOutcome) -> Result<(), Failure> {
    let screen = &context.screen;
    if !screen.is_table() {
        return screen.value(&serde_json::to_value(outcome).unwrap_or_default());
    }
    let (place, position) = (&outcome.to, separated(outcome.position));
    if outcome.unchanged {
        let what = format!("nothing to publish: {place} holds position {position}");
        return screen.line(&format!("{what} as {}", outcome.tag));
    }
    if outcome.dry_run {
        for path in &outcome.written {
            screen.line(&screen.paint(Style::Changed, &format!("~ {path}")))?;
        }
        for path in &outcome.removed {
            screen.line(&screen.paint(Style::Removed, &format!("- {path}")))?;
        }
    }
    let count = |number: usize| counted(number, "name", "names");
    let files = counted(usize::try_from(outcome.files).unwrap_or(usize::MAX), "file", "files");
    let (written, removed) = (count(outcome.written.len()), count(outcome.removed.len()));
    let verb = if outcome.dry_run { "would publish" } else { "published" };
    let what = format!("{verb} position {position} as {} to {place}", outcome.tag);
    screen.line(&format!("{what}: {files}; {written} written, {removed} removed"))?;
    if outcome.cleaned > 0 {
        let objects = usize::try_from(outcome.cleaned).unwrap_or(usize::MAX);
        let objects = counted(objects, "object", "objects");
        screen.line(&format!("removed {objects} that no manifest of the last 30 days names"))?;
    }
    if let Some(why) = &outcome.cleaning_error {
        screen.note(&format!("old objects of {} can't be removed: {why}", outcome.to));
    }
    Ok(())
}

fn failure(error: PublishError, place: &str) -> Failure {
    let what = format!("{place}: {error}");
    match error {
        PublishError::Source(error) => match error.downcast::<muster_client::ClientError>() {
            Ok(error) => (*error).into(),
            Err(error) => Failure::new(OwnCode::DestinationFailed, error.to_string())
                .help("muster publish restore --dry-run names what is missing"),
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
        PublishError::Destination(error) => {
            Failure::new(OwnCode::DestinationFailed, what).help(help(&error, place))
        }
        PublishError::Compression(_) => {
            Failure::new(OwnCode::DestinationFailed, what).help("publish again")
        }
    }
}

/// What to do about a place that refuses.
fn help(error: &DestinationError, place: &str) -> String {
    let scheme = place.split_once("://").and_then(|(scheme, _)| BucketScheme::of(scheme));
    match (error, scheme) {
        (DestinationError::NoBucket { .. }, _) => {
            "check the name, or create it first: muster creates no buckets".to_owned()
        }
        (DestinationError::Denied { .. }, Some(scheme)) => format!(
            "check the key in {}, and that it may put, get and delete objects there",
            scheme.key_variables()
        ),
        (_, Some(_)) => "check the bucket and the way to it, then publish again".to_owned(),
        (_, None) => "check that the folder can be written and its disk isn't full, then publish \
                      again"
            .to_owned(),
    }
}
