use std::{path::PathBuf, time::Instant};

use clap::Args;
use muster_client::JsonLines;
use muster_wire::ledger::{BrokenLedger, SoundLedger, VerificationLine, VerificationProgress};
use tokio::sync::mpsc::Receiver;

use super::{
    against::{NewerLedger, OlderCheckpoint},
    check::verifier,
};
use crate::{
    Context, Exit, Failure, FailureCode, OwnCode,
    arguments::ConnectionArguments,
    composition,
    output::{
        numbers::{seconds, separated},
        progress::ProgressLine,
    },
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster ledger verify
  muster ledger verify --data /var/lib/muster
  muster ledger verify --against last-month.checkpoint

";

/// Verify the whole ledger, replay it, and name the first fault
#[derive(Debug, Args)]
pub struct LedgerVerifyArguments {
    /// Also prove that the ledger continues this older checkpoint: nothing in it was rewritten
    #[arg(long, value_name = "CHECKPOINT")]
    against: Option<PathBuf>,
    /// The public key of the older checkpoint, as muster keys ledger prints it, or a file with it
    /// [default: the key that the ledger says]
    #[arg(long, value_name = "VERIFIER", requires = "against")]
    key: Option<String>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl LedgerVerifyArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let began = Instant::now();
        let older = self.against.as_deref().map(|file| {
            let key = self.key.as_deref().map(verifier).transpose()?;
            OlderCheckpoint::read(file, key)
        });
        let older = older.transpose()?;
        let (mut lines, newer, place) = match self.connection.directory(context).await? {
            Some(directory) => {
                let size = older.as_ref().map_or(0, OlderCheckpoint::size);
                let verification =
                    composition::verify(context, &directory, size).map_err(unopened)?;
                let newer = NewerLedger::Directory(verification.root);
                (Source::Directory(verification.lines), newer, context.shown(&directory))
            }
            None => {
                let client = self.connection.client(context).await?;
                let lines = Source::Server(client.verify().await?);
                let place = client.place().to_owned();
                (lines, NewerLedger::Server(client), place)
            }
        };
        let sound = match self.result(context, &mut lines, &place).await? {
            Some(Ok(sound)) => sound,
            Some(Err(broken)) => return Err(failure(&broken, &place)),
            None => {
                return Err(Failure::new(
                    OwnCode::UnexpectedAnswer,
                    "the server's answer ended without a result",
                )
                .help("the server's log says why; try again"));
            }
        };
        let continued = match older {
            Some(older) => Some(older.compare(newer, &sound, &place).await?),
            None => None,
        };
        if !context.screen.is_table() {
            return match continued {
                Some(continued) => context.screen.next_value(&continued.json()),
                None => Ok(()),
            };
        }
        context.screen.line(&whole(&sound))?;
        if matches!(lines, Source::Directory(_)) && sound.checkpoint.is_none() {
            context
                .screen
                .line("there is no checkpoint, so missing entries at the end can't be detected")?;
        }
        if let Some(continued) = continued {
            context.screen.line(&continued.to_string())?;
        }
        context.screen.line(&format!("verified {place} in {}", seconds(began.elapsed())))
    }

    /// Reads the lines, shows the progress, and returns the last line.
    async fn result(
        &self,
        context: &Context,
        lines: &mut Source,
        place: &str,
    ) -> Result<Option<Result<SoundLedger, BrokenLedger>>, Failure> {
        let mut progress = ProgressLine::new(&context.screen, "verifying entries", 0);
        let mut checked = VerificationProgress::default();
        let mut found = None;
        // One listener for the whole loop; a new one per line would miss a Ctrl-C between two
        // lines.
        let mut pressed = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            let line = tokio::select! {
                biased;
                _ = &mut pressed => return Err(stopped(checked)),
                line = lines.next() => line?,
            };
            let Some(line) = line else { break };
            if !context.screen.is_table() {
                self.tell_program(context, &line, place)?;
            }
            match line {
                VerificationLine::Progress(so_far) => {
                    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
                    progress.advance_of(count(so_far.checked), count(so_far.of));
                    checked = so_far;
                }
                VerificationLine::Sound(sound) => found = Some(Ok(sound)),
                VerificationLine::Broken(broken) => found = Some(Err(broken)),
            }
        }
        drop(progress);
        Ok(found)
    }

    /// A line for programs, with the ledger that it is about.
    fn tell_program(
        &self,
        context: &Context,
        line: &VerificationLine,
        place: &str,
    ) -> Result<(), Failure> {
        let mut value = serde_json::to_value(line).unwrap_or_default();
        if !matches!(line, VerificationLine::Progress(_)) {
            value["ledger"] = place.into();
        }
        context.screen.next_value(&value)
    }
}

/// The source of the lines.
enum Source {
    Server(JsonLines<VerificationLine>),
    Directory(Receiver<VerificationLine>),
}

impl Source {
    async fn next(&mut self) -> Result<Option<VerificationLine>, Failure> {
        match self {
            Self::Server(lines) => Ok(lines.next_line().await?),
            Self::Directory(lines) => Ok(lines.recv().await),
        }
    }
}

