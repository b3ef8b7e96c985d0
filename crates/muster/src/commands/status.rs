use std::path::Path;

use clap::Args;
use muster_wire::{
    followers::FollowerReport,
    status::{StatusReport, WriteReport},
};

use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    output::{
        numbers::{counted, holding, separated, size},
        sanitized,
        table::padded,
        times,
    },
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster status
  muster status --server http://registry.example:8080
  muster status --output json | jq .position

";

/// Show the state of the registry: contents, writes, ledger, followers
#[derive(Debug, Args)]
pub struct StatusArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl StatusArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let answer = client.status().await?;
        if !context.screen.is_table() {
            return context.screen.value(&answer.json()?);
        }
        context.screen.write(render(context, &answer.read()?).as_bytes())
    }
}

/// One line for each part of the status.
fn render(context: &Context, status: &StatusReport) -> String {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let (documents, schemas) = (count(status.documents), count(status.schemas));
    let rules = count(status.rules);
    let holding = holding(documents, schemas, rules);
    let groups = counted(count(status.groups), "group", "groups");
    let registry = format!(
        "{}, position {}, {holding}{} in {groups}, {} hidden",
        status.registry,
        separated(status.position),
        // Elsewhere, as in the metrics, schemas and rules are counted among the documents.
        if schemas + rules > 0 { format!(" ({documents} in all)") } else { String::new() },
        separated(status.hidden),
    );
    let mut lines = vec![
        ("registry", registry),
        ("ledger", ledger(context, status)),
        ("writes", writes(&status.writes)),
        ("watchers", separated(status.watchers)),
        ("clock", clock(status)),
        ("server", format!("muster {}", status.version)),
    ];
    lines.extend(status.followers.iter().map(|one| ("follower", follower(one))));
    let line = |(name, said): (&str, String)| format!("{}{}\n", padded(name, 11), sanitized(&said));
    lines.into_iter().map(line).collect()
}

/// Whether the server believes its computer's clock, and what to do if it doesn't.
fn clock(status: &StatusReport) -> String {
    match status.clock_jump_s {
        None => status.clock.to_string(),
        Some(seconds) => format!(
            "{} by {} s; times go on without it until it is set right or the server gets SIGHUP",
            status.clock,
            seconds.unsigned_abs()
        ),
    }
}

/// The state of a follower and its lag.
fn follower(report: &FollowerReport) -> String {
    let behind = match (report.behind, report.behind_s) {
        (0, _) => "up to date".to_owned(),
        (entries, None) => format!("{} behind", entries_of(entries)),
        (entries, Some(seconds)) => {
            format!("{} behind, the first from {}", entries_of(entries), times::aged(seconds))
        }
    };
    let failures = match report.failures {
        0 => String::new(),
        failures => format!(", {} in a row", counted(failures as usize, "error", "errors")),
    };
    format!("{}, {}, {behind}{failures}", report.name, report.state)
}

fn entries_of(number: u64) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), "entry", "entries")
}

/// The file and size of the ledger, and the size and age of its last checkpoint.
fn ledger(context: &Context, status: &StatusReport) -> String {
    let mut said = Vec::new();
    if let Some(ledger) = &status.ledger {
        said.push(context.shown(Path::new(&ledger.file)));
        said.push(size(ledger.bytes));
    }
    if let Some(checkpoint) = status.checkpoint {
        let age = status.checkpoint_age_s;
        let age = age.map(|age| format!(" {}", times::aged(age))).unwrap_or_default();
        let behind = if checkpoint < status.position {
            format!(" at position {}", separated(checkpoint))
        } else {
            String::new()
        };
        said.push(format!("last checkpoint{age}{behind}"));
    }
    if said.is_empty() { "nothing is kept on disk".to_owned() } else { said.join(", ") }
}

