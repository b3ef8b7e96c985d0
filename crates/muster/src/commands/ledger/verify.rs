use std::time::Instant;

use clap::Args;
use muster_words::json::Value;

use crate::{
    Context, Exit, Failure,
    arguments::Reach,
    output::{numbers::separated, progress::Progress},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster ledger verify
  muster ledger verify --data /var/lib/muster

";

/// Walk the whole ledger, fold it again, and name the first thing wrong
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    reach: Reach,
}

impl Verify {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.reach.client_or_directory(context).await?;
        let began = Instant::now();
        let mut lines = client.verify().await?;
        let mut progress = Progress::new(&context.screen, "verifying entries", 0);
        let mut verdict = Value::Null;
        while let Some(line) = lines.next_line().await? {
            let checked = line.get("checked").and_then(Value::as_u64);
            if let Some(checked) = checked.filter(|_| line.get("verified").is_none()) {
                progress.advance(usize::try_from(checked).unwrap_or(usize::MAX));
            }
            if !context.screen.is_table() {
                context.screen.line(&line.to_string())?;
            }
            verdict = line;
        }
        drop(progress);
        match verdict.get("verified") {
            Some(Value::Bool(true)) if context.screen.is_table() => {
                context.screen.line(&praise(&verdict))?;
                let tenths = began.elapsed().as_millis() / 100;
                context.screen.line(&format!("verified in {}.{} s", tenths / 10, tenths % 10))
            }
            Some(Value::Bool(true)) => Ok(()),
            Some(_) => Err(blame(&verdict)),
            None => Err(Failure::new("unexpected_answer", "the server gave no verdict")
                .help("its log says why; try again")),
        }
    }
}

/// What was found whole.
fn praise(verdict: &Value) -> String {
    if let Some(words) = verdict.get("what").and_then(Value::as_str) {
        return words.to_owned();
    }
    let count = |key: &str| separated(verdict.get(key).and_then(Value::as_u64).unwrap_or(0));
    let mut text = format!(
        "{} entries, {} contents: chain, tree, contents and fold agree",
        count("entries"),
        count("contents")
    );
    if let Some(checkpoint) = verdict.get("checkpoint").filter(|one| one.is_object()) {
        let key = checkpoint.get("key").and_then(Value::as_str).unwrap_or("an unknown key");
        let size = checkpoint.get("size").and_then(Value::as_u64).unwrap_or(0);
        text = format!("{text}; checkpoint of {} signed by {key}", separated(size));
    }
    text
}

/// The first thing wrong.
fn blame(verdict: &Value) -> Failure {
    let fault = verdict.get("fault").unwrap_or(verdict);
    let text = |key: &str| fault.get(key).and_then(Value::as_str).map(str::to_owned);
    let code = text("code").unwrap_or_else(|| "unverified".to_owned());
    let position = fault.get("position").and_then(Value::as_u64);
    let what = text("what").or_else(|| text("title")).unwrap_or_default();
    let place = position.map(|position| format!("position {}: {what}", separated(position)));
    let before = position.map_or(0, |position| position.saturating_sub(1));
    Failure::new(&code, "the ledger does not verify")
        .exit(Exit::Unverified)
        .lines([place.unwrap_or(what)])
        .help(format!(
            "all entries up to {} verify. Copy the data directory as it is before anything else; then docs/how-to/after-corruption.md",
            separated(before)
        ))
}
