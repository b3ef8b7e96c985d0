use std::{path::PathBuf, time::Duration};

use clap::Args;
use muster_client::{Client, Socket, Timeouts, TrustedRoots};
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
        let wanted = read_from(context, &self.from).await?;
        let client = self.connection.client(context).await?;
        let target = RemoteRegistry::new(client, "/confluent".to_owned(), None);
        let there = target.read().await?;
        let plan = TransferPlan::of(&wanted, &there);
        transfer(context, &plan, &target, self.dry_run, &self.from).await
    }
}

/// Reads everything of a registry, or of a file.
async fn read_from(context: &Context, from: &str) -> Result<SchemaRecords, Failure> {
    if from.contains("://") {
        return remote(from)?.read().await;
    }
    let path = PathBuf::from(from);
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

/// A registry by its URL, which may have a user name and a password, and a path.
pub(in crate::commands) fn remote(url: &str) -> Result<RemoteRegistry, Failure> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, place) = match place.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, place),
    };
    let timeouts = Timeouts { answer: ANSWER_TIME, ..Timeouts::default() };
    let socket = Socket::new(&format!("{scheme}://{place}"), timeouts, &TrustedRoots::System);
    let socket = socket.map_err(|error| {
        Failure::usage(error.to_string()).help("a URL such as http://127.0.0.1:8081")
    })?;
    let authorization = user.map(|user| {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        format!("Basic {}", STANDARD.encode(user))
    });
    let base = path.trim_end_matches('/').to_owned();
    Ok(RemoteRegistry::new(
        Client::of_another_product(std::sync::Arc::new(socket)),
        base,
        authorization,
    ))
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