/// The failure after Ctrl-C, with the progress so far.
fn stopped(last: VerificationProgress) -> Failure {
    let (checked, of) = (separated(last.checked), separated(last.of));
    Failure::new(
        OwnCode::Interrupted,
        format!("stopped: {checked} of {of} entries verified so far"),
    )
    .help("muster ledger verify starts again at the first entry")
}

/// The message about a ledger that verifies.
fn whole(sound: &SoundLedger) -> String {
    let text = format!(
        "{} entries, {} contents: chain, tree, contents and fold agree",
        separated(sound.entries),
        separated(sound.contents)
    );
    let Some(checkpoint) = &sound.checkpoint else { return text };
    let behind = match sound.entries.saturating_sub(checkpoint.size) {
        0 => String::new(),
        behind => format!(", {} before the end,", separated(behind)),
    };
    let (size, signer) = (separated(checkpoint.size), signer(&checkpoint.key));
    format!("{text}; checkpoint of {size}{behind} signed by {signer}")
}

/// The short form of a signing key that people compare: its name and its id. C2SP signed-note
/// writes `<name>+<id>+<key>`; the key may hold a `+`, too.
pub(in crate::commands) fn signer(verifier: &str) -> String {
    verifier.splitn(3, '+').take(2).collect::<Vec<_>>().join("+")
}

/// The failure for the first fault.
fn failure(broken: &BrokenLedger, ledger: &str) -> Failure {
    let fault = &broken.fault;
    let place = match fault.position {
        Some(position) if !fault.what.starts_with("position") => {
            format!("position {}: {}", separated(position), fault.what)
        }
        _ => fault.what.clone(),
    };
    let before = fault.position.unwrap_or_default().saturating_sub(1);
    let whole = if before > 0 {
        format!("all entries up to {} verify. ", separated(before))
    } else {
        String::new()
    };
    unverified(FailureCode::named(&fault.reason), place, &whole)
        .with_message(format!("the ledger of {ledger} does not verify"))
}

fn unverified(code: impl Into<FailureCode>, place: String, whole: &str) -> Failure {
    Failure::new(code, "the ledger does not verify")
        .exit(Exit::Unverified)
        .lines([place])
        .help(format!(
            "{whole}Copy the data directory as it is before anything else; then follow \"When a ledger doesn't verify\" in Muster's documentation"
        ))
}

/// A ledger that can't be read at all doesn't verify either.
fn unopened(failure: Failure) -> Failure {
    if failure.is(OwnCode::LedgerUnusable) {
        unverified(OwnCode::LedgerUnusable, failure.what().to_owned(), "")
    } else {
        failure
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use muster_words::Moment;
    use serde_json::{from_value, json};

    use super::*;
    use crate::output::Screen;

    #[test]
    fn names_the_first_thing_wrong_and_what_to_do_first() {
        let what = "position 871, 2026-11-21T12:00:00Z: the document of /a/b/c/d/versions/1: its digest is aa; the entry says bb";
        let verdict = json!({"verified": false,
            "fault": {"reason": "content_changed", "position": 871, "what": what}});
        let failure = failure(&from_value(verdict).unwrap(), "~/registry");
        let expect = format!(
            "error: the ledger of ~/registry does not verify  [content_changed]\n  {what}\n\
             help: all entries up to 870 verify. Copy the data directory as it is before anything else; then follow \"When a ledger doesn't verify\" in Muster's documentation"
        );
        assert_eq!(failure.render(&Screen::plain(Moment::EPOCH)).unwrap(), expect);
        assert_eq!(failure.exit_code(), Exit::Unverified);
    }

    #[test]
    fn says_how_much_was_whole() {
        let verdict = json!({"verified": true, "entries": 1204, "contents": 1231, "purged": 0,
            "checkpoint": {"size": 1204, "key": "a/changes+8f2c11d0+AbC+d/e=", "verifier": ""}});
        let expect = "1,204 entries, 1,231 contents: chain, tree, contents and fold agree; \
                      checkpoint of 1,204 signed by a/changes+8f2c11d0";
        assert_eq!(whole(&from_value(verdict).unwrap()), expect);
        let behind = json!({"verified": true, "entries": 1204, "contents": 1231, "purged": 0,
            "checkpoint": {"size": 1200, "key": "a+8f2c11d0", "verifier": ""}});
        let behind = whole(&from_value(behind).unwrap());
        let expect = "checkpoint of 1,200, 4 before the end, signed by a+8f2c11d0";
        assert!(behind.ends_with(expect), "{behind}");
    }

    #[test]
    fn a_ledger_that_cannot_be_opened_does_not_verify() {
        for (code, expect) in
            [(OwnCode::LedgerUnusable, Exit::Unverified), (OwnCode::InUse, Exit::Refused)]
        {
            assert_eq!(unopened(Failure::new(code, "x")).exit_code(), expect, "{code:?}");
        }
    }
}
