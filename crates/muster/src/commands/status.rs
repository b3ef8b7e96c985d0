use std::path::Path;

use clap::Args;
use muster_words::json::Value;

use crate::{
    Context, Failure,
    arguments::Reach,
    output::{
        harmless,
        numbers::{counted, holding, separated, size},
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

/// Show how the registry is: what it holds, how fast it writes, what is odd
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    reach: Reach,
}

impl Status {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.reach.client(context).await?;
        let status = client.status().await?.json()?;
        if !context.screen.is_table() {
            return context.screen.value(&status);
        }
        context.screen.write(render(context, &status).as_bytes())
    }
}

/// One line for each part of what the server says of itself.
fn render(context: &Context, status: &Value) -> String {
    let text = |key: &str| status.get(key).and_then(Value::as_str).unwrap_or("unknown");
    let count = |key: &str| usize::try_from(number(status.get(key))).unwrap_or_default();
    let position = number(status.get("position"));
    let holding = holding(count("documents"), count("schemas"), count("rules"));
    let groups = counted(count("groups"), "group", "groups");
    let registry = format!(
        "{}, position {}, {holding} in {groups}, {} hidden",
        text("registry"),
        separated(position),
        separated(number(status.get("hidden"))),
    );
    let lines = [
        ("registry", registry),
        ("ledger", ledger(context, status, position)),
        ("writes", writes(status.get("writes").unwrap_or(&Value::Null))),
        ("watchers", separated(number(status.get("watchers")))),
        ("clock", text("clock").to_owned()),
        ("server", format!("muster {}", text("version"))),
    ];
    lines.map(|(name, told)| format!("{}{}\n", padded(name, 11), harmless(&told))).concat()
}

/// Where the ledger lies, how large it is, and how far and how old its last checkpoint is.
fn ledger(context: &Context, status: &Value, position: u64) -> String {
    let mut told = Vec::new();
    if let Some(ledger) = status.get("ledger") {
        let file = ledger.get("file").and_then(Value::as_str).unwrap_or_default();
        told.push(context.shown(Path::new(file)));
        told.push(size(number(ledger.get("bytes"))));
    }
    if let Some(checkpoint) = status.get("checkpoint").and_then(Value::as_u64) {
        let age = status.get("checkpoint_age_s").and_then(Value::as_u64);
        let age = age.map(|age| format!(" {}", times::aged(age))).unwrap_or_default();
        let behind = if checkpoint < position {
            format!(" at position {}", separated(checkpoint))
        } else {
            String::new()
        };
        told.push(format!("last checkpoint{age}{behind}"));
    }
    if told.is_empty() { "nothing is kept on disk".to_owned() } else { told.join(", ") }
}

fn writes(writes: &Value) -> String {
    let waiting = separated(number(writes.get("waiting")));
    let since = separated(number(writes.get("entries_since_start")));
    let lately = match writes.get("p99_ms") {
        Some(Value::Number(p99)) => format!("p99 {p99} ms over the last minute"),
        _ => "none in the last minute".to_owned(),
    };
    format!("{waiting} waiting, {lately}, {since} since the start")
}

fn number(value: Option<&Value>) -> u64 {
    value.and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use std::collections::BTreeMap;

    use muster_words::{Moment, json};
    use serde_json::json;

    use super::*;
    use crate::{output::Screen, settings::Settings};

    fn context() -> Context {
        let environment = BTreeMap::from([("HOME".to_owned(), "/home/ada".to_owned())]);
        let (screen, settings) = (Screen::plain(Moment::EPOCH), Settings::default());
        Context { screen, settings, environment }
    }

    #[test]
    fn says_how_the_registry_is_in_a_few_lines() {
        let status = json!({"registry": "7f3a19c2", "position": 1204, "documents": 38,
            "schemas": 3, "rules": 4, "groups": 9, "hidden": 2,
            "ledger": {"file": "/home/ada/.local/share/muster/changes.db", "bytes": 1_449_984},
            "checkpoint": 1204, "checkpoint_age_s": 3,
            "writes": {"waiting": 0, "entries_since_start": 62,
                       "p99_ms": json::parse(b"4.10").unwrap()},
            "watchers": 1, "clock": "in step", "version": "0.1.0", "later": {"more": 1}});
        let expect = "\
registry   7f3a19c2, position 1,204, 31 documents, 3 schemas and 4 rules in 9 groups, 2 hidden
ledger     ~/.local/share/muster/changes.db, 1.4 MB, last checkpoint 3 s ago
writes     0 waiting, p99 4.10 ms over the last minute, 62 since the start
watchers   1
clock      in step
server     muster 0.1.0
";
        assert_eq!(render(&context(), &status), expect);
    }

    #[test]
    fn says_what_a_server_doesnt_tell_in_other_words() {
        for (status, expect) in [
            (json!({}), "nothing is kept on disk"),
            (json!({"checkpoint": 7, "position": 7}), "last checkpoint"),
            (
                json!({"checkpoint": 7, "position": 1204, "checkpoint_age_s": 7200}),
                "last checkpoint 2 hours ago at position 7",
            ),
        ] {
            let position = number(status.get("position"));
            assert_eq!(ledger(&context(), &status, position), expect);
        }
        let none = json!({"waiting": 2, "p99_ms": null, "entries_since_start": 1204});
        assert_eq!(writes(&none), "2 waiting, none in the last minute, 1,204 since the start");
    }
}