fn writes(writes: &WriteReport) -> String {
    let waiting = separated(writes.waiting);
    let since = separated(writes.entries_since_start);
    let lately = match &writes.p99_ms {
        Some(p99) => format!("p99 {p99} ms over the last minute"),
        None => "none in the last minute".to_owned(),
    };
    format!("{waiting} waiting, {lately}, {since} since the start")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use std::collections::BTreeMap;

    use muster_wire::Sample;
    use muster_words::Moment;
    use serde_json::{from_value, json};

    use super::*;
    use crate::{output::Screen, settings::Settings};

    fn context() -> Context {
        let environment = BTreeMap::from([("HOME".to_owned(), "/home/ada".to_owned())]);
        let (screen, settings) = (Screen::plain(Moment::EPOCH), Settings::default());
        Context { screen, settings, config: None, environment }
    }

    #[test]
    fn says_how_the_registry_is_in_a_few_lines() {
        let status = json!({"registry": "7f3a19c2", "position": 1204, "documents": 38,
            "moment": "2026-11-21T10:00:00Z",
            "schemas": 3, "rules": 4, "groups": 9, "hidden": 2,
            "ledger": {"file": "/home/ada/.local/share/muster/changes.db", "bytes": 1_449_984},
            "checkpoint": 1204, "checkpoint_age_s": 3,
            "writes": {"waiting": 0, "entries_since_start": 62,
                       "p99_ms": muster_words::json::parse(b"4.10").unwrap()},
            "watchers": 1, "clock": "in step", "version": "0.1.0", "later": {"more": 1}});
        let expect = "\
registry   7f3a19c2, position 1,204, 31 documents, 3 schemas and 4 rules (38 in all) in 9 groups, 2 hidden
ledger     ~/.local/share/muster/changes.db, 1.4 MB, last checkpoint 3 s ago
writes     0 waiting, p99 4.10 ms over the last minute, 62 since the start
watchers   1
clock      in step
server     muster 0.1.0
";
        assert_eq!(render(&context(), &from_value(status).unwrap()), expect);
    }

    #[test]
    fn says_how_followers_are() {
        for (changed, expect) in [
            (json!({}), "search, running, 12 entries behind, the first from 2 s ago"),
            (json!({"behind": 0, "behind_s": null}), "search, running, up to date"),
            (
                json!({"behind": 1, "behind_s": null, "state": "failing", "failures": 3}),
                "search, failing, 1 entry behind, 3 errors in a row",
            ),
            (
                json!({"state": "mark_foreign", "behind_s": null}),
                "search, mark_foreign, 12 entries behind",
            ),
        ] {
            let mut report = serde_json::to_value(FollowerReport::sample()).unwrap();
            report.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
            let mut status = StatusReport::sample();
            status.followers = vec![from_value(report).unwrap()];
            let shown = render(&context(), &status);
            assert_eq!(shown.lines().last(), Some(&*format!("follower   {expect}")));
        }
    }

    #[test]
    fn says_what_a_server_doesnt_tell_in_other_words() {
        for (checkpoint, position, age, expect) in [
            (None, 0, None, "nothing is kept on disk"),
            (Some(7), 7, None, "last checkpoint"),
            (Some(7), 1204, Some(7200), "last checkpoint 2 hours ago at position 7"),
        ] {
            let sample = StatusReport { ledger: None, position, checkpoint, ..Sample::sample() };
            let status = StatusReport { checkpoint_age_s: age, ..sample };
            assert_eq!(ledger(&context(), &status), expect);
        }
        for (clock_state, jump, expect) in [
            ("in step", None, "in step"),
            ("behind the ledger", None, "behind the ledger"),
            (
                "jumped",
                Some(-7200),
                "jumped by 7200 s; times go on without it until it is set right or the server gets SIGHUP",
            ),
        ] {
            let said = from_value(json!(clock_state)).unwrap();
            let status = StatusReport { clock: said, clock_jump_s: jump, ..Sample::sample() };
            assert_eq!(clock(&status), expect);
        }
        let none = json!({"waiting": 2, "p99_ms": null, "entries_since_start": 1204});
        let none = from_value(none).unwrap();
        assert_eq!(writes(&none), "2 waiting, none in the last minute, 1,204 since the start");
    }
}
