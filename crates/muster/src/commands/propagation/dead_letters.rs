use clap::{Args, Subcommand};
use muster_client::{Client, Query};
use muster_wire::propagation::{
    DeadLetterPage, DeadLetterReport, PropagationAction, PropagationRequest,
};

use super::{RowFilter, shown};
use crate::{
    Context, Exit, Failure,
    arguments::ConnectionArguments,
    commands::delete::confirm,
    output::{Table, numbers::counted, times},
};

/// Examples of the command `list`.
const LIST_EXAMPLES: &str = "\
Examples:
  muster propagation dead-letters list
  muster propagation dead-letters list --target targets/ops/entries/hook

";

/// Examples of the command `replay`.
const REPLAY_EXAMPLES: &str = "\
Examples:
  muster propagation dead-letters replay 4 7
  muster propagation dead-letters replay --target targets/ops/entries/hook

";

/// Examples of the command `purge`.
const PURGE_EXAMPLES: &str = "\
Examples:
  muster propagation dead-letters purge 4 7
  muster propagation dead-letters purge --route routes/ops/entries/services --yes

";

/// How many dead letters one request is about.
const AT_ONCE: usize = 1_000;

/// List, replay and remove deliveries that were given up
#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    #[command(before_help = LIST_EXAMPLES)]
    List(DeadLettersListArguments),
    #[command(before_help = REPLAY_EXAMPLES)]
    Replay(DeadLettersReplayArguments),
    #[command(before_help = PURGE_EXAMPLES)]
    Purge(DeadLettersPurgeArguments),
}

/// List deliveries that were given up, with the reasons
#[derive(Debug, Args)]
pub struct DeadLettersListArguments {
    #[command(flatten)]
    filter: RowFilter,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Deliver dead letters once more; those that are delivered are removed
#[derive(Debug, Args)]
pub struct DeadLettersReplayArguments {
    #[command(flatten)]
    chosen: ChosenLetters,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Remove dead letters
#[derive(Debug, Args)]
pub struct DeadLettersPurgeArguments {
    #[command(flatten)]
    chosen: ChosenLetters,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Dead letters, by number, route or target.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct ChosenLetters {
    /// The numbers of dead letters
    #[arg(value_name = "NUMBER")]
    letters: Vec<u64>,
    /// All of this route
    #[arg(long, value_name = "XID", conflicts_with = "letters")]
    route: Option<String>,
    /// All of this target
    #[arg(long, value_name = "XID", conflicts_with = "letters")]
    target: Option<String>,
    /// All of them
    #[arg(long, conflicts_with_all = ["letters", "route", "target"])]
    all: bool,
}

impl ChosenLetters {
    async fn numbers(&self, client: &Client) -> Result<Vec<u64>, Failure> {
        if !self.letters.is_empty() {
            return Ok(self.letters.clone());
        }
        let query = RowFilter { route: self.route.clone(), target: self.target.clone(), limit: 1 };
        let found = all(client, &query.query(client).await?, usize::MAX).await?;
        Ok(found.iter().map(|letter| letter.letter).collect())
    }
}

/// Dead letters, page by page.
async fn all(
    client: &Client,
    query: &Query,
    limit: usize,
) -> Result<Vec<DeadLetterReport>, Failure> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = client.dead_letters(&query.clone().with_some("after", after)).await?;
        let DeadLetterPage { letters, next } = page.read()?;
        found.extend(letters);
        match next {
            Some(next) if found.len() < limit => after = Some(next),
            _ => break,
        }
    }
    found.truncate(limit);
    Ok(found)
}

impl DeadLettersCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(context).await,
            Self::Replay(replay) => replay.run(context).await,
            Self::Purge(purge) => purge.run(context).await,
        }
    }
}

impl DeadLettersListArguments {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let letters = all(&client, &self.filter.query(&client).await?, self.filter.limit).await?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&serde_json::json!({"letters": letters}));
        }
        if letters.is_empty() {
            screen.note("no dead letters");
            return Ok(());
        }
        let headings = ["number", "event", "document", "target", "tries", "last try", "reason"];
        let mut table = Table::new(headings).numbers(0).numbers(4);
        for letter in letters {
            table.row([
                letter.letter.to_string(),
                letter.event,
                shown(&letter.xid),
                shown(&letter.target),
                letter.attempts.to_string(),
                times::at(screen, &letter.last),
                letter.reason,
            ]);
        }
        screen.write(table.render(screen).as_bytes())
    }
}

impl DeadLettersReplayArguments {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let numbers = self.chosen.numbers(&client).await?;
        let (mut done, mut failed) = (0, Vec::new());
        for letters in numbers.chunks(AT_ONCE) {
            let result = act(&client, PropagationAction::Replay, letters).await?;
            done += result.done;
            failed.extend(result.failed);
        }
        let screen = &context.screen;
        if screen.is_table() {
            for letter in &failed {
                screen.note(&format!("{}: {}", letter.letter, letter.reason));
            }
            let done = usize::try_from(done).unwrap_or(usize::MAX);
            let count = counted(done, "delivery", "deliveries");
            screen.line(&format!("{count} made, {} not made", failed.len()))?;
        } else {
            screen.value(&serde_json::json!({"done": done, "failed": failed}))?;
        }
        match failed.is_empty() {
            true => Ok(()),
            false => Err(Failure::already_reported(Exit::Refused)),
        }
    }
}

impl DeadLettersPurgeArguments {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let numbers = self.chosen.numbers(&client).await?;
        let count = counted(numbers.len(), "dead letter", "dead letters");
        if !numbers.is_empty() {
            confirm(context, self.yes, &format!("Remove {count} for ever?"))?;
        }
        let mut done = 0;
        for letters in numbers.chunks(AT_ONCE) {
            done += act(&client, PropagationAction::Purge, letters).await?.done;
        }
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&serde_json::json!({"done": done}));
        }
        let done = usize::try_from(done).unwrap_or(usize::MAX);
        screen.line(&format!("removed {}", counted(done, "dead letter", "dead letters")))
    }
}

async fn act(
    client: &Client,
    action: PropagationAction,
    letters: &[u64],
) -> Result<muster_wire::propagation::PropagationResult, Failure> {
    let request = PropagationRequest { action, target: None, letters: letters.to_vec() };
    Ok(client.act_on_propagation(&request).await?.read()?)
}
