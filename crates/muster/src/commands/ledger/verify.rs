use std::time::Instant;

use clap::Args;
use muster_client::Lines;
use muster_words::json::Value;
use tokio::sync::mpsc::Receiver;

use crate::{
    Context, Exit, Failure,
    arguments::Reach,
    composition,
    output::{
        numbers::{seconds, separated},
        progress::Progress,
    },
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
        let began = Instant::now();
        let mut lines = match self.reach.directory(context).await? {
            Some(directory) => {
                Source::Directory(composition::verify(context, &directory).map_err(unopened)?)
            }
            None => Source::Server(self.reach.client(context).await?.verify().await?),
        };
        let mut progress = Progress::new(&context.screen, "verifying entries", 0);
        let mut verdict = Value::Null;
        // One listener for all lines: between two of them nobody else would hear it.
        let mut pressed = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            let line = tokio::select! {
                biased;
                _ = &mut pressed => return Err(stopped(&verdict)),
                line = lines.next() => line?,
            };
            let Some(line) = line else { break };
            let number = |key: &str| {
                let number = line.get(key).and_then(Value::as_u64)?;
                usize::try_from(number).ok()
            };
            if let (Some(checked), Some(total)) = (number("checked"), number("of")) {
                progress.advance_of(checked, total);
            }
            if !context.screen.is_table() {
                context.screen.next_value(&line)?;
            }
            verdict = line;
        }
        drop(progress);
        match verdict.get("verified") {
            Some(Value::Bool(true)) if context.screen.is_table() => {
                context.screen.line(&praise(&verdict))?;
                if matches!(lines, Source::Directory(_)) && verdict.get("checkpoint").is_none() {
                    context
                        .screen
                        .line("no checkpoint: nothing tells whether its end is missing")?;
                }
                context.screen.line(&format!("verified in {}", seconds(began.elapsed())))
            }
            Some(Value::Bool(true)) => Ok(()),
            Some(_) => Err(blame(&verdict)),
            None => Err(Failure::new("unexpected_answer", "the server gave no verdict")
                .help("its log says why; try again")),
        }
    }
}

/// Where the lines come from.
enum Source {
    Server(Lines),
    Directory(Receiver<Value>),
}

impl Source {
    async fn next(&mut self) -> Result<Option<Value>, Failure> {
        match self {
            Self::Server(lines) => Ok(lines.next_line().await?),
            Self::Directory(lines) => Ok(lines.recv().await),
        }
    }
}

/// Somebody pressed Ctrl-C: how far it had come.
fn stopped(last: &Value) -> Failure {
    let count = |key: &str| separated(last.get(key).and_then(Value::as_u64).unwrap_or(0));
    let what = format!("stopped: {} of {} entries hold so far", count("checked"), count("of"));
    Failure::new("interrupted", what)
        .help("muster ledger verify begins again from the first: a verdict is of the whole")
}

/// What was found whole.
fn praise(verdict: &Value) -> String {
    let count = |key: &str| separated(verdict.get(key).and_then(Value::as_u64).unwrap_or(0));
    let text = format!(
        "{} entries, {} contents: chain, tree, contents and fold agree",
        count("entries"),
        count("contents")
    );
    if let Some(checkpoint) = verdict.get("checkpoint").filter(|one| one.is_object()) {
        let key = checkpoint.get("key").and_then(Value::as_str).unwrap_or("an unknown key");
        let size = checkpoint.get("size").and_then(Value::as_u64).unwrap_or(0);
        let signer = signer(key);
        let entries = verdict.get("entries").and_then(Value::as_u64).unwrap_or(0);
        let behind = match entries.saturating_sub(size) {
            0 => String::new(),
            behind => format!(", {} before the end,", separated(behind)),
        };
        return format!("{text}; checkpoint of {}{behind} signed by {signer}", separated(size));
    }
    text
}

/// The part of a verifier's text that people compare: its name and its key's id (C2SP signed-note:
/// `<name>+<id>+<key>`, whose key may have a `+` of its own).
pub(in crate::commands) fn signer(verifier: &str) -> String {
    verifier.splitn(3, '+').take(2).collect::<Vec<_>>().join("+")
}

/// The first thing wrong.
fn blame(verdict: &Value) -> Failure {
    let fault = verdict.get("fault").unwrap_or(verdict);
    let text = |key: &str| fault.get(key).and_then(Value::as_str).unwrap_or_default();
    let position = fault.get("position").and_then(Value::as_u64);
    let place = match position {
        Some(position) if !text("what").starts_with("position") => {
            format!("position {}: {}", separated(position), text("what"))
        }
        _ => text("what").to_owned(),
    };
    let before = position.unwrap_or_default().saturating_sub(1);
    let whole = if before > 0 {
        format!("all entries up to {} verify. ", separated(before))
    } else {
        String::new()
    };
    unverified(text("code"), place, &whole)
}

fn unverified(code: &str, place: String, whole: &str) -> Failure {
    Failure::new(code, "the ledger does not verify")
        .exit(Exit::Unverified)
        .lines([place])
        .help(format!(
            "{whole}Copy the data directory as it is before anything else; then docs/how-to/after-corruption.md"
        ))
}

/// A ledger of which nothing can be read doesn't verify either.
fn unopened(failure: Failure) -> Failure {
    match failure.code() {
        code @ "ledger_unusable" => unverified(code, failure.what().to_owned(), ""),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_words::Moment;
    use serde_json::json;

    use super::*;
    use crate::output::Screen;

    #[test]
    fn names_the_first_thing_wrong_and_what_to_do_first() {
        let what = "position 871, 2026-11-21T12:00:00Z: the document of /a/b/c/d/versions/1 is aa now; the entry says bb";
        let verdict = json!({"verified": false,
            "fault": {"code": "content_changed", "position": 871, "what": what}});
        let failure = blame(&verdict);
        let expect = format!(
            "error: the ledger does not verify  [content_changed]\n  {what}\n\
             help: all entries up to 870 verify. Copy the data directory as it is before anything else; then docs/how-to/after-corruption.md"
        );
        assert_eq!(failure.render(&Screen::plain(Moment::EPOCH)).unwrap(), expect);
        assert_eq!(failure.exit_code(), Exit::Unverified);
    }

    #[test]
    fn says_how_much_was_whole() {
        let verdict = json!({"verified": true, "entries": 1204, "contents": 1231,
            "checkpoint": {"size": 1204, "key": "a/changes+8f2c11d0+AbC+d/e="}});
        let expect = "1,204 entries, 1,231 contents: chain, tree, contents and fold agree; \
                      checkpoint of 1,204 signed by a/changes+8f2c11d0";
        assert_eq!(praise(&verdict), expect);
        let behind = json!({"verified": true, "entries": 1204, "contents": 1231,
            "checkpoint": {"size": 1200, "key": "a+8f2c11d0"}});
        let expect = "checkpoint of 1,200, 4 before the end, signed by a+8f2c11d0";
        assert!(praise(&behind).ends_with(expect), "{}", praise(&behind));
    }

    #[test]
    fn a_ledger_that_cannot_be_opened_does_not_verify() {
        for (code, expect) in [("ledger_unusable", Exit::Unverified), ("in_use", Exit::Refused)] {
            assert_eq!(unopened(Failure::new(code, "x")).exit_code(), expect, "{code}");
        }
    }
}
