use std::time::Duration;

use clap::Args;
use muster_client::{AddressError, Client, Socket, Timeouts};
use serde_json::json;

use crate::{
    Context, Failure, OwnCode,
    arguments::ConnectionArguments,
    bounded_file,
    output::{numbers::counted, progress::ProgressLine},
    schema_transfer::{RemoteRegistry, SchemaRecords, TransferPlan},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster import confluent --from http://schema-registry:8081 --dry-run
  muster import confluent --from https://user:password@registry.example
  muster import confluent --from schemas.jsonl

";

/// The most bytes of a dump: as many as an answer may have.
const DUMP_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The conflicts that are shown.
const SHOWN_MAX: usize = 20;

/// How long a registry may take for an answer.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// Copy schemas with their ids from a registry with Confluent's API
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct ConfluentImportArguments {
    /// The registry's URL, or a file with records of its topic _schemas (- is standard input)
    #[arg(long, value_name = "URL|FILE")]
    from: String,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ConfluentImportArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let wanted = self.read(context).await?;
        let target = RemoteRegistry::own(self.connection.client(context).await?);
        let there = target.read().await?;
        let plan = TransferPlan::of(&wanted, &there);
        transfer(context, &plan, &target, self.dry_run, &self.from).await
    }

    /// Reads everything of a registry, or of a file.
    async fn read(&self, context: &Context) -> Result<SchemaRecords, Failure> {
        let from = self.from.as_str();
        if from.contains("://") {
            return remote(context, &self.connection, ("--from", from)).await?.read().await;
        }
        let path = context.set_path(from);
        let text = match from {
            "-" => std::io::read_to_string(std::io::stdin()),
            _ => bounded_file::read_text(&path, DUMP_BYTES_MAX),
        };
        let shown = context.shown(&path);
        let text = text.map_err(|error| {
            Failure::new(OwnCode::NoFile, format!("{shown} can't be read: {error}"))
                .help("name a file with a dump, or a URL such as http://127.0.0.1:8081")
        })?;
        SchemaRecords::read(&text).map_err(|fault| {
            Failure::new(OwnCode::BadFile, format!("{shown}: {fault}"))
                .help("a line is what muster export confluent writes, or the key and the value of a record of the topic _schemas with a tab between them")
        })
    }
}

/// The registry at the other end: a flag and the URL that it holds, which may have a user name and a
/// password, and a path. It is trusted as the command's own server is.
pub(in crate::commands) async fn remote(
    context: &Context,
    connection: &ConnectionArguments,
    (flag, url): (&'static str, &str),
) -> Result<RemoteRegistry, Failure> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, place) = match place.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, place),
    };
    let timeouts = Timeouts { answer: ANSWER_TIME, ..Timeouts::default() };
    let roots = connection.roots(context);
    let socket = Socket::new(&format!("{scheme}://{place}"), timeouts, &roots);
    let socket = socket.map_err(|error| match error {
        AddressError::Form(_) => Failure::usage(error.to_string())
            .help(format!("{flag} takes a URL such as http://127.0.0.1:8081")),
        AddressError::Trust(error) => Failure::bad_roots(&error),
    })?;
    let authorization = user.map(|user| {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        format!("Basic {}", STANDARD.encode(user))
    });
    let base = path.trim_end_matches('/').to_owned();
    let client = Client::of_another_product(std::sync::Arc::new(socket));
    RemoteRegistry::other(client, base, authorization, flag).await
}

/// Shows a plan and does it.
pub(in crate::commands) async fn transfer(
    context: &Context,
    plan: &TransferPlan,
    target: &RemoteRegistry,
    dry_run: bool,
    from: &str,
) -> Result<(), Failure> {
    if !plan.conflicts.is_empty() {
        let count = counted(plan.conflicts.len(), "version is", "versions are");
        return Err(Failure::new(
            OwnCode::AlreadyThere,
            format!("{count} there already, and not the same; nothing was changed"),
        )
        .lines(
            plan.conflicts
                .iter()
                .take(SHOWN_MAX)
                .map(|line| format!("  {line}"))
                .collect::<Vec<_>>(),
        )
        .help(
            "import into an empty registry, or into one that has only what was imported from there",
        ));
    }
    let screen = &context.screen;
    let (add, others) = (plan.registrations(), plan.steps.len() - plan.registrations());
    if !dry_run {
        let mut progress = ProgressLine::new(screen, "copying", plan.steps.len());
        plan.run(target, |done| progress.advance(done)).await?;
    }
    if !screen.is_table() {
        let steps: Vec<String> = plan.steps.iter().map(|step| step.shown()).collect();
        return screen.value(&json!({
            "from": muster_client::without_userinfo(from),
            "registered": add,
            "others": others,
            "unchanged": plan.unchanged,
            "dry_run": dry_run,
            "steps": steps,
            "stays": plan.stays,
        }));
    }
    if dry_run {
        for step in &plan.steps {
            screen.line(&format!("{} {}", step.sign(), step.shown()))?;
        }
    }
    for what in &plan.stays {
        screen.line(&format!("= {what} is only here; it stays"))?;
    }
    let versions = counted(add, "version", "versions");
    let settings = counted(others, "other step", "other steps");
    let verb = if dry_run { "to copy" } else { "copied" };
    screen.line(&format!("{verb}: {versions}, {settings}; {} unchanged", plan.unchanged))
}
